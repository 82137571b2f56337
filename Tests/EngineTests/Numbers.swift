// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Records
import Topologies

/// A value and operators of no meaning, with every kind of behaviour that an engine must keep right.
struct Number: StreamValue, Equatable {
    static let typeName = "number"
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

/// Stateful: emits the running sum of each key, once or twice; drops, fails and rejects some by their number.
struct Tally: Operator {
    static let specification = OperatorSpecification(name: "tally", summary: "Sums.", fields: [], isStateful: true)
    private var sums: [Bytes: Int] = [:]
    private var changed: Set<Bytes> = []

    init(_ configuration: Configuration, _ context: OperatorContext) {}

    mutating func process(_ element: Element<Number>, into output: inout Collector<Number>) {
        let key = element.key ?? []
        let sum = self.sums[key, default: 0] + element.value.value
        self.sums[key] = sum
        self.changed.insert(key)
        if element.value.value % 17 == 0 { return output.fail(element, reason: "seventeen", message: "\(sum)") }
        if element.value.value % 13 == 0 {
            return output.reject(Number(sum), from: element, reason: "thirteen", message: "\(sum)")
        }
        if element.value.value % 5 == 0 { return output.count("five") }
        output.emit(Number(sum), from: element)
        if element.value.value % 3 == 0 { output.emit(Number(-sum), from: element) }
    }

    mutating func stateChanges() -> [StateChange] {
        let changes = self.changed.sorted { $0.lexicographicallyPrecedes($1) }
            .map { StateChange(key: $0, value: Bytes("\(self.sums[$0] ?? 0)".utf8)) }
        self.changed = []
        return changes
    }

    mutating func restore(_ entries: [StateEntry]) throws(JSONError) {
        for entry in entries { self.sums[entry.key] = Int(String(decoding: entry.value, as: UTF8.self)) }
    }
}

/// Asynchronous: answers at once, or after a while, or in the order that threads please.
struct Ask: AsyncOperator {
    static let slow = Field("slow", default: false, help: "Makes it wait.")
    static let specification = OperatorSpecification(name: "ask", summary: "Asks.", fields: [Self.slow])
    let isSlow: Bool
    var inFlightMax: Int { 7 }

    init(_ configuration: Configuration, _ context: OperatorContext) { self.isSlow = configuration[Self.slow] }

    func begin(
        _ element: Element<Number>, until deadline: ContinuousClock.Instant?, into output: inout Collector<Number>
    ) -> Remainder<Number>? {
        if self.isSlow, element.value.value % 4 != 0 {
            return Remainder { output async throws(CancellationError) in try await self.answer(element, into: &output) }
        }
        output.emit(Number(element.value.value + 1), from: element)
        return nil
    }

    func answer(_ element: Element<Number>, into output: inout Collector<Number>) async throws(CancellationError) {
        do {
            try await Task.sleep(nanoseconds: UInt64(abs(element.value.value) % 7) * 300_000)
        } catch {
            throw CancellationError()
        }
        output.emit(Number(element.value.value + 1), from: element)
    }
}

/// A registry of these.
let numbersRegistry: OperatorRegistry = {
    var registry = OperatorRegistry()
    registry.register(Tally.self)
    registry.register(asynchronous: Ask.self)
    return registry
}()

/// Three stages: sums to a topic, asking and summing again to a topic, sums to shards.
func numbersTopology(samples: Int, seconds: Double, commitRecords: Int, slow: Bool = false) throws -> Topology {
    let text = """
        name: numbers
        partitions: 2
        max-consecutive-dead-letters: 1000
        stages:
          first:
            from: input
            steps: [tally]
            to: sums
            commit: { records: \(commitRecords), seconds: 0.2 }
          second:
            from: sums
            steps:
              - ask: { slow: \(slow) }
              - tally
            to: more
            rejects: more.rejected
            commit: { records: \(commitRecords + 1), seconds: 0.2 }
          land:
            from: more
            steps: [tally]
            to: { shards: numbers, rotate: { samples: \(samples), seconds: \(seconds) } }
            commit: { records: \(commitRecords), seconds: 0.2 }
        """
    return try Topology.parse(text, file: "numbers.yaml", registry: numbersRegistry, environment: [:]) { _ in "" }
        .topology
}
