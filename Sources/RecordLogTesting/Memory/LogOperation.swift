// SPDX-License-Identifier: Apache-2.0

public import RecordLog

/// A call of a `MemoryLog`, as its fault injector sees it.
public struct LogOperation: Hashable, Sendable, CustomStringConvertible {
    /// The functions that can be called.
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        /// `RecordLog.createTopic`; the subject is the topic.
        case createTopic
        /// `RecordLog.topics`.
        case topics
        /// `RecordLog.deleteTopic`; the subject is the topic.
        case deleteTopic
        /// `RecordLog.deleteRecords`; the subject is the partition.
        case deleteRecords
        /// `RecordLog.enforceRetention`.
        case enforceRetention
        /// `RecordLog.offsets` and `RecordLog.offset`; the subject is the partition.
        case offsets
        /// `RecordLog.makeReader`; the subject is the partition.
        case makeReader
        /// `PartitionReader.read`; the subject is the partition.
        case read
        /// `RecordLog.makeWriter`; the subject is the writer's id.
        case makeWriter
        /// `TransactionalWriter.state`; the subject is the writer's id.
        case state
        /// `TransactionalWriter.commit`; the subject is the writer's id.
        case commit
        /// `RecordLog.writerIDs`.
        case writerIDs
        /// `RecordLog.remove`; the subject is the id of the writer in whose name it is done.
        case remove
        /// `RecordLog.join`; the subject is the group.
        case join
        /// `GroupMember.poll`; the subject is the member's id.
        case poll
        /// `GroupMember.leave`; the subject is the member's id. It cannot fail: an error is taken as the death of the
        /// process before or after it.
        case leave
        /// `RecordLog.committedOffset`; the subject is the partition.
        case committedOffset
        /// `RecordLog.resetOffset`; the subject is the partition.
        case resetOffset
        /// `RecordLog.groups`.
        case groups
    }

    /// The injector's side of the call's effect.
    public enum Side: String, Hashable, Sendable, CaseIterable {
        /// Nothing has happened yet: a failure here leaves the log as it was.
        case before
        /// It has happened: a failure here is an answer that was lost.
        case after
    }

    /// The function that is called.
    public var kind: Kind
    /// The subject of the call; empty where there is nothing to name.
    public var subject: String
    /// Before or after the effect.
    public var side: Side

    /// Describes a call.
    public init(_ kind: Kind, _ subject: String = "", _ side: Side) {
        self.kind = kind
        self.subject = subject
        self.side = side
    }

    /// For instance `before commit of nlq.land.0`.
    public var description: String {
        "\(self.side.rawValue) \(self.kind.rawValue)" + (self.subject.isEmpty ? "" : " of \(self.subject)")
    }
}

/// Makes calls of a `MemoryLog` fail: throws to fail the call that it is told of.
public typealias FaultInjector = @Sendable (LogOperation) throws(LogError) -> Void
