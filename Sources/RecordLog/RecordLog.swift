// SPDX-License-Identifier: Apache-2.0

public import Records

/// Topics of partitions of records, with consumer groups and transactions: the contract that every log keeps.
///
/// - A partition is an ordered sequence addressed by offset. Offsets never change and grow, but need not be dense.
/// - A key always lands in the same partition (`Partitioner`).
/// - A commit is all or nothing over any number of topics, the consumed offsets and the task's state; readers never
///   see a part of one that failed.
/// - Of two writers with one id the later lives; the earlier is fenced.
/// - Calls block and belong on threads of the caller's, never on the cooperative pool. A log may be used from many
///   threads at a time; a reader, writer or member is used from one at a time.
///
/// `RecordLogTesting` holds the conformance suite that shows these promises for an implementation.
public protocol RecordLog: AnyObject, Sendable {
    /// Creates a topic; with a topic of that name and the same partitions already there, does nothing.
    /// - Throws: `LogError.Code.topicConflict` where the existing topic has other partitions.
    func createTopic(_ specification: TopicSpecification) throws(LogError)

    /// All topics, by name.
    func topics() throws(LogError) -> [TopicSpecification]

    /// Removes a topic and its records, and the offsets that groups committed for it. No such topic: nothing.
    func deleteTopic(_ name: String) throws(LogError)

    /// Removes the records below an offset.
    func deleteRecords(of partition: TopicPartition, before offset: Offset) throws(LogError)

    /// Removes what topics no longer retain, by their `retention`. A log that does so by itself does nothing.
    func enforceRetention() throws(LogError)

    /// The first offset that is retained, and the one past the last committed record.
    func offsets(of partition: TopicPartition) throws(LogError) -> Range<Offset>

    /// The first offset whose record was appended at or after a time; the end offset where there is none.
    func offset(of partition: TopicPartition, notBefore time: Timestamp) throws(LogError) -> Offset

    /// Waits until every transaction that had written to a partition before the call is decided, so that what is read
    /// afterwards lacks nothing that was committed by then: a reader sees nothing behind an undecided record.
    /// - Throws: `LogError.Code.unavailable` where that takes longer than the time given.
    func awaitDecisions(on partition: TopicPartition, timeoutMilliseconds: Int) throws(LogError)

    /// A reader of one partition outside any group.
    /// - Throws: `LogError.Code.unknownTopic`. An offset outside the retained range is the first read's error.
    func makeReader(of partition: TopicPartition, from offset: Offset) throws(LogError) -> any PartitionReader

    /// A writer with an id; an earlier writer with the same id is fenced from here on.
    func makeWriter(id: String) throws(LogError) -> any TransactionalWriter

    /// The state that the last commit under a writer's id left, for those who only look: nobody is fenced. None for an
    /// id that no writer has had.
    func state(ofWriter id: String) throws(LogError) -> [StateEntry]

    /// The ids that writers have had, in order.
    func writerIDs() throws(LogError) -> [String]

    /// Removes what a removal lists and commits a transaction with it, in the name of a writer.
    ///
    /// A log that can does all of it at once. Another goes step by step, and on from there when it is called again with
    /// the same. What is not there is passed over.
    /// - Throws: `.inUse` where a group that must be idle has a live member, before anything is removed; `.fenced`
    ///   where
    ///   a later writer has the id.
    func remove(
        _ removal: Removal, committing transaction: Transaction, by writer: any TransactionalWriter
    ) throws(LogError)

    /// Joins a consumer group over some topics. Partitions are assigned in `GroupMember.poll`.
    func join(_ configuration: GroupConfiguration) throws(LogError) -> any GroupMember

    /// The offset that a group committed for a partition.
    func committedOffset(group: String, partition: TopicPartition) throws(LogError) -> CommittedOffset?

    /// Sets a group's offset outside any task; for replays and repairs of groups that are not running.
    func resetOffset(group: String, partition: TopicPartition, to committed: CommittedOffset?) throws(LogError)

    /// The groups known, with their members and offsets.
    func groups() throws(LogError) -> [GroupDescription]

    /// Returns when something may have been appended or a time has passed, whichever is first.
    func awaitAppend(timeoutMilliseconds: Int)

    /// Releases what the log holds. Later calls fail.
    func close()
}

extension RecordLog {
    /// A log whose commits take effect at once has nothing undecided.
    public func awaitDecisions(on partition: TopicPartition, timeoutMilliseconds: Int) throws(LogError) {}
}

/// The description of a topic.
public struct TopicSpecification: Hashable, Sendable {
    /// The topic's name: letters, digits, `.`, `_` and `-`, at most 249 characters, as Kafka wants it.
    public var name: String
    /// The number of partitions, fixed when the topic is created.
    public var partitions: Int
    /// The limits on what it keeps.
    public var retention: Retention
    /// The largest record, key and value together, in bytes.
    public var recordBytesMax: Int

    /// Describes a topic; by default it keeps everything and takes records of up to 8 MiB.
    public init(
        name: String, partitions: Int, retention: Retention = Retention(),
        recordBytesMax: Int = Self.recordBytesMaxDefault
    ) {
        self.name = name
        self.partitions = partitions
        self.retention = retention
        self.recordBytesMax = recordBytesMax
    }

    /// The default of `recordBytesMax`: 8 MiB.
    public static let recordBytesMaxDefault = 8 << 20

    /// The limits on what a topic keeps of each partition; `nil` is without limit.
    public struct Retention: Hashable, Sendable {
        /// Seconds after its append that a record may be removed.
        public var seconds: Int?
        /// Bytes a partition may take before its oldest records are removed.
        public var bytes: Int?

        /// Describes a retention.
        public init(seconds: Int? = nil, bytes: Int? = nil) {
            self.seconds = seconds
            self.bytes = bytes
        }
    }

    /// Tells whether a topic may have a name.
    public static func isValid(name: String) -> Bool {
        (1...249).contains(name.utf8.count) && name != "." && name != ".."
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }
}

/// Reads one partition in order, seeing committed records only.
public protocol PartitionReader: AnyObject, Sendable {
    /// The next records, at least one where one is there, else none; does not wait for an append.
    /// - Parameter bytesMax: stop once keys and values reach this many bytes.
    /// - Throws: `LogError.Code.offsetOutOfRange` where retention has passed the position.
    func read(recordsMax: Int, bytesMax: Int) throws(LogError) -> FetchedBatch

    /// As `read`, but only what has arrived: none may be there although the end has not been reached.
    ///
    /// For those who come again soon. Where records come over a network, `read` waits for an answer, and this does not.
    func readArrived(recordsMax: Int, bytesMax: Int) throws(LogError) -> FetchedBatch

    /// Moves to another offset.
    func seek(to offset: Offset)
}

extension PartitionReader {
    /// Reads all: with records at hand, what has arrived is what is there.
    public func readArrived(recordsMax: Int, bytesMax: Int) throws(LogError) -> FetchedBatch {
        try self.read(recordsMax: recordsMax, bytesMax: bytesMax)
    }
}

/// Writes transactions under one id. A task has a writer of its own.
public protocol TransactionalWriter: AnyObject, Sendable {
    /// The writer's name: topology, stage and partition.
    var id: String { get }

    /// Counts the writers that this id has had; greater than any earlier one's.
    var epoch: Int64 { get }

    /// The state that the last commit under this id left.
    func state() throws(LogError) -> [StateEntry]

    /// Commits everything in a transaction, or nothing of it. Durable on return. An empty one only finds out whether
    /// the id is still this writer's.
    /// - Throws: `.fenced` where a later writer has the id; `.recordTooLarge`; `.unknownTopic`; `.storageFull`; and so
    ///   on. After any error nothing of the transaction is visible, and the same transaction may be tried again if the
    ///   error says so (`LogError.isRetriable`).
    func commit(_ transaction: Transaction) throws(LogError)

    /// Gives the id up without fencing anyone.
    func close()
}

/// Everything that is committed together.
public struct Transaction: Sendable {
    /// Records for one topic.
    public struct Output: Sendable {
        /// The topic that the records are appended to.
        public var topic: String
        /// The partition of all these records; `nil`: by key, and in turn for records without one.
        public var partition: Int?
        /// The records, in order.
        public var records: RecordBatch

        /// Describes an output.
        public init(topic: String, partition: Int?, records: RecordBatch) {
            self.topic = topic
            self.partition = partition
            self.records = records
        }
    }

    /// Records to append.
    public var outputs: [Output] = []
    /// The group that consumed, where offsets are committed.
    public var group: String?
    /// The offsets up to which the group has consumed.
    public var offsets: [TopicPartition: CommittedOffset] = [:]
    /// Changes to the writer's state.
    public var state: [StateChange] = []

    /// Creates an empty transaction.
    public init() {}

    /// Tells whether there is nothing to commit.
    public var isEmpty: Bool {
        self.outputs.allSatisfy(\.records.isEmpty) && self.offsets.isEmpty && self.state.isEmpty
    }
}

/// The offset up to which a group has consumed a partition.
public struct CommittedOffset: Hashable, Sendable {
    /// The next offset to read.
    public var offset: Offset
    /// Whatever the committer wants to find again; Millrace keeps the stage's hash here.
    public var metadata: String

    /// Creates a committed offset.
    public init(_ offset: Offset, metadata: String = "") {
        self.offset = offset
        self.metadata = metadata
    }
}
