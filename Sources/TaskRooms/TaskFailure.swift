// SPDX-License-Identifier: Apache-2.0

/// A failure of what a task does for a command, as the user is to see it.
public struct TaskFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kinds of failure, by which the exit code goes.
    public enum Code: Sendable {
        /// Something failed on the way.
        case failed
        /// The command is wrong, or names what does not exist; nothing was done.
        case usage
    }

    /// Decides on the exit code.
    public var code: Code
    /// The fault and its remedy.
    public var message: String

    /// Describes a failure.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Equals `message`.
    public var description: String { self.message }
}
