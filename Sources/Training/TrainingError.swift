// SPDX-License-Identifier: Apache-2.0

/// The reason why training cannot start or go on.
public struct TrainingError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kinds of failure, told apart by what the caller should do.
    public enum Code: Hashable, Sendable {
        /// The options are wrong, or others than the run was started with.
        case usage
        /// There is nothing to train on.
        case noSamples
        /// A checkpoint or a plan is damaged, or belongs to another run.
        case checkpoint
        /// The loss is no number.
        case notFinite
        /// A file could not be read or written.
        case failed
    }

    /// The kind of failure.
    public var code: Code
    /// A description of what happened, where, and what to do about it.
    public var message: String

    /// Creates an error of a kind, with a message for the user.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message as it is printed.
    public var description: String { self.message }
}
