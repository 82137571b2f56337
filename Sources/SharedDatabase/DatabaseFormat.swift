// SPDX-License-Identifier: Apache-2.0

/// The contents of a file, their version, and the file's layout when it is created.
public struct DatabaseFormat: Sendable {
    /// The users' word for the file: `log`.
    public var name: String
    /// `PRAGMA application_id` of the file.
    public var applicationID: Int32
    /// `PRAGMA user_version` of the file. Raise it with any change that an older program would misread.
    public var version: Int32
    /// The statements that create the tables.
    public var tables: String
    /// One of the tables.
    public var table: String
    /// The size of a page, fixed when the file is created.
    public var pageBytes: Int
    /// Tells whether free pages can be given back to the file system on request; fixed when the file is created.
    public var givesPagesBack: Bool

    /// Describes a format.
    public init(
        name: String, applicationID: Int32, version: Int32, tables: String, table: String, pageBytes: Int,
        givesPagesBack: Bool = false
    ) {
        self.name = name
        self.applicationID = applicationID
        self.version = version
        self.tables = tables
        self.table = table
        self.pageBytes = pageBytes
        self.givesPagesBack = givesPagesBack
    }
}

/// Options for opening a file.
public struct DatabaseOptions: Sendable {
    /// Opens for reading only.
    public var readOnly = false
    /// Time a call waits for another process.
    public var busyTimeoutMilliseconds = 10_000
    /// The size of the WAL, in bytes, at which it is written to the file.
    public var checkpointBytes = 8 << 20
    /// The size to which the WAL's file is cut back, in bytes.
    public var walBytesMax = 64 << 20
    /// The largest size of the file, in bytes; `nil` is without limit.
    public var fileBytesMax: Int?

    /// The defaults.
    public init() {}
}
