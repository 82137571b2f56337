// SPDX-License-Identifier: Apache-2.0

public import DurableFiles
public import RecordLog

/// The reason why a shard could not be written, published, read or believed.
public struct ShardError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kinds of failure, told apart by what the caller should do.
    public enum Code: Hashable, Sendable {
        /// The disk or the quota is full: make room and go on, nothing is lost.
        case storageFull
        /// The file system is mounted read-only, or the user may not write there.
        case readOnly
        /// No such file or folder.
        case missing
        /// This user may not read it.
        case forbidden
        /// The process, or the machine, has as many files open as it may.
        case tooManyOpen
        /// The name is in use.
        case nameTaken
        /// A sample that cannot be a line of JSON Lines.
        case invalidSample
        /// An option outside its range.
        case invalidOption
        /// The bytes are not what was written.
        case corrupt
        /// Written by a newer version.
        case versionTooNew
        /// The log that holds the manifest failed.
        case log
        /// That log cannot be reached, or has a commit there that is undecided: try again.
        case logUnavailable
        /// A simulated machine is down.
        case crashed
        /// Anything else that the system reported.
        case failed
    }

    /// The kind of failure.
    public var code: Code
    /// A description of what happened, where, and what to do about it.
    public var message: String

    /// Says what failed, in words for the user.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The same failure of the file system in the words of shards.
    public init(_ failure: FileFailure) {
        let code: Code =
            switch failure.code {
            case .missing: .missing
            case .forbidden: .forbidden
            case .full: .storageFull
            case .readOnly: .readOnly
            case .taken: .nameTaken
            case .tooManyOpen: .tooManyOpen
            case .notAFile, .outside, .changed, .tooLarge, .failed: .failed
            }
        self.init(code, failure.message)
    }

    /// Equals `message`.
    public var description: String { self.message }

    /// The same failure in the words of the sinks' contract.
    public var sinkError: SinkError {
        SinkError(
            self.message, isStorageFull: self.code == .storageFull, isRetriable: self.code == .logUnavailable)
    }

    static func log(_ error: LogError, reading topic: String) -> ShardError {
        switch error.code {
        case .unknownTopic:
            ShardError(
                .missing, "no manifest topic \(topic): nothing was ever published there; see `millrace shards list`")
        case .versionTooNew: ShardError(.versionTooNew, "manifest \(topic): \(error.message)")
        case .unavailable: ShardError(.logUnavailable, "manifest \(topic): \(error.message)")
        default: ShardError(.log, "manifest \(topic): \(error.message)")
        }
    }
}
