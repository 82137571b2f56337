// SPDX-License-Identifier: Apache-2.0

/// The reason why a file of tensors could not be read or written.
public struct TensorFileError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kinds of failure, told apart by what the caller should do.
    public enum Code: Hashable, Sendable {
        /// No such file: look for it elsewhere, or go on without it.
        case missing
        /// The bytes are not what the format wants: cut short, damaged or hostile.
        case corrupt
        /// The file is sound, but holds something that is not read here.
        case unsupported
        /// The tensor is not there, or has another shape or type than asked for.
        case mismatch
        /// Anything that the system reported.
        case failed
    }

    /// The kind of failure.
    public var code: Code
    /// A description of what happened, in which file and where, and what to do about it.
    public var message: String

    /// Creates an error of a kind, with a message for the user.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message as it is printed.
    public var description: String { self.message }
}
