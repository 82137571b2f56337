// SPDX-License-Identifier: Apache-2.0

public import Records

/// The reason why a log refused or failed.
public struct LogError: Error, Sendable, CustomStringConvertible {
    /// The kinds of failure, told apart by what the caller should do.
    public enum Code: Hashable, Sendable {
        /// No such topic, or no such partition in it.
        case unknownTopic
        /// The topic exists and is not what was asked for.
        case topicConflict
        /// Another writer has taken over this id: the task has moved, stop working for it.
        case fenced
        /// The offset is not retained (any more); the range is what is.
        case offsetOutOfRange(Range<Offset>)
        /// A record is larger than its topic takes.
        case recordTooLarge
        /// A process works on what was to be removed.
        case inUse
        /// The log cannot be reached or is busy; try again.
        case unavailable
        /// The disk is full.
        case storageFull
        /// The log may be read but not written.
        case readOnly
        /// The stored data is damaged.
        case corrupt
        /// The data was written by a newer version.
        case versionTooNew
        /// An argument that no log could take.
        case invalidArgument
        /// The log has been closed.
        case closed
        /// Anything else that the storage or the network reported.
        case failed
    }

    /// The kind of failure.
    public var code: Code
    /// The failure, its place, and the remedy.
    public var message: String

    /// Says what failed, in words for the user.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Tells whether the same call may succeed later.
    public var isRetriable: Bool { self.code == .unavailable }

    /// Equals `message`.
    public var description: String { self.message }
}
