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
