// SPDX-License-Identifier: Apache-2.0

public import RecordLog
public import Records
import Synchronization

/// The log in memory: for tests of operators and engines, and for simulations under a clock of their own.
///
/// A `Storage` outlives the logs that are opened on it, as a file outlives processes: each `MemoryLog` stands for one
/// process. Nothing in it depends on chance or, with a clock of the caller's and `waits: false`, on real time.
public final class MemoryLog: RecordLog {
    /// The data that other logs keep on disk.
    public final class Storage: Sendable {
        let state = Mutex(MemoryState())
        let now: @Sendable () -> Timestamp
        let hasOffsetGaps: Bool
        let waits: Bool

        /// Creates an empty storage.
        /// - Parameters:
        ///   - hasOffsetGaps: whether some offsets are skipped between and within commits, as Kafka does.
        ///   - waits: whether `awaitAppend` and `poll` wait in real time; otherwise they return at once.
        ///   - now: stamps records and times sessions, in milliseconds since 1970.
        public init(
            hasOffsetGaps: Bool = false, waits: Bool = true,
            now: @escaping @Sendable () -> Timestamp = MemoryLog.systemNow
        ) {
            self.hasOffsetGaps = hasOffsetGaps
            self.waits = waits
            self.now = now
        }
    }

    /// The system's clock, in milliseconds since 1970.
    public static let systemNow: @Sendable () -> Timestamp = { MemoryClock.systemMilliseconds() }

    let storage: Storage
    private let handle: Int
    private let isClosed = Atomic<Bool>(false)
    private let injector = Mutex<Injector?>(nil)

    /// Holds the closure: a closure that lies in a mutex by itself is wrapped once more each time it is read.
    private struct Injector: Sendable {
        let inject: FaultInjector
    }

    /// Opens a log on a storage.
    public init(storage: Storage = Storage()) {
        self.storage = storage
        self.handle = storage.state.withLock { $0.makeHandle() }
    }

    /// Sets what makes calls of this log and its readers, writers and members fail; `nil` for nothing.
    public func inject(_ injector: FaultInjector?) {
        self.injector.withLock { $0 = injector.map(Injector.init) }
    }

    /// Ends this log as `kill -9` ends a process: its calls fail, its group members are dead, and nobody is told.
    public func crash() { self.close() }

    /// Creates a topic, or checks that the one of that name has as many partitions.
    public func createTopic(_ specification: TopicSpecification) throws(LogError) {
        try self.perform(.createTopic, specification.name) { state throws(LogError) in
            try state.createTopic(specification)
        }
    }

    /// All topics, by name.
    public func topics() throws(LogError) -> [TopicSpecification] {
        try self.perform(.topics, "") { state throws(LogError) in
            state.topics.values.map(\.specification).sorted { $0.name < $1.name }
        }
    }

    /// Removes a topic with its records and the offsets that groups committed for it.
    public func deleteTopic(_ name: String) throws(LogError) {
        try self.perform(.deleteTopic, name) { state throws(LogError) in state.deleteTopic(name) }
    }

    /// Removes the records below an offset.
    public func deleteRecords(of partition: TopicPartition, before offset: Offset) throws(LogError) {
        try self.perform(.deleteRecords, partition.description) { state throws(LogError) in
            try state.deleteRecords(of: partition, before: offset)
        }
    }

    /// Removes what topics no longer retain.
    public func enforceRetention() throws(LogError) {
        let now = self.storage.now()
        try self.perform(.enforceRetention, "") { state throws(LogError) in state.enforceRetention(now: now) }
    }

    /// The first offset that is retained, and the one past the last.
    public func offsets(of partition: TopicPartition) throws(LogError) -> Range<Offset> {
        try self.perform(.offsets, partition.description) { state throws(LogError) in
            try state.partition(partition).range
        }
    }

    /// The first offset whose record was appended at or after a time; the end where there is none.
    public func offset(of partition: TopicPartition, notBefore time: Timestamp) throws(LogError) -> Offset {
        try self.perform(.offsets, partition.description) { state throws(LogError) in
            let partition = try state.partition(partition)
            return partition.records.first { $0.time >= time }?.offset ?? partition.nextOffset
        }
    }

    /// A reader of one partition outside any group.
    public func makeReader(of partition: TopicPartition, from offset: Offset) throws(LogError) -> any PartitionReader {
        try self.perform(.makeReader, partition.description) { state throws(LogError) in
            _ = try state.partition(partition)
            return MemoryReader(log: self, partition: partition, topicID: state.topicID(partition.topic), from: offset)
        }
    }

    /// A writer with an id; fences earlier ones.
    public func makeWriter(id: String) throws(LogError) -> any TransactionalWriter {
        try self.perform(.makeWriter, id) { state throws(LogError) in
            guard !id.isEmpty else { throw LogError(.invalidArgument, "a writer needs an id that is not empty") }
            return MemoryWriter(log: self, id: id, epoch: state.makeWriter(id))
        }
    }

    /// The state that a writer's id has left.
    public func state(ofWriter id: String) throws(LogError) -> [StateEntry] {
        try self.perform(.state, id) { state throws(LogError) in state.entries(of: id) }
    }

    /// The ids that writers have had, in order.
    public func writerIDs() throws(LogError) -> [String] {
        try self.perform(.writerIDs, "") { state throws(LogError) in state.writers.keys.sorted() }
    }

    /// Removes all of it at once.
    public func remove(
        _ removal: Removal, committing transaction: Transaction, by writer: any TransactionalWriter
    ) throws(LogError) {
        guard let writer = writer as? MemoryWriter else {
            throw LogError(.invalidArgument, "the writer \(writer.id) is another log's")
        }
        try writer.remove(removal, committing: transaction)
    }

    /// Joins a consumer group.
    public func join(_ configuration: GroupConfiguration) throws(LogError) -> any GroupMember {
        let now = self.storage.now()
        return try self.perform(.join, configuration.group) { state throws(LogError) in
            let id = try state.join(configuration, handle: self.handle, now: now)
            return MemoryGroupMember(log: self, id: id, configuration: configuration, handle: self.handle)
        }
    }

    /// The offset that a group committed for a partition.
    public func committedOffset(group: String, partition: TopicPartition) throws(LogError) -> CommittedOffset? {
        try self.perform(.committedOffset, partition.description) { state throws(LogError) in
            _ = try state.partition(partition)
            return state.commits[group]?[partition]?.committed
        }
    }

    /// Sets what a group has committed for a partition, or forgets it.
    public func resetOffset(
        group: String, partition: TopicPartition, to committed: CommittedOffset?
    ) throws(LogError) {
        let now = self.storage.now()
        try self.perform(.resetOffset, partition.description) { state throws(LogError) in
            try state.resetOffset(group: group, partition: partition, to: committed, now: now)
        }
    }

    /// The groups known, with their members and offsets.
    public func groups() throws(LogError) -> [GroupDescription] {
        let now = self.storage.now()
        return try self.perform(.groups, "") { state throws(LogError) in state.groups(now: now) }
    }

    /// Returns when something may have been appended or a time has passed.
    public func awaitAppend(timeoutMilliseconds: Int) {
        if self.isClosed.load(ordering: .acquiring) || !self.storage.waits { return }
        MemoryClock.wait(timeoutMilliseconds, on: self.storage, for: .callingThread)
    }

    /// Releases what the log holds; later calls throw `.closed`.
    public func close() {
        if self.isClosed.exchange(true, ordering: .acquiringAndReleasing) { return }
        self.storage.state.withLock { $0.removeHandle(self.handle) }
    }

    deinit { self.close() }

    /// Runs one call between the injector's two looks at it; the storage's lock is held only in `body`.
    func perform<Value>(
        _ kind: LogOperation.Kind, _ subject: String,
        _ body: (inout MemoryState) throws(LogError) -> Value
    ) throws(LogError) -> Value {
        try self.checkOpen()
        let injector = self.injector.withLock { $0 }
        try injector?.inject(LogOperation(kind, subject, .before))
        // The injector may have crashed this log, as a kill just before the call would.
        try self.checkOpen()
        var result: Result<Value, LogError>?
        self.storage.state.withLock { state in
            do throws(LogError) { result = .success(try body(&state)) } catch { result = .failure(error) }
        }
        guard let value = try result?.get() else { throw LogError(.failed, "\(kind.rawValue) answered nothing") }
        try injector?.inject(LogOperation(kind, subject, .after))
        try self.checkOpen()
        return value
    }

    private func checkOpen() throws(LogError) {
        if self.isClosed.load(ordering: .acquiring) { throw LogError(.closed, "the log has been closed") }
    }
}
