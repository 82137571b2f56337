// SPDX-License-Identifier: Apache-2.0

public import Records

/// A process's membership in a consumer group.
public struct GroupConfiguration: Hashable, Sendable {
    /// The group's name.
    public var group: String
    /// The topics whose partitions the group shares.
    public var topics: [String]
    /// Time a member may be silent before its partitions move to others.
    public var sessionTimeoutMilliseconds: Int

    /// Describes a membership.
    public init(group: String, topics: [String], sessionTimeoutMilliseconds: Int = 10_000) {
        self.group = group
        self.topics = topics
        self.sessionTimeoutMilliseconds = sessionTimeoutMilliseconds
    }
}

/// One member of a consumer group.
///
/// A member's partitions change only inside `poll`, which must be called at least every third of the session
/// timeout, whatever else is slow. Reading is the caller's, by readers of the log's, partition by partition and at its
/// own pace: a reader that is not asked holds no more than a bounded amount of data.
public protocol GroupMember: AnyObject, Sendable {
    /// Names the member within its group.
    var id: String { get }

    /// Keeps the membership alive and tells the handler what changed, before it returns.
    func poll(timeoutMilliseconds: Int, _ handler: any AssignmentHandler) throws(LogError)

    /// Gives up all partitions, after telling the handler, so that others need not wait for a timeout.
    func leave(_ handler: any AssignmentHandler)
}

/// Is told inside `GroupMember.poll` which partitions came and went.
public protocol AssignmentHandler: AnyObject {
    /// These partitions are the member's from now on. Make their writers, which fences former owners, before
    /// reading any offset; not in here where that may take long, since the member is not polled meanwhile.
    func assigned(_ partitions: [TopicPartition])

    /// These partitions go to others when this call returns: commit what is finished, within a bounded time.
    func revoked(_ partitions: [TopicPartition])

    /// These partitions are another member's already: stop, committing is pointless.
    func lost(_ partitions: [TopicPartition])
}

/// A group as `status` shows it.
public struct GroupDescription: Hashable, Sendable {
    /// A member of the group.
    public struct Member: Hashable, Sendable {
        /// Names the member.
        public var id: String
        /// Host and process it runs in, as far as the log knows.
        public var location: String
        /// The partitions it owns.
        public var partitions: [TopicPartition]

        /// Creates a description.
        public init(id: String, location: String, partitions: [TopicPartition]) {
            self.id = id
            self.location = location
            self.partitions = partitions
        }
    }

    /// A group's commit for a partition.
    public struct Commit: Hashable, Sendable {
        /// The partition.
        public var partition: TopicPartition
        /// The offset and its metadata.
        public var committed: CommittedOffset
        /// The time of the commit, where the log knows.
        public var time: Timestamp?

        /// Creates a description.
        public init(partition: TopicPartition, committed: CommittedOffset, time: Timestamp?) {
            self.partition = partition
            self.committed = committed
            self.time = time
        }
    }

    /// The group's name.
    public var group: String
    /// The members that are alive.
    public var members: [Member]
    /// The commits, by partition.
    public var commits: [Commit]

    /// Creates a description.
    public init(group: String, members: [Member], commits: [Commit]) {
        self.group = group
        self.members = members
        self.commits = commits
    }
}
