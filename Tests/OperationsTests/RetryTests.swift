// SPDX-License-Identifier: Apache-2.0

import Codecs
import Operations
import RecordLog
import RecordLogTesting
import Records
import Testing
import Topologies

@testable import Engine

@Suite("Retries of dead letters", .timeLimit(.minutes(5)))
struct RetryTests {
    private static let all = Array(1...20)
    private static var doubled: [Int] { self.all.map { 2 * $0 } }
    private static var without7: [Int] { self.all.filter { $0 % 7 != 0 }.map { 2 * $0 } }

    @Test(
        "a record is taken again once, and a second retry does nothing", arguments: ["double", "later"], [false, true])
    func once(step: String, gaps: Bool) async throws {
        let world = RetryWorld(hasOffsetGaps: gaps)
        try world.fill(Self.all)
        try await world.run(RetryWorld.topology("\(step): { refuses: 7 }"))
        #expect(try world.numbers() == Self.without7)
        var group = try #require(try world.group())
        #expect([group.letters, group.open, group.waiting, group.taken] == [2, 2, 0, 0])
        #expect(try world.plan().items.count == 2)
        #expect(try world.plan().letters == 2)

        let first = try world.retry()
        #expect(first.records == ["only": 2])
        #expect(first.letters == 2)
        let second = try world.retry()
        #expect(second.records.isEmpty)
        #expect(try world.plan().waiting == 2)
        group = try #require(try world.group())
        #expect([group.open, group.waiting, group.taken] == [0, 2, 0])
        // The records are as they were, and their orders beside them.
        let handed = try world.records("t.only.retries")
        for record in handed {
            let (original, order) = RetryOrder.split(record)
            #expect(original.headers == [Header("schema", "sum/1"), Header("x", "y")])
            #expect(order?.attempt == 1)
            #expect(order?.source.topic == "input")
        }

        let mended = try RetryWorld.topology(step)
        try await world.run(mended)
        #expect(try world.numbers() == Self.doubled)
        group = try #require(try world.group())
        #expect([group.letters, group.open, group.waiting, group.taken] == [2, 0, 0, 2])
        #expect(try world.plan().taken == 2)
        #expect(try world.retry().records.isEmpty)
        try await world.run(mended)
        #expect(try world.numbers() == Self.doubled)
    }

    @Test("what fails once more is a new letter of the same record, and does not stop the stream")
    func again() async throws {
        let world = RetryWorld()
        try world.fill(Self.all)
        let faulty = try RetryWorld.topology("double: { refuses: 7 }", more: "max-consecutive-dead-letters: 3, ")
        try await world.run(faulty)
        for attempt in 1...3 {
            #expect(try world.retry().letters == 2)
            try await world.run(faulty)
            let newest = try world.letters().suffix(2)
            #expect(newest.allSatisfy { $0.attempt == attempt && $0.retryOf != nil && $0.retry == .whole })
            #expect(newest.allSatisfy { $0.source?.topic == "input" && $0.headers.count == 2 })
            #expect(Set(newest.map(\.key)) == [Bytes("key-7".utf8), Bytes("key-14".utf8)])
        }
        let group = try #require(try world.group())
        #expect([group.letters, group.open, group.taken] == [8, 2, 6])
        #expect(try world.numbers() == Self.without7)
        try world.retry()
        try await world.run(RetryWorld.topology("double", more: "max-consecutive-dead-letters: 3, "))
        #expect(try world.numbers() == Self.doubled)
    }

    @Test("two letters of one record are settled by one retry, whichever of them was chosen")
    func siblings() async throws {
        let world = RetryWorld()
        try world.fill(Self.all)
        try await world.run(RetryWorld.topology("double: { refuses: 7, times: 3 }"))
        let letters = try world.letters()
        #expect(letters.count == 6)
        let outcome = try world.retry { $0.letters = [letters[1].id] }
        #expect(outcome.records == ["only": 1])
        #expect(outcome.letters == 3)
        #expect(try world.retry { $0.letters = [letters[0].id, letters[2].id] }.records.isEmpty)
        #expect(try world.retry().records == ["only": 1])
        try await world.run(RetryWorld.topology("double: { times: 3 }"))
        #expect(try world.numbers() == Self.doubled)
    }

    @Test("letters are chosen by reason, stage, time and number")
    func choices() async throws {
        let world = RetryWorld()
        try world.fill(Self.all)
        try await world.run(RetryWorld.topology("double: { refuses: 2 }"))
        #expect(try world.plan { $0.filter.reason = "other" }.items.isEmpty)
        #expect(try world.plan { $0.filter.stage = "other" }.items.isEmpty)
        #expect(try world.plan { $0.filter.since = MemoryLog.systemNow() + 60_000 }.items.isEmpty)
        let plan = try world.plan {
            $0.filter.reason = "refused"
            $0.filter.stage = "only"
            $0.limit = 3
        }
        #expect(plan.items.count == 3)
        #expect(plan.beyondLimit == 7)
        #expect(try world.retry { $0.limit = 3 }.letters == 3)
        #expect(try world.retry().letters == 7)
    }

    @Test("what would come twice or out of its order is refused, with the remedy")
    func refused() async throws {
        let partial = RetryWorld()
        try partial.fill(Self.all)
        try await partial.run(RetryWorld.topology("double: { refuses: 7, forks: true }"))
        #expect(try partial.plan().items.isEmpty)
        #expect(try partial.plan().refused.map(\.refusal) == [.partial])
        #expect(try partial.plan().refused.first?.letters == 2)

        let gathered = RetryWorld()
        try gathered.fill(Self.all)
        try await gathered.run(RetryWorld.topology("pair, double: { refuses: 7 }"))
        #expect(try gathered.plan().refused.map(\.refusal) == [.gathered])
        #expect(RetryPlan.Refusal.gathered.message.contains("--replace"))

        // A step that remembers is in nobody's way; its verdicts are results.
        let remembered = RetryWorld()
        try remembered.fill(Self.all)
        try await remembered.run(RetryWorld.topology("double: { refuses: 3 }, small"))
        let plan = try remembered.plan()
        #expect(plan.refused.map(\.refusal) == [.rejected])
        #expect(plan.items.count == 6)
        #expect(try remembered.retry().records == ["only": 6])
        try await remembered.run(RetryWorld.topology("double, small"))
        #expect(try remembered.numbers() == [2, 4, 6, 8, 10])
    }

    @Test("letters of earlier programs are taken where the user knows what they do not say")
    func former() async throws {
        let world = RetryWorld()
        try world.fill(Self.all)
        try await world.run(RetryWorld.topology("double"))
        var transaction = Transaction()
        let letter = #"""
            {"topology":"t","stage":"only","step":"double","kind":"dead","reason":"former","message":"m","topic":"input",
            "partition":0,"offset":0,"key":"k","value":"{\"value\":50}","value_bytes":12,"headers":[],"truncated":false}
            """#
        transaction.outputs = [
            .init(
                topic: "t.dead-letters", partition: 1,
                records: RecordBatch([Record(key: "k", value: letter), Record(key: "k", value: "{broken")]))
        ]
        try world.log().makeWriter(id: "former").commit(transaction)
        #expect(Set(try world.plan().refused.map(\.refusal)) == [.untold, .unreadable])
        #expect(try world.retry { $0.assumesWhole = true }.letters == 1)
        try await world.run(RetryWorld.topology("double"))
        #expect(try world.numbers() == (Self.doubled + [100]).sorted())
    }

    @Test("a stage that lands shards takes retries into them")
    func shards() async throws {
        let world = RetryWorld()
        try world.fill(Self.all)
        let to = "{ shards: s, rotate: { samples: 4, seconds: 0 } }"
        try await world.run(RetryWorld.topology("double: { refuses: 7 }", to: to))
        #expect(try world.samples("s") == Self.without7)
        try world.retry()
        try world.fill([21, 22, 23])
        try await world.run(RetryWorld.topology("double", to: to))
        #expect(try world.samples("s") == (Self.all + [21, 22, 23]).map { 2 * $0 })
    }

    @Test("a run that is at work takes up retries, though there was no topic of them when it began")
    func running() async throws {
        let world = RetryWorld()
        try world.fill(Self.all)
        try await world.run(RetryWorld.topology("double: { refuses: 7 }"))
        let engine = world.engine(try RetryWorld.topology("double")) { $0.untilIdle = false }
        async let run: Void = RetryWorld.run(engine)
        try world.fill([30])
        while try !world.numbers().contains(60) { try await Task.sleep(for: .milliseconds(5)) }
        try world.retry()
        while try world.numbers().count < 21 { try await Task.sleep(for: .milliseconds(20)) }
        engine.stop()
        try await run
        #expect(try world.numbers() == (Self.doubled + [60]).sorted())
    }

    @Test("a stage that gathers by now gives the records back as letters")
    func outOfOrder() async throws {
        let world = RetryWorld()
        try world.fill(Self.all)
        try await world.run(RetryWorld.topology("double: { refuses: 7 }"))
        try world.retry()
        try await world.run(RetryWorld.topology("pair, double")) { $0.acceptsChangedTopology = true }
        #expect(try world.numbers() == Self.without7)
        let group = try #require(try world.group(reason: "retry-out-of-order"))
        #expect(group.open == 2)
        #expect(try world.plan().refused.map(\.refusal) == [.gathered])
    }

    @Test("a replay reads the original input alone, and nothing that is handed to it")
    func replay() async throws {
        let world = RetryWorld()
        try world.fill(Self.all)
        try await world.run(RetryWorld.topology("double: { refuses: 7 }"))
        try world.retry()
        let mended = try RetryWorld.topology("double")
        try await world.run(mended)
        try await world.run(mended.renamed("t.r1")) { $0.ownerKind = .replay }
        #expect(try world.numbers("t.r1.output") == Self.doubled)
        #expect(try Owner.ofTopic("t.r1.dead-letters", in: world.log())?.kind == .replay)
    }

    @Test("topics of retries that are deleted and made anew begin anew")
    func recreated() async throws {
        let world = RetryWorld()
        try world.fill(Self.all)
        let faulty = try RetryWorld.topology("double: { refuses: 7 }")
        try await world.run(faulty)
        try world.retry()
        try await world.run(faulty)
        try world.log().deleteTopic("t.only.retries")
        // The first letters are open again, and are those of the same records as the later ones.
        #expect(try world.retry().records == ["only": 2])
        try await world.run(RetryWorld.topology("double"))
        #expect(try world.numbers() == Self.doubled)
    }

    @Test(
        "a kill at any commit, of the retry or of the stage, neither loses a record nor gives it twice",
        arguments: 0..<16)
    func kills(number: Int) async throws {
        for side in [LogOperation.Side.before, .after] {
            let world = RetryWorld(hasOffsetGaps: number % 2 == 0)
            try world.fill(Self.all)
            try await world.run(
                RetryWorld.topology(number % 3 == 0 ? "later: { refuses: 3 }" : "double: { refuses: 3 }"))
            let mended = try RetryWorld.topology(number % 3 == 0 ? "later" : "double")
            let doomed = world.log()
            let commits = Counter()
            doomed.inject { (operation) throws(LogError) in
                guard operation.kind == .commit else { return }
                if commits.isNow(number, operation.side == .after, side == .after) {
                    throw LogError(.closed, "killed \(side) commit \(number)")
                }
            }
            do {
                try world.retry(on: doomed)
                try await RetryWorld.run(world.engine(mended, log: doomed))
            } catch is LogError {}
            doomed.crash()
            try world.retry()
            try await world.run(mended)
            #expect(try world.numbers() == Self.doubled, "\(side) commit \(number)")
            #expect(try world.group()?.taken == 6)
        }
    }

    @Test("letters from before their stage was reset are not taken again: it reads their records anew")
    func reset() async throws {
        let world = RetryWorld()
        try world.fill(Self.all)
        try await world.run(RetryWorld.topology("double: { refuses: 7 }"))
        #expect(try world.plan().letters == 2)
        let log = world.log()
        try log.createTopic(TopicSpecification(name: RemovalNote.partition.topic, partitions: 1))
        var plan = RemovalPlan()
        plan.groups = ["t.only"]
        let note = RemovalNote(id: "1", step: .cleared, subject: "the group `t.only`", plan: plan)
        try log.makeWriter(id: ReservedTopics.removals).commit(note.transaction)
        let refused = try world.plan()
        #expect(refused.items.isEmpty && refused.refused.first?.refusal == .begunAnew)
        #expect(refused.refused.first?.letters == 2)
    }
}
