// SPDX-License-Identifier: Apache-2.0

/// A mistake in a piece of JSON, and its place.
public struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The value that was expected and the one that was found.
    public var message: String
    /// Bytes from the start of the text.
    public var offset: Int

    /// Says what is wrong at a byte of the text.
    public init(_ message: String, offset: Int) {
        self.message = message
        self.offset = offset
    }

    /// `message at byte N`
    public var description: String { "\(self.message) at byte \(self.offset)" }
}

/// The kinds of JSON value, known from a value's first byte.
public enum JSONKind: String, Sendable {
    /// `{…}`
    case object = "an object"
    /// `[…]`
    case array = "an array"
    /// `"…"`
    case string = "a string"
    /// `1.5`
    case number = "a number"
    /// `true` or `false`
    case boolean = "a boolean"
    /// `null`
    case null
}
