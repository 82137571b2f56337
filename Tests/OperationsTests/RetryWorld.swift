// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Foundation
import Operations
import RecordLog
import RecordLogTesting
import Records
import Shards
import Synchronization
import Testing
import Topologies

@testable import Engine

/// A number: `{"value":7}`.
struct Sum: StreamValue, Equatable {
    static let typeName = "sum"
    static let schemaVersion = 1
    var value: Int

    init(_ value: Int) { self.value = value }

    init(json: inout JSONScanner) throws(JSONError) {
        var value: Int?
        try json.beginObject()
        while let key = try json.nextKey() { if key == "value" { value = try json.int() } else { try json.skip() } }
        guard let value else { throw JSONError("no `value`", offset: json.offset) }
        self.value = value
    }

    func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("value", self.value)
        json.endObject()
    }
}

/// Doubles numbers, and cannot do it with some: what is mended shapes no output, as the address of a server.
struct Doubling: Operator {
    static let refuses = Field("refuses", default: 0, shapesOutput: false, help: "The numbers that it fails on.")
    static let times = Field("times", default: 1, help: "Letters for each failure.")
    static let forks = Field("forks", default: false, help: "Emits something for what fails, too.")
    static let specification = OperatorSpecification(
        name: "double", summary: "Doubles.", fields: [Self.refuses, Self.times, Self.forks])
    let refuses: Int
    let times: Int
    let forks: Bool

    init(_ configuration: Configuration, _ context: OperatorContext) {
        self.refuses = configuration[Self.refuses]
        self.times = configuration[Self.times]
        self.forks = configuration[Self.forks]
    }

    mutating func process(_ element: Element<Sum>, into output: inout Collector<Sum>) {
        let isRefused = self.refuses > 0 && element.value.value % self.refuses == 0
        if isRefused {
            for number in 0..<self.times { output.fail(element, reason: "refused", message: "the \(number)th time") }
        }
        if !isRefused || self.forks { output.emit(Sum(2 * element.value.value), from: element) }
    }
}

/// Rejects what is above ten, and knows what it has seen for good.
struct Small: Operator {
    static let specification = OperatorSpecification(
        name: "small", summary: "Passes small numbers.", fields: [], isStateful: true, remembers: true)
    init(_ configuration: Configuration, _ context: OperatorContext) {}

    mutating func process(_ element: Element<Sum>, into output: inout Collector<Sum>) {
        if element.value.value > 10 {
            return output.reject(element.value, from: element, reason: "large", message: "more than ten")
        }
        output.emit(element.value, from: element)
    }
}

/// Waits for the next number of a key, or says that it does.
struct Pair: Operator {
    static let specification = OperatorSpecification(name: "pair", summary: "Pairs.", fields: [], isStateful: true)
    init(_ configuration: Configuration, _ context: OperatorContext) {}

    mutating func process(_ element: Element<Sum>, into output: inout Collector<Sum>) {
        output.emit(element.value, from: element)
    }
}

/// Doubles numbers in threads of others, which take their time.
struct Later: AsyncOperator {
    static let refuses = Field("refuses", default: 0, shapesOutput: false, help: "The numbers that it fails on.")
    static let specification = OperatorSpecification(name: "later", summary: "Doubles.", fields: [Self.refuses])
    let refuses: Int
    var inFlightMax: Int { 3 }

    init(_ configuration: Configuration, _ context: OperatorContext) { self.refuses = configuration[Self.refuses] }

    func answer(_ element: Element<Sum>, into output: inout Collector<Sum>) async throws(CancellationError) {
        for _ in 0..<element.value.value % 5 { await Task.yield() }
        if self.refuses > 0, element.value.value % self.refuses == 0 {
            return output.fail(element, reason: "refused", message: "not now")
        }
        output.emit(Sum(2 * element.value.value), from: element)
    }
}

extension LineSchema {
    static let sum = LineSchema(streamType: "sum") { line in
        LineIdentity(["last": .init((try? JSONValue(parsing: line))?["value"]?.int.map(String.init))])
    }
}

/// A log and shards in memory, on which the real engine runs.
final class RetryWorld: Sendable {
    let storage: MemoryLog.Storage
    let disk = SimulatedShardStorage()
    static let partitions = 2

    init(hasOffsetGaps: Bool = false) { self.storage = MemoryLog.Storage(hasOffsetGaps: hasOffsetGaps) }

    func log() -> MemoryLog { MemoryLog(storage: self.storage) }

    /// A topology of one stage behind the topic `input`, to `output` or to shards.
    static func topology(_ steps: String, to: String = "output", more: String = "", name: String = "t") throws
        -> Topology
    {
        let text = """
            name: \(name)
            partitions: \(self.partitions)
            stages:
              only: { from: input, \(more)commit: { records: 3, seconds: 0.05 }, steps: [\(steps)], to: \(to) }
            """
        var registry = OperatorRegistry()
        registry.register(Doubling.self)
        registry.register(Small.self)
        registry.register(Pair.self)
        registry.register(asynchronous: Later.self)
        return try Topology.parse(text, file: "t.yaml", registry: registry, environment: [:]) { _ in "" }.topology
    }

    func fill(_ numbers: some Sequence<Int>) throws {
        let log = self.log()
        try log.createTopic(TopicSpecification(name: "input", partitions: Self.partitions))
        var transaction = Transaction()
        for number in numbers {
            let record = Record(
                key: "key-\(number)", value: "{\"value\":\(number)}",
                headers: [Header("schema", "sum/1"), Header("x", "y")])
            transaction.outputs.append(.init(topic: "input", partition: nil, records: RecordBatch([record])))
        }
        try log.makeWriter(id: "input").commit(transaction)
    }

    // MARK: Running

    func engine(_ topology: Topology, log: MemoryLog? = nil, _ change: (inout RunOptions) -> Void = { _ in }) -> Engine
    {
        var options = RunOptions()
        options.untilIdle = true
        options.threads = 2
        change(&options)
        let log = log ?? self.log()
        let disk = self.disk
        return Engine(topology: topology, log: log, options: options) {
            (shards, partition, epoch, hash) throws(SinkError) in
            do throws(ShardError) {
                let manifest = try Manifest(reading: shards.name, from: log)
                try Sweep.run(disk, name: shards.name, partition: partition, epoch: epoch, listed: manifest.files)
                return try ShardSink(
                    storage: disk,
                    options: ShardSinkOptions(
                        name: shards.name, partition: partition, epoch: epoch,
                        nextSequence: manifest.nextSequence(ofPartition: partition),
                        limits: RotationLimits(
                            samples: shards.samplesMax, uncompressedBytes: shards.bytesMax, seconds: nil),
                        topologyHash: hash)
                ) { () throws(ShardError) in try Manifest(reading: shards.name, from: log).files }
            } catch {
                throw error.sinkError
            }
        }
    }

    /// Runs an engine on a thread of its own; one that does not end by itself is stopped, which is a failure.
    static func run(_ engine: Engine) async throws {
        let watchdog = Task {
            try await Task.sleep(for: .seconds(120))
            Issue.record("the run does not end by itself")
            engine.stop()
        }
        defer { watchdog.cancel() }
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            Thread { continuation.resume(with: Result { try engine.run() }) }.start()
        }
    }

    func run(_ topology: Topology, _ change: (inout RunOptions) -> Void = { _ in }) async throws {
        try await Self.run(self.engine(topology, change))
    }

    // MARK: Retries

    func letterTopic(_ name: String = "t") throws -> TopicSpecification {
        try #require(try LetterReading.deadLetterTopics(of: name, in: self.log()).first)
    }

    func plan(_ change: (inout RetryPlan.Choice) -> Void = { _ in }) throws -> RetryPlan {
        var choice = RetryPlan.Choice()
        change(&choice)
        return try RetryPlan(of: try self.letterTopic(), choice, in: self.log())
    }

    @discardableResult
    func retry(on log: MemoryLog? = nil, _ change: (inout RetryPlan.Choice) -> Void = { _ in }) throws
        -> LetterRetry.Outcome
    {
        let log = log ?? self.log()
        var choice = RetryPlan.Choice()
        change(&choice)
        let topic = try self.letterTopic()
        return try LetterRetry(try RetryPlan(of: topic, choice, in: log), of: topic, in: log).run()
    }

    // MARK: Outcome

    /// The numbers of a topic, sorted.
    func numbers(_ topic: String = "output") throws -> [Int] {
        try self.records(topic).map { try JSONValue(parsing: $0.value ?? [])["value"]?.int ?? -1 }.sorted()
    }

    func records(_ topic: String) throws -> [Record] {
        let log = self.log()
        return try (0..<Self.partitions).flatMap { number in
            let place = TopicPartition(topic, number)
            let reader = try log.makeReader(of: place, from: try log.offsets(of: place).lowerBound)
            var records: [Record] = []
            while true {
                let batch = try reader.read(recordsMax: 1_000, bytesMax: 64 << 20)
                if batch.isEmpty { return records }
                records += (0..<batch.count).map { batch.records[$0] }
            }
        }
    }

    /// The numbers of a set's committed shards, sorted.
    func samples(_ set: String) throws -> [Int] {
        let manifest = try Manifest(reading: set, from: self.log())
        #expect(manifest.problems().isEmpty)
        return try manifest.commits.flatMap { commit in
            var numbers: [Int] = []
            var lines = try ShardReader(commit.entry.file, in: self.disk).samples()
            while let line = try lines.next() { numbers.append(try JSONValue(parsing: line)["value"]?.int ?? -1) }
            return numbers
        }.sorted()
    }

    func letters() throws -> [KeptLetter] {
        var letters: [KeptLetter] = []
        try LetterReading(self.log()).forEach(in: [try self.letterTopic()], .whole) { letter in
            letters.append(letter)
            return true
        }
        return letters.sorted { $0.time < $1.time }
    }

    func group(reason: String = "refused") throws -> LetterGroup? {
        try LetterSummary(of: [try self.letterTopic()], in: self.log()).groups.first { $0.name.reason == reason }
    }
}

/// Counts commits, and is dead from one of them on.
final class Counter: Sendable {
    private let state = Mutex((commits: 0, isDead: false))

    /// Tells whether a call comes at the time of death, or later.
    func isNow(_ number: Int, _ isAfter: Bool, _ diesAfter: Bool) -> Bool {
        self.state.withLock { state in
            if state.commits == number, isAfter == diesAfter { state.isDead = true }
            if isAfter { state.commits += 1 }
            return state.isDead
        }
    }
}
