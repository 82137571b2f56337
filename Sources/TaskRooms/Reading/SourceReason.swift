// SPDX-License-Identifier: Apache-2.0

/// The reason codes of the problems that readers of files find; a task adds its own in an extension.
public enum SourceReason {
    /// A time that is no number: NaN, an infinity, text in a table that should be a number.
    public static let notANumber = "not-a-number"
    /// A value of another type than it should have.
    public static let wrongType = "wrong-type"
    /// A field that must be there and is not.
    public static let missingKey = "missing-key"
    /// Bytes that are not UTF-8.
    public static let invalidUTF8 = "invalid-utf8"
    /// Text that is not JSON.
    public static let malformedJSON = "malformed-json"
    /// A text or a line that would not fit in a record.
    public static let textTooLong = "text-too-long"
    /// A row of a table with more or fewer fields than its header.
    public static let wrongFieldCount = "wrong-field-count"
}

/// The limits of what readers of files take; a task adds its own in an extension.
public enum SourceLimits {
    /// The longest line of a JSON Lines file or row of a table: 8 MiB.
    public static let lineBytesMax = 8 << 20
    /// The largest value of a JSON file that is cut out whole: 32 MiB.
    public static let valueBytesMax = 32 << 20
}
