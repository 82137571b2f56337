// SPDX-License-Identifier: Apache-2.0

import Dataflow
import Foundation
import RecordLog
import RecordLogTesting
import Records
import Shards
import Synchronization
import Testing
import Topologies

@testable import Engine

/// Every topic and set that is written has one owner, and a stage keeps the names that it has committed under.
@Suite(.serialized) struct OwnershipTests {
    let world = EngineWorld()

    func pair(
        _ name: String = "pair", from: String = "input", middle: String = "middle", set: String = "numbers",
        stages: (String, String) = ("one", "two"), rejects: String? = nil
    ) throws -> Topology {
        let text = """
            name: \(name)
            partitions: 1
            stages:
              \(stages.0): { from: \(from), steps: [ask], to: \(middle)\(rejects.map { ", rejects: \($0)" } ?? "") }
              \(stages.1): { from: \(middle), steps: [ask], to: { shards: \(set) } }
            """
        return try Topology.parse(text, file: "\(name).yaml", registry: numbersRegistry, environment: [:]) { _ in "" }
            .topology
    }

    func run(_ topology: Topology, _ change: (inout RunOptions) -> Void = { _ in }) async throws {
        try await EngineWorld.runToEnd(self.world.engine(topology, change))
    }

    func refusal(
        _ topology: Topology, _ change: (inout RunOptions) -> Void = { _ in },
        at place: SourceLocation = #_sourceLocation
    ) async -> String {
        do {
            try await self.run(topology, change)
            Issue.record("it ran", sourceLocation: place)
            return ""
        } catch let error as EngineError {
            #expect(error.code == .unfit, "\(error)", sourceLocation: place)
            return error.message
        } catch {
            Issue.record("\(error)", sourceLocation: place)
            return ""
        }
    }

    func samples(_ set: String) throws -> Int {
        try Manifest(reading: set, from: self.world.log()).samples
    }

    func topics() throws -> [String] { try self.world.log().topics().map(\.name) }

    // MARK: Two topologies

    @Test("a second topology is refused what the first writes, and leaves nothing behind")
    func secondTopology() async throws {
        try self.world.fill("input", with: 1...5)
        try await self.run(try self.pair(rejects: "refuse"))
        #expect(try self.samples("numbers") == 5)
        let before = try self.topics()
        let message = await self.refusal(try self.pair("other", rejects: "refuse"))
        for part in [
            "the topology `other`", "the topic `middle`", "the topic `refuse`", "the shards `numbers`",
            "which the topology `pair` writes", "another name and other topics and another set",
            "run other.yaml --as NAME",
        ] { #expect(message.contains(part), "\(message)") }
        for (one, shared) in [
            (try self.pair("other", set: "mine"), "the topic `middle`"),
            (try self.pair("other", middle: "between"), "the shards `numbers`"),
            (try self.pair("other", middle: "between", set: "mine", rejects: "refuse"), "the topic `refuse`"),
        ] { #expect(await self.refusal(one).contains(shared)) }
        #expect(try self.topics() == before)
        #expect(try self.samples("numbers") == 5)
        // Names of its own, and the topics that it only reads are shared.
        let own = try self.pair("other", rejects: "refuse").renamed("beside")
        #expect(try own.externalTopics == ["input"] && own.hash == self.pair().hash)
        try await self.run(own)
        #expect(try self.samples("beside") == 5 && self.samples("numbers") == 5)
        #expect(try self.world.values("beside.middle").count == 5)
        try await self.run(try self.pair(rejects: "refuse"))
    }

    @Test("of two topologies that start at once one runs, whichever it is", arguments: 0..<8)
    func atOnce(round: Int) async throws {
        try self.world.fill("input", with: 1...20)
        let topologies = try [self.pair("left"), self.pair("right")]
        let outcomes = await withTaskGroup(of: Result<Void, any Error>.self) { group in
            for topology in topologies {
                group.addTask {
                    do { return .success(try await self.run(topology)) } catch { return .failure(error) }
                }
            }
            var outcomes: [Result<Void, any Error>] = []
            for await outcome in group { outcomes.append(outcome) }
            return outcomes
        }
        let refused = outcomes.filter { (try? $0.get()) == nil }
        #expect(refused.count == 1, "\(outcomes)")
        #expect(try self.world.values("middle").count == 20)
        #expect(try self.samples("numbers") == 20)
    }

    /// Starts of `left` and `right`, the first of them whole at one moment of the second; before them, `left` may have
    /// owned topics that were deleted since.
    /// - Returns: how many of the two may run; `nil` where the second has no such moment.
    private func starts(_ moment: Int, of second: String, beside first: String, afterDeletion: Bool) throws -> Int? {
        let world = EngineWorld()
        try world.fill("input", with: 1...3)
        let pairs = try ["left": self.pair("left"), "right": self.pair("right")]
        @Sendable func start(_ name: String, _ log: any RecordLog) throws -> Bool {
            do { try StartupChecks(topology: #require(pairs[name]), log: log).run() } catch let error as EngineError {
                #expect(error.code == .unfit, "\(error)")
                return false
            }
            return true
        }
        if afterDeletion {
            #expect(try start("left", world.log()))
            for topic in ["middle", "left.dead-letters", Manifest.topic("numbers")] {
                try world.log().deleteTopic(topic)
            }
        }
        let log = world.log()
        let seen = Mutex(0)
        let outcome = Mutex<Result<Bool, any Error>?>(nil)
        log.inject { _ in
            guard
                seen.withLock({
                    $0 += 1; return $0
                }) == moment
            else { return }
            let result = Result { try start(first, world.log()) }
            outcome.withLock { $0 = result }
        }
        let secondRuns = try start(second, log)
        guard let firstRuns = try outcome.withLock({ $0 })?.get() else { return nil }
        return (firstRuns ? 1 : 0) + (secondRuns ? 1 : 0)
    }

    @Test("of two starts one is refused, at whatever moment of the one the other comes", arguments: [false, true])
    func everyMoment(afterDeletion: Bool) throws {
        for (first, second) in [("left", "right"), ("right", "left")] {
            var moment = 1
            while let running = try self.starts(moment, of: second, beside: first, afterDeletion: afterDeletion) {
                #expect(running == 1, "\(first) at moment \(moment) of \(second)")
                moment += 1
            }
            #expect(moment > 20, "a start has many moments")
        }
    }

    @Test(
        "a kill or a failure on either side of the claim leaves it whole or undone, never half",
        arguments: [true, false])
    func killedClaim(isKill: Bool) async throws {
        for side in LogOperation.Side.allCases {
            let test = OwnershipTests()
            try test.world.fill("input", with: 1...3)
            let log = test.world.log()
            let hit = Mutex(false)
            log.inject { (operation) throws(LogError) in
                guard operation.kind == .commit, operation.side == side, operation.subject == ReservedTopics.owners,
                    hit.withLock({ hit in !hit.exchange(true) })
                else { return }
                throw isKill ? LogError(.closed, "killed") : LogError(.unavailable, "busy")
            }
            let engine = test.world.engine(try test.pair(), log: log)
            if isKill {
                await #expect(throws: LogError.self) { try await EngineWorld.runToEnd(engine) }
                log.crash()
                try await test.run(try test.pair())
            } else {
                try await EngineWorld.runToEnd(engine)
            }
            #expect(hit.withLock { $0 })
            #expect(try test.samples("numbers") == 3)
            #expect(await test.refusal(try test.pair("other")).contains("which the topology `pair` writes"))
        }
    }

    @Test("a claim ends with its topic")
    func deletedTopic() async throws {
        try self.world.fill("input", with: 1...3)
        try await self.run(try self.pair())
        for topic in ["middle", "pair.dead-letters", Manifest.topic("numbers")] {
            try self.world.log().deleteTopic(topic)
        }
        for file in try self.world.disk.list() { try self.world.disk.remove(file) }
        try await self.run(try self.pair("heir"))
        #expect(try self.samples("numbers") == 3)
        #expect(await self.refusal(try self.pair()).contains("which the topology `heir` writes"))
    }

    @Test("ingest owns what it writes, and a topology what it does")
    func ingest() async throws {
        let topic = TopicSpecification(name: "input", partitions: 1)
        let first = try Ingest(log: self.world.log(), topic: topic, source: "ego4d", replaces: false)
        first.close()
        _ = try Ingest(log: self.world.log(), topic: topic, source: "goalstep", replaces: false)
        try self.world.fill("input", with: 1...3)
        try self.world.fill("elsewhere", with: 1...3)
        let message = await self.refusal(try self.pair(from: "elsewhere", middle: "input"))
        #expect(message.contains("the topic `input`, which `millrace ingest` writes"), "\(message)")
        try await self.run(try self.pair())
        let before = try self.topics()
        let error = #expect(throws: LogError.self) {
            try Ingest(
                log: self.world.log(), topic: TopicSpecification(name: "middle", partitions: 1), source: "ego4d",
                replaces: false)
        }
        #expect(error?.code == .topicConflict)
        for part in ["`millrace ingest`", "the topic `middle`, which the topology `pair` writes", "--topic"] {
            #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
        }
        #expect(try self.topics() == before)
    }

    @Test("a replay owns what it writes, goes on with it, and shares a name with no topology")
    func replays() async throws {
        try self.world.fill("input", with: 1...3)
        try await self.run(try self.pair())
        let replay = try self.pair().renamed("pair.r1")
        for _ in 0..<2 { try await self.run(replay) { $0.ownerKind = .replay } }
        #expect(try self.samples("pair.r1") == 3)
        #expect(await self.refusal(replay).contains("which the replay `pair.r1` writes"))
        #expect(await self.refusal(try self.pair()) { $0.ownerKind = .replay }.contains("--into"))
    }

    // MARK: Logs of earlier versions

    /// Makes a log as it was before owners were written down.
    private func forgetOwners() throws { try self.world.log().deleteTopic(ReservedTopics.owners) }

    @Test("what has no owner goes to whoever commits to it next")
    func adopted() async throws {
        try self.world.fill("input", with: 1...5)
        try await self.run(try self.pair())
        try self.forgetOwners()
        try await self.run(try self.pair())
        #expect(try self.samples("numbers") == 5)
        #expect(await self.refusal(try self.pair("other")).contains("which the topology `pair` writes"))
    }

    @Test("of a log of before the commits show what was renamed")
    func renamedBefore() async throws {
        try self.world.fill("input", with: 1...5)
        try self.world.fill("input2", with: 1...5)
        try await self.run(try self.pair())
        for (topology, part) in [
            (try self.pair(from: "input2"), "`from` changed from `input` to `input2`"),
            (try self.pair(set: "v2"), "`shards` changed to `v2`, which holds none of the 5 records"),
            (try self.pair(stages: ("uno", "two")), "the stage's name changed from `one` to `uno`"),
        ] {
            try self.forgetOwners()
            let message = await self.refusal(topology)
            #expect(message.contains(part), "\(message)")
        }
    }

    // MARK: Records that cannot be read

    @Test("an unreadable record about a name stops its owner, any other is told and hides nothing")
    func unreadable() async throws {
        try self.world.fill("input", with: 1...5)
        try await self.run(try self.pair())
        try self.world.append([Record(key: "gibberish", value: "{")], to: ReservedTopics.owners)
        let warnings = Mutex<[String]>([])
        let log = self.world.log()
        try StartupChecks(topology: try self.pair(), log: log) { message in warnings.withLock { $0.append(message) } }
            .run()
        let told = warnings.withLock { $0 }
        #expect(told.contains { $0.contains("millrace-owners[0] offset") && $0.contains("passed over") }, "\(told)")
        #expect(await self.refusal(try self.pair("other")).contains("which the topology `pair` writes"))
        try self.world.append([Record(key: "shards/numbers", value: "{")], to: ReservedTopics.owners)
        let error = await #expect(throws: LogError.self) { try await self.run(try self.pair()) }
        #expect(error?.code == .corrupt && error?.message.contains("millrace-owners[0] offset") == true)
        try await self.run(try self.pair("other", middle: "m", set: "s"))
        let newer = Record(key: "topic/x", value: "{}", headers: [Header("schema", "owner/2")])
        try self.world.append([newer], to: ReservedTopics.owners)
        let late = await #expect(throws: LogError.self) {
            try await self.run(try self.pair("other", middle: "m", set: "s"))
        }
        #expect(late?.code == .versionTooNew)
    }

    @Test("what is written of owners is read again as it was")
    func records() throws {
        let owner = Owner(.replay, "pair.r1")
        let topic = Claim.Subject(kind: .topic, name: "middle")
        let set = Claim.Subject(kind: .shards, name: "numbers")
        for record: OwnerRecord in [
            .claim(Claim(subject: topic, owner: owner, stage: "one"), after: nil),
            .claim(Claim(subject: set, owner: .ingest, stage: nil), after: Owner(.topology, "pair")),
            .binding(Binding(owner: owner, stage: "one", from: "input", output: topic, rejects: "refuse")),
            .binding(Binding(owner: owner, stage: "two", from: "middle", output: set, rejects: nil)),
        ] { #expect(try OwnerRecord(record.record) == record) }
    }
}

extension Bool {
    fileprivate mutating func exchange(_ value: Bool) -> Bool {
        defer { self = value }
        return self
    }
}
