// SPDX-License-Identifier: Apache-2.0

import Dataflow
import RecordLog
import RecordLogTesting
import Records
import Shards
import Synchronization
import Testing
import Topologies

@testable import Engine

/// Asynchronous: some numbers are not answered before a door is opened.
private struct Doorkeeper: AsyncOperator {
    static let door = Field("door", default: "none", help: "The door to knock at.")
    static let ahead = Field("ahead", default: 0, help: "Questions that may wait inside.")
    static let specification = OperatorSpecification(
        name: "doorkeeper", summary: "Waits.", fields: [Self.door, Self.ahead])
    let door: Door
    let askedAheadMax: Int
    var inFlightMax: Int { 3 }

    init(_ configuration: Configuration, _ context: OperatorContext) {
        self.door = .named(configuration[Self.door])
        self.askedAheadMax = configuration[Self.ahead]
    }

    func answer(_ element: Element<Number>, into output: inout Collector<Number>) async throws(CancellationError) {
        self.door.gauge.enter()
        defer { self.door.gauge.leave() }
        while self.door.isShut(to: element.value.value) {
            do {
                try await Task.sleep(for: .milliseconds(2))
            } catch {
                throw CancellationError()
            }
        }
        output.emit(element)
    }
}

/// Shut to some numbers until it is opened.
private final class Door: Sendable {
    private static let all = Mutex<[String: Door]>([:])
    private let shut = Mutex<Set<Int>>([])
    let gauge = Gauge()

    static func named(_ name: String) -> Door {
        self.all.withLock { all in
            let door = all[name] ?? Door()
            all[name] = door
            return door
        }
    }

    func isShut(to number: Int) -> Bool { self.shut.withLock { $0.contains(number) } }
    func shut(to number: Int) { _ = self.shut.withLock { $0.insert(number) } }
    func open() { self.shut.withLock { $0 = [] } }
}

/// Asynchronous: sends each number to a post office, whose answers are kept. A letter that is sent cannot be taken
/// back.
private struct Sender: AsyncOperator {
    static let office = Field("office", default: "none", help: "Name of the post office.")
    static let places = Field("places", default: 3, help: "Letters at a time.")
    static let specification = OperatorSpecification(
        name: "sender", summary: "Sends.", fields: [Self.office, Self.places])
    let office: PostOffice
    let inFlightMax: Int
    /// A letter that is out, and up to two more for each.
    var callsToCome: ClosedRange<Int> {
        let out = self.office.account.withLock { account in account.sent.keys.count { !account.kept.contains($0) } }
        return out...3 * out
    }

    init(_ configuration: Configuration, _ context: OperatorContext) {
        self.inFlightMax = configuration[Self.places]
        self.office = .named(configuration[Self.office])
    }

    func begin(
        _ element: Element<Number>, until deadline: ContinuousClock.Instant?, into output: inout Collector<Number>
    ) -> Remainder<Number>? {
        if self.office.hasKept(element.value.value) {
            output.emit(element)
            return nil
        }
        return Remainder { output async throws(CancellationError) in try await self.answer(element, into: &output) }
    }

    func answer(_ element: Element<Number>, into output: inout Collector<Number>) async throws(CancellationError) {
        if Task.isCancelled { throw CancellationError() }
        await self.office.send(element.value.value)
        output.emit(element)
    }
}

/// Answers nothing while it is shut.
private final class PostOffice: Sendable {
    struct Account {
        var isOpen = false
        /// Letters that are answered though the office is closed.
        var answered: Set<Int> = []
        var sent: [Int: Int] = [:]
        var kept: Set<Int> = []
        var cancelled: Set<Int> = []
    }

    private static let all = Mutex<[String: PostOffice]>([:])
    let account = Mutex(Account())

    static func named(_ name: String) -> PostOffice {
        self.all.withLock { all in
            let office = all[name] ?? PostOffice()
            all[name] = office
            return office
        }
    }

    func hasKept(_ number: Int) -> Bool { self.account.withLock { $0.kept.contains(number) } }
    func open() { self.account.withLock { $0.isOpen = true } }

    func send(_ number: Int) async {
        self.account.withLock { $0.sent[number, default: 0] += 1 }
        while !self.account.withLock({ $0.isOpen || $0.answered.contains(number) }) {
            if Task.isCancelled { self.account.withLock { _ = $0.cancelled.insert(number) } }
            // Sleeping would end at once in a cancelled task.
            await Task { try? await Task.sleep(for: .milliseconds(1)) }.value
        }
        self.account.withLock { _ = $0.kept.insert(number) }
    }
}

/// Answers even numbers at once, and odd ones a moment later.
private struct Mixed: AsyncOperator {
    static let specification = OperatorSpecification(name: "mixed", summary: "Answers now or later.", fields: [])
    var inFlightMax: Int { 3 }

    init(_ configuration: Configuration, _ context: OperatorContext) {}

    func begin(
        _ element: Element<Number>, until deadline: ContinuousClock.Instant?, into output: inout Collector<Number>
    ) -> Remainder<Number>? {
        guard element.value.value.isMultiple(of: 2) else {
            return Remainder { output async throws(CancellationError) in
                await Task.yield()
                output.emit(element)
            }
        }
        output.emit(element)
        return nil
    }

    func answer(_ element: Element<Number>, into output: inout Collector<Number>) { output.emit(element) }
}

/// The engine with a step that has to wait.
@Suite struct QuestionTests {
    private func topology(_ door: String, partitions: Int, ahead: Int = 0) throws -> Topology {
        var registry = numbersRegistry
        registry.register(asynchronous: Doorkeeper.self)
        let text = """
            name: asking
            partitions: \(partitions)
            stages:
              only:
                from: input
                steps: [{ doorkeeper: { door: \(door), ahead: \(ahead) } }]
                to: output
                commit: { records: 5, seconds: 0.05 }
            """
        return try Topology.parse(text, file: "t", registry: registry, environment: [:]) { _ in "" }.topology
    }

    private func committed(_ world: EngineWorld) throws -> Offset {
        try world.log().committedOffset(group: "asking.only", partition: TopicPartition("input", 0))?.offset ?? 0
    }

    @Test("what is finished is committed while a later answer is still to come")
    func commitsDoNotDrain() async throws {
        let world = EngineWorld()
        try world.fill("input", with: 1...40)
        let door = Door.named("drain")
        door.shut(to: 21)
        let engine = world.engine(try self.topology("drain", partitions: 1))
        async let run: Void = EngineWorld.runToEnd(engine)
        try await EngineWorld.wait("all before it is committed") { try self.committed(world) == 20 }
        #expect(try world.values("output").count == 20)
        door.open()
        try await run
        #expect(try world.values("output") == (1...40).map { "{\"value\":\($0)}" })
    }

    @Test("finished answers that wait for their turn are bounded by sixteen times the places in flight")
    func waitingIsBounded() async throws {
        let world = EngineWorld()
        try world.fill("input", with: 1...200)
        let door = Door.named("bound")
        door.shut(to: 1)
        let engine = world.engine(try self.topology("bound", partitions: 1))
        async let run: Void = EngineWorld.runToEnd(engine)
        try await EngineWorld.wait("the bound is reached") { door.gauge.total >= 48 }
        // A slow first answer holds no place but its own; more than the bound would be asked within this time.
        try await Task.sleep(for: .milliseconds(100))
        #expect(door.gauge.total == 48)
        #expect(try self.committed(world) == 0)
        door.open()
        try await run
        #expect(try world.values("output") == (1...200).map { "{\"value\":\($0)}" })
        #expect(door.gauge.most <= 3)
    }

    @Test("finished answers that wait for their turn are bounded in bytes")
    func waitingBytesAreBounded() async throws {
        let door = Door.named("bytes")
        door.shut(to: 1)
        var configuration = Configuration()
        configuration.set(Doorkeeper.door, "bytes")
        let number = StreamType(Number.self)
        let step = Step(overload: OperatorOverload(asynchronous: Doorkeeper.self), configuration: configuration)
        let chain = try Chain([step], input: number, output: number, OperatorContext(topologyHash: "h"))
        var batch = FetchedBatch(partition: TopicPartition("input", 0), nextOffset: 0)
        for value in 1...48 {
            batch.append(
                Record(key: "k", value: "{\"value\":\(value)}", headers: Number.headers), offset: Offset(value),
                timestamp: 0)
        }
        // Six answers of 11 or 12 bytes.
        let queue = QuestionQueue(limit: InFlightLimit(inFlightMax: 3, tasks: 1, waitingBytesMax: 65), wake: {})
        var begun = 0
        // Until all that have begun were asked, only the first is without an answer, and no more may begin.
        while queue.mayBegin || door.gauge.total < begun || door.gauge.now != 1 {
            if queue.mayBegin, begun < batch.count {
                queue.begin(chain.begin(batch, at: begun), batch: batch, index: begun, until: nil)
                begun += 1
            } else {
                try await Task.sleep(for: .milliseconds(1))
            }
            queue.takeReplies()
        }
        #expect(begun >= 7 && begun <= 10, "\(begun)")
        #expect(queue.popFinished() == nil, "the first one is still to come")
        door.open()
        var offsets: [Offset] = []
        while offsets.count < begun {
            queue.takeReplies()
            if let record = queue.popFinished() {
                offsets.append(record.pending.offset)
            } else {
                try await Task.sleep(for: .milliseconds(1))
            }
        }
        #expect(offsets == (1...begun).map(Offset.init) && queue.mayBegin)
    }

    @Test("shards of a stage that asks are closed at their count, whatever was answered ahead")
    func shardsAfterAnswers() async throws {
        let world = EngineWorld()
        try world.fill("input", with: 1...2_000)
        try world.log().createTopic(Manifest.topicSpecification("numbers"))
        var registry = numbersRegistry
        registry.register(asynchronous: Mixed.self)
        let text = """
            name: landing
            partitions: 1
            stages:
              only:
                from: input
                steps: [mixed]
                to: { shards: numbers, rotate: { samples: 2, seconds: 0 } }
            """
        let topology = try Topology.parse(text, file: "t", registry: registry, environment: [:]) { _ in "" }.topology
        try await EngineWorld.runToEnd(world.engine(topology))
        let entries = try Manifest(reading: "numbers", from: world.log()).entries(ofPartition: 0)
        #expect(entries.count == 1_000 && entries.allSatisfy { $0.samples == 2 })
    }

    @Test("an operator that queues is handed as many more as it says")
    func askedAhead() async throws {
        let world = EngineWorld()
        try world.fill("input", with: 1...60)
        let door = Door.named("ahead")
        for number in 1...60 { door.shut(to: number) }
        let engine = world.engine(try self.topology("ahead", partitions: 1, ahead: 4))
        async let run: Void = EngineWorld.runToEnd(engine)
        try await EngineWorld.wait("all places are taken") { door.gauge.total == 7 }
        door.open()
        try await run
        #expect(door.gauge.most == 7)
        #expect(try world.values("output").count == 60)
    }

    private func sending(_ office: String, partitions: Int, places: Int = 3) throws -> Topology {
        var registry = numbersRegistry
        registry.register(asynchronous: Sender.self)
        let text = """
            name: sending
            partitions: \(partitions)
            stages:
              only:
                from: input
                steps: [{ sender: { office: \(office), places: \(places) } }]
                to: output
            """
        return try Topology.parse(text, file: "t", registry: registry, environment: [:]) { _ in "" }.topology
    }

    @Test("stopped, a run waits for what it has sent and sends no more: the next one sends nothing again")
    func stoppedWithLettersOut() async throws {
        let world = EngineWorld()
        try world.fill("input", with: 1...20)
        let office = PostOffice.named("stop")
        let engine = world.engine(try self.sending("stop", partitions: 1)) {
            $0.untilIdle = false
            $0.sessionTimeoutMilliseconds = 120_000
        }
        async let run: Void = EngineWorld.run(engine)
        try await EngineWorld.wait("three are sent") { office.account.withLock { $0.sent.count == 3 } }
        try await EngineWorld.wait("the range is told") { engine.progress().first?.callsToCome == 3...9 }
        engine.stop()
        try await EngineWorld.wait("they are told") { office.account.withLock { $0.cancelled.count == 3 } }
        #expect(office.account.withLock { $0.sent.count } == 3)
        office.open()
        try await run
        #expect(office.account.withLock { $0.kept } == [1, 2, 3])
        #expect(try world.values("output").count == 3, "what came back in time is finished, and committed")
        try await EngineWorld.runToEnd(world.engine(try self.sending("stop", partitions: 1)))
        #expect(office.account.withLock { $0.sent } == Dictionary(uniqueKeysWithValues: (1...20).map { ($0, 1) }))
        #expect(try world.values("output") == (1...20).map { "{\"value\":\($0)}" })
    }

    @Test("the calls that may yet come are committed beside what is finished")
    func callsToComeAreCommitted() async throws {
        var metadata = TaskMetadata(stageHash: "h")
        #expect(!metadata.text.contains("calls"), "where there are none")
        metadata.callsToCome = 2...7
        #expect(try TaskMetadata(parsing: metadata.text) == metadata)
        var sum = metadata
        sum.add(metadata)
        #expect(sum.callsToCome == 4...14)
        for text in ["[3]", "[3,2]", "[-1,2]", "7", "[1,\"2\"]", "[1,2,3]"] {
            let odd = metadata.text.replacing("[2,7]", with: text)
            let parsed = try TaskMetadata(parsing: odd)
            #expect(odd != metadata.text && parsed.callsToCome == 0...0, "\(text)")
        }
        let world = EngineWorld()
        try world.fill("input", with: 1...20)
        let office = PostOffice.named("range")
        let engine = world.engine(try self.sending("range", partitions: 1)) { $0.untilIdle = false }
        async let run: Void = EngineWorld.run(engine)
        defer { office.open() }
        // The third is under way when the second is finished, and with it a commit is due.
        try await EngineWorld.wait("three are sent") { office.account.withLock { $0.sent.count == 3 } }
        office.account.withLock { $0.answered = [1, 2] }
        try await EngineWorld.wait("it is committed") {
            let committed = try world.log().committedOffset(
                group: "sending.only", partition: TopicPartition("input", 0))
            guard let committed else { return false }
            return try committed.offset == 2 && TaskMetadata(parsing: committed.metadata).callsToCome.upperBound > 0
        }
        office.open()
        engine.stop()
        try await run
    }

    @Test("a stopped run waits no longer than half of the time after which others take over")
    func stoppedForGood() async throws {
        let world = EngineWorld()
        try world.fill("input", with: 1...20)
        let office = PostOffice.named("never")
        defer { office.open() }
        let engine = world.engine(try self.sending("never", partitions: 1)) {
            $0.untilIdle = false
            $0.sessionTimeoutMilliseconds = 400
        }
        async let run: Void = EngineWorld.run(engine)
        try await EngineWorld.wait("three are sent") { office.account.withLock { $0.sent.count == 3 } }
        engine.stop()
        try await run
        try await EngineWorld.wait("they were told") { office.account.withLock { $0.cancelled.count == 3 } }
        #expect(office.account.withLock { $0.kept.isEmpty }, "the run is over, and they are still out")
    }

    @Test("a partition goes to another process when what was sent for it is back: nothing is sent twice")
    func revokedWithLettersOut() async throws {
        let world = EngineWorld()
        try world.log().createTopic(TopicSpecification(name: "input", partitions: 2))
        try world.append(
            (1...40).map { Record(key: "key-\($0 % 7)", value: "{\"value\":\($0)}", headers: Number.headers) },
            to: "input")
        let office = PostOffice.named("revoke")
        let topology = try self.sending("revoke", partitions: 2, places: 40)
        let engines = (0..<2).map { _ in
            world.engine(topology) {
                $0.untilIdle = false
                $0.sessionTimeoutMilliseconds = 120_000
            }
        }
        async let first: Void = EngineWorld.run(engines[0])
        try await EngineWorld.wait("all are sent") { office.account.withLock { $0.sent.count == 40 } }
        async let second: Void = EngineWorld.run(engines[1])
        try await EngineWorld.wait("those of a partition are told") {
            office.account.withLock { !$0.cancelled.isEmpty }
        }
        #expect(office.account.withLock { $0.sent.values.allSatisfy { $0 == 1 } })
        office.open()
        try await EngineWorld.wait("all is done") {
            try world.values("output", 0).count + world.values("output", 1).count == 40
        }
        for engine in engines { engine.stop() }
        try await first
        try await second
        #expect(office.account.withLock { $0.sent } == Dictionary(uniqueKeysWithValues: (1...40).map { ($0, 1) }))
    }

    @Test("stopped while an answer is awaited: what is finished is committed, the rest is cancelled and asked again")
    func cancelled() async throws {
        let world = EngineWorld()
        try world.fill("input", with: 1...30)
        let door = Door.named("cancel")
        door.shut(to: 11)
        let engine = world.engine(try self.topology("cancel", partitions: 1)) { $0.untilIdle = false }
        async let run: Void = EngineWorld.run(engine)
        try await EngineWorld.wait("all before it is committed") { try self.committed(world) == 10 }
        engine.stop()
        try await run
        #expect(try self.committed(world) == 10)
        door.open()
        try await EngineWorld.runToEnd(world.engine(try self.topology("cancel", partitions: 1)))
        #expect(try world.values("output") == (1...30).map { "{\"value\":\($0)}" })
    }
}
