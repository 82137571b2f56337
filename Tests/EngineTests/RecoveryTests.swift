// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import RecordLog
import RecordLogTesting
import Records
import Synchronization
import Telemetry
import Testing

@testable import Engine

@Suite struct RecoveryDecisionTests {
    @Test("a log that is away is waited for without end, with pauses that grow")
    func unavailable() {
        var decision = RecoveryDecision(sessionTimeoutMilliseconds: 6_000)
        var pauses: [Timestamp] = []
        for _ in 0..<40 {
            guard case .reopen(let pause) = decision.after(.unavailable) else {
                Issue.record("given up")
                return
            }
            pauses.append(pause)
        }
        #expect(pauses.starts(with: [100, 200, 400, 800]) && pauses.max() == 10_000 && pauses == pauses.sorted())
    }

    @Test("what a new client may get over is tried five times in a row, and a commit begins a new row")
    func failed() {
        var decision = RecoveryDecision(sessionTimeoutMilliseconds: 6_000)
        for _ in 0..<5 { #expect(decision.after(.failed) != .end) }
        #expect(decision.after(.failed) == .end)
        decision.succeeded()
        #expect(decision.after(.failed) == .reopen(after: 100))
    }

    @Test("after fencing the group has a session timeout to say that the partition has moved")
    func fenced() {
        var decision = RecoveryDecision(sessionTimeoutMilliseconds: 6_000)
        #expect(decision.afterFencing() == .reopen(after: 6_000) && decision.after(.fenced) == .reopen(after: 6_000))
    }

    @Test(
        "what no new task gets over ends the run",
        arguments: [.storageFull, .corrupt, .closed, .unknownTopic, .recordTooLarge] as [LogError.Code])
    func ends(code: LogError.Code) {
        var decision = RecoveryDecision(sessionTimeoutMilliseconds: 6_000)
        #expect(decision.after(code) == .end)
    }
}

/// Tasks that fail, in a run that goes on.
@Suite(.serialized) struct RecoveryTests {
    /// Runs the numbers topology with injected errors, and compares with an undisturbed run.
    private func outlive(
        _ code: LogError.Code, at kind: LogOperation.Kind, where isHit: @escaping @Sendable (Int) -> Bool
    ) async throws {
        let world = EngineWorld()
        try world.fill(records: 90)
        let topology = try numbersTopology(samples: 7, seconds: 0, commitRecords: 4)
        let log = world.log()
        let seen = Mutex((calls: 0, hits: 0))
        log.inject { (operation) throws(LogError) in
            guard operation.kind == kind, operation.side == .before else { return }
            let hit = seen.withLock { seen in
                seen.calls += 1
                if isHit(seen.calls) { seen.hits += 1 }
                return isHit(seen.calls)
            }
            if hit { throw LogError(code, "injected") }
        }
        try await EngineWorld.runToEnd(world.engine(topology, log: log) { $0.sessionTimeoutMilliseconds = 300 })
        #expect(seen.withLock { $0.hits } > 0, "nothing was put in")
        let expected = try EngineWorld.simulated(topology, records: 90)
        #expect(try world.outcome(topology).difference(from: expected) == nil)
    }

    @Test("a producer that breaks costs its task, not the run")
    func brokenCommits() async throws { try await self.outlive(.failed, at: .commit) { $0 % 9 == 0 } }

    @Test("a task that is fenced although its partition stays starts anew after a session timeout")
    func fencedCommits() async throws { try await self.outlive(.fenced, at: .commit) { $0 == 5 || $0 == 17 } }

    @Test("tasks that cannot open at first open later")
    func openings() async throws { try await self.outlive(.unavailable, at: .makeWriter) { $0 < 12 } }

    @Test("reads that get no answer are made again")
    func reads() async throws { try await self.outlive(.unavailable, at: .read) { $0 % 3 == 0 } }

    /// Lets the log refuse every commit of the topology's tasks, and gives the figures of the run meanwhile.
    private func figures(
        refusing code: LogError.Code, until isSo: @escaping @Sendable (EngineFigures) -> Bool
    ) async throws -> EngineFigures {
        let world = EngineWorld()
        try world.fill("input", with: 1...4)
        let log = world.log()
        let isOver = Mutex(false)
        log.inject { (operation) throws(LogError) in
            guard operation.kind == .commit, operation.side == .before, operation.subject.hasPrefix("simple."),
                !isOver.withLock({ $0 })
            else { return }
            throw LogError(code, "injected")
        }
        let engine = world.engine(try simpleTopology("ask"), log: log) {
            $0.sessionTimeoutMilliseconds = 60_000
            $0.drainSeconds = 0.1
        }
        async let end: Void = EngineWorld.run(engine)
        try await EngineWorld.wait("\(code)") { isSo(engine.figures()) }
        let figures = engine.figures()
        isOver.withLock { $0 = true }
        engine.stop()
        _ = try? await end
        return figures
    }

    @Test("a task that a stranger has fenced does not say that the log is away, and one whose log is away does")
    func figuresOfStalls() async throws {
        let fenced = try await self.figures(refusing: .fenced) { ($0.stages.first?.tasksFenced ?? 0) > 0 }
        #expect(fenced.stages.map(\.tasksStalled) == [0] && fenced.waits.map(\.kind) == [.other])
        #expect(fenced.readiness == .unready("1 of 1 tasks were fenced and wait for their group"))
        let away = try await self.figures(refusing: .unavailable) { ($0.stages.first?.tasksStalled ?? 0) > 0 }
        #expect(away.stages.map(\.tasksFenced) == [0] && away.waits.map(\.kind) == [.log])
        #expect(away.readiness == .unready("1 of 1 tasks wait for the log"))
    }

    @Test("what breaks every time ends the run with its reason")
    func alwaysBroken() async throws {
        let world = EngineWorld()
        try world.fill(records: 20)
        let log = world.log()
        log.inject { (operation) throws(LogError) in
            if operation.kind == .commit, operation.side == .before, operation.subject.contains("numbers.") {
                throw LogError(.failed, "always broken")
            }
        }
        let engine = world.engine(try numbersTopology(samples: 7, seconds: 0, commitRecords: 4), log: log)
        let error = await #expect(throws: LogError.self) { try await EngineWorld.runToEnd(engine) }
        #expect(error?.message == "always broken")
    }

    @Test("offsets that the group has forgotten are the state's: nothing is written twice")
    func forgottenOffsets() async throws {
        let world = EngineWorld()
        let place = TopicPartition("input", 0)
        try world.fill("input", with: 1...4)
        let topology = try simpleTopology("ask")
        try await EngineWorld.runToEnd(world.engine(topology))
        try world.log().resetOffset(group: "simple.only", partition: place, to: nil)
        try world.append([Record(key: "k", value: "{\"value\":9}")], to: "input")
        try await EngineWorld.runToEnd(world.engine(topology))
        #expect(try world.values("output") == [2, 3, 4, 5, 10].map { "{\"value\":\($0)}" })
        let committed = try world.log().committedOffset(group: "simple.only", partition: place)
        let metadata = try TaskMetadata(parsing: committed?.metadata ?? "")
        #expect(metadata.recordsIn == 5, "the counts go on too")
        #expect(metadata.committedAt != nil)
    }

    @Test("an offset of the group's that has fallen behind the task's own is passed over")
    func lostOffsets() async throws {
        let world = EngineWorld()
        try world.fill("input", with: 1...4)
        let topology = try simpleTopology("ask")
        try await EngineWorld.runToEnd(world.engine(topology))
        let place = TopicPartition("input", 0)
        let log = world.log()
        let metadata = try log.committedOffset(group: "simple.only", partition: place)?.metadata ?? ""
        try log.resetOffset(group: "simple.only", partition: place, to: CommittedOffset(2, metadata: metadata))
        try await EngineWorld.runToEnd(world.engine(topology))
        #expect(try world.values("output") == [2, 3, 4, 5].map { "{\"value\":\($0)}" })
    }

    @Test("state that is older than the group's commit is not gone on from")
    func staleState() async throws {
        let world = EngineWorld()
        try world.fill("input", with: 1...4)
        let topology = try simpleTopology("ask")
        try await EngineWorld.runToEnd(world.engine(topology))
        let place = TopicPartition("input", 0)
        let log = world.log()
        let committed = try #require(try log.committedOffset(group: "simple.only", partition: place))
        try world.append([Record(key: "k", value: "{\"value\":9}")], to: "input")
        try log.resetOffset(
            group: "simple.only", partition: place, to: CommittedOffset(5, metadata: committed.metadata))
        // The state catches up, as on a log whose partitions become visible one after the other.
        let seen = Mutex(0)
        log.inject { (operation) throws(LogError) in
            guard operation.kind == .committedOffset, operation.side == .before,
                seen.withLock({
                    $0 += 1; return $0
                }) == 4
            else { return }
            try world.log().resetOffset(group: "simple.only", partition: place, to: committed)
        }
        try await EngineWorld.runToEnd(world.engine(topology, log: log))
        #expect(seen.withLock { $0 } >= 4, "it was tried again")
        #expect(try world.values("output") == [2, 3, 4, 5, 10].map { "{\"value\":\($0)}" })
    }

    @Test("an offset that was set by hand counts")
    func resetOffsets() async throws {
        let world = EngineWorld()
        try world.fill("input", with: 1...4)
        let topology = try simpleTopology("ask")
        try await EngineWorld.runToEnd(world.engine(topology))
        let place = TopicPartition("input", 0)
        let log = world.log()
        try log.resetOffset(group: "simple.only", partition: place, to: CommittedOffset(2))
        try await EngineWorld.runToEnd(world.engine(topology))
        #expect(try world.values("output") == [2, 3, 4, 5, 4, 5].map { "{\"value\":\($0)}" })
    }

    @Test("a stage without steps copies records as they are")
    func relay() async throws {
        let world = EngineWorld()
        let records = [
            Record(key: "k", value: "not JSON", headers: [Header("a", "b")]), Record(key: "k", value: nil),
            Record(key: Bytes?.none, value: Bytes()), Record(key: "k", value: "{\"value\":1}"),
        ]
        let log = world.log()
        try log.createTopic(TopicSpecification(name: "input", partitions: 1))
        try world.append(records, to: "input", log: log)
        let topology = try simpleTopology("")
        try await EngineWorld.runToEnd(world.engine(topology))
        #expect(try world.records("output") == records)
    }
}
