// SPDX-License-Identifier: Apache-2.0

import Foundation
import RecordLog
import RecordLogTesting
import Records
import Shards
import Synchronization
import Testing
import Topologies

@testable import Engine

/// Commits that fail, and runs that end before one.
extension EngineFailureTests {
    @Test("a commit that may succeed later is tried again")
    func retriable() async throws {
        let world = EngineWorld()
        try world.fill(records: 90)
        let topology = try numbersTopology(samples: 7, seconds: 0, commitRecords: 4)
        let log = world.log()
        let refused = Mutex(0)
        log.inject { (operation) throws(LogError) in
            guard operation.kind == .commit, operation.side == .before else { return }
            let isRefused = refused.withLock { count in
                count += 1
                return count % 3 != 0
            }
            if isRefused { throw LogError(.unavailable, "busy") }
        }
        try await EngineWorld.runToEnd(world.engine(topology, log: log))
        #expect(refused.withLock { $0 } > 30)
        let expected = try EngineWorld.simulated(topology, records: 90)
        #expect(try world.outcome(topology).difference(from: expected) == nil)
    }

    @Test("any other failure ends the run as it is, and the next run makes up for it")
    func notRetriable() async throws {
        let world = EngineWorld()
        try world.fill(records: 90)
        let topology = try numbersTopology(samples: 7, seconds: 0, commitRecords: 4)
        let expected = try EngineWorld.simulated(topology, records: 90)
        for number in [0, 3, 9] {
            let log = world.log()
            let seen = Mutex(0)
            log.inject { (operation) throws(LogError) in
                guard operation.kind == .commit, operation.side == .before else { return }
                let isLast = seen.withLock { count in
                    count += 1
                    return count > number
                }
                if isLast { throw LogError(.storageFull, "no space left on device") }
            }
            let error = try #require(await self.failure(world.engine(topology, log: log)) as? LogError)
            #expect(error.code == .storageFull)
        }
        try await EngineWorld.runToEnd(world.engine(topology))
        #expect(try world.outcome(topology).difference(from: expected) == nil)
    }

    @Test("killed between a shard's publishing and its commit, the file without a commit is swept", arguments: 0..<4)
    func swept(commit: Int) async throws {
        let world = EngineWorld()
        try world.fill(records: 90)
        let topology = try numbersTopology(samples: 7, seconds: 0, commitRecords: 4)
        let log = world.log()
        let commits = Mutex(0)
        log.inject { [disk = world.disk] (operation) throws(LogError) in
            guard operation.kind == .commit, operation.side == .before, operation.subject.contains(".land.") else {
                return
            }
            let isLast = commits.withLock { count in
                count += 1
                return count > commit
            }
            guard isLast else { return }
            disk.crash()
            throw LogError(.closed, "killed")
        }
        #expect(await self.failure(world.engine(topology, log: log)) != nil)
        log.crash()
        world.disk.restart(losing: .nothing)
        let listed = try Manifest(reading: "numbers", from: world.log()).files
        #expect(Set(try world.disk.list()).subtracting(listed).isEmpty == false, "the kill has left something")
        try await EngineWorld.runToEnd(world.engine(topology))
        #expect(Set(try world.disk.list()) == (try Manifest(reading: "numbers", from: world.log()).files))
        let expected = try EngineWorld.simulated(topology, records: 90)
        #expect(try world.outcome(topology).difference(from: expected) == nil)
    }

    @Test("a run that is stopped leaves no file that no commit lists")
    func abandoned() async throws {
        let world = EngineWorld()
        try world.fill(records: 90)
        let topology = try numbersTopology(samples: 1_000, seconds: 0, commitRecords: 4)
        let engine = world.engine(topology) { $0.untilIdle = false }
        async let run: Void = EngineWorld.run(engine)
        try await EngineWorld.wait("shards are open") { try !world.disk.list().isEmpty }
        engine.stop()
        try await run
        #expect(try world.disk.list().isEmpty, "they hold nothing that is committed")
    }

    @Test("a partition that is lost during a commit and comes back waits for the task that it had")
    func formerTask() async throws {
        let world = EngineWorld()
        try world.fill("input", with: Array(repeating: 1, count: 20))
        let topology = try simpleTopology("tally")
        try StartupChecks(topology: topology, log: world.log()).run()
        let log = world.log()
        // The first commit lasts until well after the membership has been lost and found again.
        let events = Mutex<[String]>([])
        @Sendable func note(_ event: String) { events.withLock { $0.append(event) } }
        let isCommitting = Mutex(false)
        log.inject { (operation) throws(LogError) in
            switch (operation.kind, operation.side) {
            case (.commit, .before) where !events.withLock({ $0.contains("commit") }):
                note("commit")
                isCommitting.withLock { $0 = true }
                for _ in 0..<4_000 where !events.withLock({ $0.contains("end of the silence") }) {
                    Thread.sleep(forTimeInterval: 0.005)
                }
                // Time for a second task, if there were to be one.
                Thread.sleep(forTimeInterval: 0.5)
                note("end of the commit")
            case (.poll, .before) where isCommitting.withLock({ $0 }) && !events.withLock({ $0.contains("silence") }):
                note("silence")
                Thread.sleep(forTimeInterval: 0.5)
                try Self.passThrough("simple.only", of: world)
                note("end of the silence")
            case (.makeWriter, .after): note("writer")
            default: break
            }
        }
        try await EngineWorld.runToEnd(
            world.engine(topology, log: log) { $0.sessionTimeoutMilliseconds = 300 })
        #expect(
            events.withLock { $0 } == [
                "writer", "commit", "silence", "end of the silence", "end of the commit", "writer",
            ])
        #expect(try world.values("output").count == 20)
    }

    /// Another member comes, buries those that are silent, takes what they had and leaves.
    private static func passThrough(_ group: String, of world: EngineWorld) throws(LogError) {
        final class Taker: AssignmentHandler {
            func assigned(_ partitions: [TopicPartition]) {}
            func revoked(_ partitions: [TopicPartition]) {}
            func lost(_ partitions: [TopicPartition]) {}
        }
        let other = try world.log().join(GroupConfiguration(group: group, topics: ["input"]))
        let taker = Taker()
        try other.poll(timeoutMilliseconds: 0, taker)
        other.leave(taker)
    }
}
