// SPDX-License-Identifier: Apache-2.0

/// What is in a file, which version of it, and how it is laid out when it is created.
public struct DatabaseFormat: Sendable {
    /// What the file is to its users: `log`.
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
    /// Whether free pages can be given back to the file system on request; fixed when the file is created.
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

/// How a file is opened.
public struct DatabaseOptions: Sendable {
    /// For reading only.
    public var readOnly = false
    /// How long a call waits for another process.
    public var busyTimeoutMilliseconds = 10_000
    /// After how many bytes of WAL they are written to the file.
    public var checkpointBytes = 8 << 20
    /// What remains of the WAL's file.
    public var walBytesMax = 64 << 20
    /// The largest size of the file; `nil` is without limit.
    public var fileBytesMax: Int?

    /// The defaults.
    public init() {}
}
