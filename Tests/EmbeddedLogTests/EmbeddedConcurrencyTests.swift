// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Foundation
import RecordLog
import Records
import Synchronization
import Testing

@testable import EmbeddedLog

/// Several logs on one file, each on a thread of its own, as processes would be.
@Suite struct EmbeddedConcurrency {
    private let folder: TemporaryFolder

    init() throws { self.folder = try TemporaryFolder() }

    /// Runs bodies on threads of their own and reports what they threw.
    private func together(_ count: Int, _ body: @escaping @Sendable (Int) throws -> Void) {
        let failures = Mutex<[String]>([])
        let group = DispatchGroup()
        for index in 0..<count {
            group.enter()
            let thread = Thread {
                do { try body(index) } catch { failures.withLock { $0.append("thread \(index): \(error)") } }
                group.leave()
            }
            thread.start()
        }
        group.wait()
        #expect(failures.withLock { $0 } == [])
    }

    @Test func writersNeitherLoseNorInterleaveTransactions() throws {
        let path = self.folder.log
        let setUp = try EmbeddedLog(path: path)
        for name in ["a", "b"] { try setUp.createTopic(TopicSpecification(name: name, partitions: 2)) }
        let writers = 4
        let commits = 60
        let running = Atomic<Int>(writers)
        self.together(writers + 2) { index in
            let log = try EmbeddedLog(path: path)
            if index < writers {
                defer { running.subtract(1, ordering: .sequentiallyConsistent) }
                let writer = try log.makeWriter(id: "w\(index)")
                for commit in 0..<commits {
                    var transaction = write((0..<5).map { "\(index).\(commit).\($0)" }, to: "a", partition: 1)
                    transaction.outputs +=
                        write((0..<5).map { "\(index).\(commit).\($0)" }, to: "b", partition: 0).outputs
                    transaction.group = "g"
                    transaction.offsets = [TopicPartition("a", 0): CommittedOffset(1)]
                    try writer.commit(transaction)
                }
            } else {
                // An observer: it sees whole transactions only, and both topics move together.
                let both = [TopicPartition("a", 1), TopicPartition("b", 0)]
                while running.load(ordering: .sequentiallyConsistent) > 0 {
                    let ends = try log.storage.read { db in
                        try both.map { try PartitionPlace.load($0, db).nextOffset }
                    }
                    #expect(ends[0] == ends[1])
                    #expect(ends[0] % 5 == 0)
                }
            }
        }
        for (topic, partition) in [("a", 1), ("b", 0)] {
            let found = try values(setUp, topic, partition)
            #expect(found.count == writers * commits * 5)
            // Each run of five is one transaction, and each writer's are in order.
            var next = [Int](repeating: 0, count: writers)
            for start in stride(from: 0, to: found.count, by: 5) {
                let parts = found[start].split(separator: ".").compactMap { Int($0) }
                let (writer, commit) = (parts[0], parts[1])
                #expect(commit == next[writer])
                next[writer] += 1
                #expect(Array(found[start..<start + 5]) == (0..<5).map { "\(writer).\(commit).\($0)" })
            }
        }
    }

    @Test func ofManyClaimantsToOneIdOneWritesAtATime() throws {
        let path = self.folder.log
        let log = try EmbeddedLog(path: path)
        try log.createTopic(TopicSpecification(name: "t", partitions: 1))
        let epochs = Mutex<[Int64]>([])
        let committed = Mutex<[String]>([])
        self.together(4) { index in
            let log = try EmbeddedLog(path: path)
            for round in 0..<15 {
                let writer = try log.makeWriter(id: "contested")
                epochs.withLock { $0.append(writer.epoch) }
                for commit in 0..<5 {
                    let value = "\(writer.epoch).\(index).\(round).\(commit)"
                    do throws(LogError) {
                        try writer.commit(write([value], to: "t"))
                        committed.withLock { $0.append(value) }
                    } catch {
                        #expect(error.code == .fenced)
                        break
                    }
                }
            }
        }
        #expect(epochs.withLock { $0.sorted() } == Array(1...60))
        let found = try values(log, "t", 0)
        #expect(found.sorted() == committed.withLock { $0.sorted() })
        // Once a later epoch has written, no earlier one does.
        let order = found.compactMap { Int($0.prefix { $0 != "." }) }
        #expect(order == order.sorted())
    }

    @Test func logsOpenAndCloseAtTheSameTime() throws {
        let path = self.folder.log
        self.together(6) { index in
            for round in 0..<8 {
                let log = try EmbeddedLog(path: path)
                try log.createTopic(TopicSpecification(name: "t", partitions: 1))
                try log.makeWriter(id: "w\(index)").commit(write(["\(index).\(round)"], to: "t"))
                log.close()
            }
        }
        let log = try EmbeddedLog(path: path)
        #expect(try values(log, "t", 0).count == 48)
    }

    @Test func aWaiterIsWokenByItsOwnAndByAnotherLog() throws {
        let log = try EmbeddedLog(path: self.folder.log)
        try log.createTopic(TopicSpecification(name: "t", partitions: 1))
        for writes in [log, try EmbeddedLog(path: self.folder.log)] {
            let writer = try writes.makeWriter(id: "w")
            log.awaitAppend(timeoutMilliseconds: 0)
            log.awaitAppend(timeoutMilliseconds: 0)
            let start = try log.offsets(of: TopicPartition("t", 0)).upperBound
            let thread = Thread {
                usleep(20_000)
                try? writer.commit(write(["x"], to: "t"))
            }
            thread.start()
            // An hour: only the append can end it. Other wake-ups are allowed.
            while try log.offsets(of: TopicPartition("t", 0)).upperBound == start {
                log.awaitAppend(timeoutMilliseconds: 3_600_000)
            }
            #expect(try log.offsets(of: TopicPartition("t", 0)).upperBound == start + 1)
        }
    }

    @Test func membersOnThreadsShareAndNeverOverlap() throws {
        let path = self.folder.log
        let log = try EmbeddedLog(path: path)
        try log.createTopic(TopicSpecification(name: "t", partitions: 6))
        let owners = OwnerTable()
        let reached = Atomic<Int>(0)
        self.together(3) { index in
            let log = try EmbeddedLog(path: path)
            let handler = Exclusive(owners)
            let member = try log.join(GroupConfiguration(group: "g", topics: ["t"]))
            let end = ContinuousClock.now + .seconds(20)
            var isCounted = false
            while reached.load(ordering: .sequentiallyConsistent) < 3, ContinuousClock.now < end {
                try member.poll(timeoutMilliseconds: 20, handler)
                if handler.owned.count == 2, !isCounted {
                    isCounted = true
                    reached.add(1, ordering: .sequentiallyConsistent)
                }
            }
            #expect(isCounted)
            member.leave(handler)
            #expect(handler.overlaps == 0)
        }
        #expect(owners.isEmpty)
        #expect(try log.groups().isEmpty)
    }
}

/// The partitions that are owned, over all threads.
private final class OwnerTable: Sendable {
    private let owned = Mutex<Set<TopicPartition>>([])

    var isEmpty: Bool { self.owned.withLock { $0.isEmpty } }

    /// Adds partitions and returns how many of them someone has already.
    func add(_ partitions: [TopicPartition]) -> Int {
        self.owned.withLock { owned in partitions.count { !owned.insert($0).inserted } }
    }

    func remove(_ partitions: [TopicPartition]) { self.owned.withLock { $0.subtract(partitions) } }
}

/// Notes when it is given partitions that another handler still has.
private final class Exclusive: AssignmentHandler {
    private let owners: OwnerTable
    var owned: Set<TopicPartition> = []
    var overlaps = 0

    init(_ owners: OwnerTable) { self.owners = owners }

    func assigned(_ partitions: [TopicPartition]) {
        self.owned.formUnion(partitions)
        self.overlaps += self.owners.add(partitions)
    }

    func revoked(_ partitions: [TopicPartition]) {
        self.owned.subtract(partitions)
        self.owners.remove(partitions)
    }

    func lost(_ partitions: [TopicPartition]) {
        self.overlaps += partitions.count
        self.revoked(partitions)
    }
}
