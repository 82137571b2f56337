// SPDX-License-Identifier: Apache-2.0

/// Why a file of tensors could not be read or written.
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

    /// What kind of failure it is.
    public var code: Code
    /// What happened, in which file and where, and what to do about it.
    public var message: String

    /// Creates an error.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { self.message }
}
