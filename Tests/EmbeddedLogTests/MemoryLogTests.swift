// SPDX-License-Identifier: Apache-2.0

import RecordLog
import RecordLogTesting
import Records
import Synchronization
import Testing

@Suite struct MemoryLogs {
    private func transaction(_ topic: String, _ value: String) -> Transaction {
        var transaction = Transaction()
        transaction.outputs = [
            .init(topic: topic, partition: 0, records: RecordBatch([Record(key: "k", value: value)]))
        ]
        return transaction
    }

    private func count(_ log: MemoryLog) throws -> Int {
        let range = try log.offsets(of: TopicPartition("t", 0))
        return try log.makeReader(of: TopicPartition("t", 0), from: range.lowerBound)
            .read(recordsMax: 1000, bytesMax: 1 << 20).count
    }

    @Test func aFaultBeforeACommitLeavesNothingAndOneAfterItAll() throws {
        let storage = MemoryLog.Storage()
        let log = MemoryLog(storage: storage)
        let observer = MemoryLog(storage: storage)
        try log.createTopic(TopicSpecification(name: "t", partitions: 1))
        let writer = try log.makeWriter(id: "w")
        for (side, expected) in [(LogOperation.Side.before, 0), (.after, 1)] {
            log.inject { operation throws(LogError) in
                if operation == LogOperation(.commit, "w", side) { throw LogError(.unavailable, "injected") }
            }
            #expect(throws: LogError.self) { try writer.commit(self.transaction("t", "v")) }
            #expect(try self.count(observer) == expected)
        }
        log.inject(nil)
        try writer.commit(self.transaction("t", "v"))
        #expect(try self.count(observer) == 2)
    }

    @Test func aCrashInsideACommitEndsTheProcessOnly() throws {
        let storage = MemoryLog.Storage()
        let victim = MemoryLog(storage: storage)
        try victim.createTopic(TopicSpecification(name: "t", partitions: 1))
        let writer = try victim.makeWriter(id: "w")
        victim.inject { [weak victim] operation throws(LogError) in
            if operation.kind == .commit, operation.side == .before { victim?.crash() }
        }
        #expect(throws: LogError.self) { try writer.commit(self.transaction("t", "v")) }
        #expect(throws: LogError.self) { try victim.topics() }
        let heir = MemoryLog(storage: storage)
        #expect(try self.count(heir) == 0)
        try heir.makeWriter(id: "w").commit(self.transaction("t", "v"))
        #expect(try self.count(heir) == 1)
    }

    @Test func theInjectorSeesEveryCallTwice() throws {
        let log = MemoryLog()
        let seen = Mutex<[LogOperation]>([])
        try log.createTopic(TopicSpecification(name: "t", partitions: 1))
        log.inject { operation throws(LogError) in seen.withLock { $0.append(operation) } }
        _ = try log.makeWriter(id: "w").commit(self.transaction("t", "v"))
        _ = try log.offsets(of: TopicPartition("t", 0))
        #expect(
            seen.withLock { $0.map(\.description) } == [
                "before makeWriter of w", "after makeWriter of w", "before commit of w", "after commit of w",
                "before offsets of t[0]", "after offsets of t[0]",
            ])
    }

    @Test func aStorageThatDoesNotWaitAnswersAtOnce() throws {
        let log = MemoryLog(storage: MemoryLog.Storage(waits: false) { 0 })
        try log.createTopic(TopicSpecification(name: "t", partitions: 1))
        let participant = Silent()
        let member = try log.join(GroupConfiguration(group: "g", topics: ["t"]))
        try member.poll(timeoutMilliseconds: 1_000_000_000, participant)
        try member.poll(timeoutMilliseconds: 1_000_000_000, participant)
        for _ in 0..<3 { log.awaitAppend(timeoutMilliseconds: 1_000_000_000) }
        #expect(participant.owned == [TopicPartition("t", 0)])
    }
}

/// A handler that keeps account and nothing else.
final class Silent: AssignmentHandler {
    var owned: Set<TopicPartition> = []

    func assigned(_ partitions: [TopicPartition]) { self.owned.formUnion(partitions) }
    func revoked(_ partitions: [TopicPartition]) { self.owned.subtract(partitions) }
    func lost(_ partitions: [TopicPartition]) { self.owned.subtract(partitions) }
}
