// SPDX-License-Identifier: Apache-2.0

import RecordLog
import RecordLogTesting
import Records
import Synchronization

/// A log as somebody outside would write one, with nothing but the package's products: a layer on another log, which
/// breaks a promise if told to.
final class StrangerLog: RecordLog {
    /// A promise to break.
    enum Fault: CaseIterable, Sendable {
        /// The last record of each output is lost.
        case losesRecords
        /// Records are written twice.
        case writesTwice
        /// Offsets of groups are not kept.
        case forgetsOffsets
        /// The state of a writer is not kept.
        case forgetsState
        /// A reader leaves out the first record.
        case readsLate
        /// A topic of any partitions is as good as one of others.
        case takesAnyTopic
    }

    private let base: any RecordLog
    private let fault: Fault?

    init(_ base: any RecordLog, _ fault: Fault?) {
        self.base = base
        self.fault = fault
    }

    func createTopic(_ specification: TopicSpecification) throws(LogError) {
        do throws(LogError) {
            try self.base.createTopic(specification)
        } catch {
            if self.fault != .takesAnyTopic || error.code != .topicConflict { throw error }
        }
    }

    func topics() throws(LogError) -> [TopicSpecification] { try self.base.topics() }

    func deleteTopic(_ name: String) throws(LogError) { try self.base.deleteTopic(name) }

    func deleteRecords(of partition: TopicPartition, before offset: Offset) throws(LogError) {
        try self.base.deleteRecords(of: partition, before: offset)
    }

    func enforceRetention() throws(LogError) { try self.base.enforceRetention() }

    func offsets(of partition: TopicPartition) throws(LogError) -> Range<Offset> {
        try self.base.offsets(of: partition)
    }

    func offset(of partition: TopicPartition, notBefore time: Timestamp) throws(LogError) -> Offset {
        try self.base.offset(of: partition, notBefore: time)
    }

    func makeReader(of partition: TopicPartition, from offset: Offset) throws(LogError) -> any PartitionReader {
        try self.base.makeReader(of: partition, from: self.fault == .readsLate ? offset + 1 : offset)
    }

    func makeWriter(id: String) throws(LogError) -> any TransactionalWriter {
        StrangerWriter(try self.base.makeWriter(id: id), self.fault)
    }

    func state(ofWriter id: String) throws(LogError) -> [StateEntry] { try self.base.state(ofWriter: id) }

    func writerIDs() throws(LogError) -> [String] { try self.base.writerIDs() }

    func join(_ configuration: GroupConfiguration) throws(LogError) -> any GroupMember {
        try self.base.join(configuration)
    }

    func committedOffset(group: String, partition: TopicPartition) throws(LogError) -> CommittedOffset? {
        try self.base.committedOffset(group: group, partition: partition)
    }

    func resetOffset(group: String, partition: TopicPartition, to committed: CommittedOffset?) throws(LogError) {
        try self.base.resetOffset(group: group, partition: partition, to: committed)
    }

    func groups() throws(LogError) -> [GroupDescription] { try self.base.groups() }

    func awaitAppend(timeoutMilliseconds: Int) { self.base.awaitAppend(timeoutMilliseconds: timeoutMilliseconds) }

    func close() { self.base.close() }
}

private final class StrangerWriter: TransactionalWriter {
    private let base: any TransactionalWriter
    private let fault: StrangerLog.Fault?

    init(_ base: any TransactionalWriter, _ fault: StrangerLog.Fault?) {
        self.base = base
        self.fault = fault
    }

    var id: String { self.base.id }
    var epoch: Int64 { self.base.epoch }

    func state() throws(LogError) -> [StateEntry] { try self.base.state() }

    func commit(_ transaction: Transaction) throws(LogError) {
        var transaction = transaction
        switch self.fault {
        case .losesRecords:
            for index in transaction.outputs.indices {
                let records = transaction.outputs[index].records
                let kept = (0..<max(0, records.count - 1)).map { records[$0] }
                transaction.outputs[index].records = RecordBatch(kept)
            }
        case .writesTwice: transaction.outputs += transaction.outputs
        case .forgetsOffsets: transaction.offsets = [:]
        case .forgetsState: transaction.state = []
        case .readsLate, .takesAnyTopic, nil: break
        }
        try self.base.commit(transaction)
    }

    func close() { self.base.close() }
}

/// The suite's access to a stranger's log.
final class StrangerHarness: RecordLogHarness {
    let features: Set<ConformanceFeature>
    let sessionTimeoutMilliseconds = 10_000
    private let fault: StrangerLog.Fault?
    private let time: ManualTime
    private let storage: MemoryLog.Storage

    init(
        _ fault: StrangerLog.Fault? = nil,
        features: Set<ConformanceFeature> = [.retentionOnDemand, .durability, .controlledClock, .silentDeath]
    ) {
        self.features = features
        self.fault = fault
        let time = ManualTime()
        self.time = time
        self.storage = MemoryLog.Storage { time.now }
    }

    func open() throws -> any RecordLog { StrangerLog(MemoryLog(storage: self.storage), self.fault) }

    func now() -> Timestamp { self.time.now }

    func elapse(milliseconds: Int) { self.time.pass(milliseconds) }
}

/// Time that passes when it is told to.
private final class ManualTime: Sendable {
    private let milliseconds = Mutex<Timestamp>(1_750_000_000_000)

    var now: Timestamp { self.milliseconds.withLock { $0 } }

    func pass(_ amount: Int) { self.milliseconds.withLock { $0 += Timestamp(amount) } }
}
