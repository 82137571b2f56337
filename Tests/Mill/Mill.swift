// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Records

/// Tells types apart that are otherwise alike.
protocol Kind: Sendable {
    static var name: String { get }
}
enum Grain: Kind { static let name = "grain" }
enum Flour: Kind { static let name = "flour" }
enum Bread: Kind { static let name = "bread" }

/// A number of some kind: `{"grain":7}`.
struct Good<K: Kind>: StreamValue, Equatable {
    static var typeName: String { K.name }
    static var schemaVersion: Int { 1 }
    var amount: Int

    init(_ amount: Int) { self.amount = amount }

    init(json: inout JSONScanner) throws(JSONError) {
        var amount: Int?
        try json.beginObject()
        while let key = try json.nextKey() {
            if key == "amount" { amount = try json.int() } else { try json.skip() }
        }
        guard let amount else { throw JSONError("no `amount`", offset: json.offset) }
        self.amount = amount
    }

    func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("amount", self.amount)
        json.endObject()
    }
}

/// Every kind of field.
struct Sift: Operator {
    enum Mesh: String, Choice { case fine, coarse }
    static let factor = Field("factor", default: 1, in: 1...9, help: "The number to multiply by.")
    static let share = Field("share", default: 0.5, help: "A number.", check: { $0 > 0 ? nil : "must be positive" })
    static let mesh = Field("mesh", default: Mesh.fine, help: "A word.")
    static let tags = Field<[String]>("tags", default: [], help: "A list.")
    static let loud = Field("loud", default: false, help: "Yes or no.")
    static let label = Field("label", default: "", help: "Text.")
    static let endpoint = Field("endpoint", default: "", shapesOutput: false, help: "Place to ask.")
    static let low = Field("low", default: 0, in: 0...100, help: "At least.")
    static let high = Field("high", default: 100, in: 0...100, help: "At most.")
    static let limits = Section("limits", help: "Numbers that pass.", fields: [Self.low, Self.high])
    static let specification = OperatorSpecification(
        name: "sift", summary: "Sifts.",
        fields: [
            Self.factor, Self.share, Self.mesh, Self.tags, Self.loud, Self.label, Self.endpoint, Self.limits,
        ])

    let factor: Int

    init(_ configuration: Configuration, _ context: OperatorContext) throws(ConfigurationError) {
        self.factor = configuration[Self.factor]
        if let limits = configuration[Self.limits], limits[Self.low] > limits[Self.high] {
            throw ConfigurationError("it is greater than `high`", field: "low")
        }
    }

    mutating func process(_ element: Element<Good<Grain>>, into output: inout Collector<Good<Grain>>) {
        output.count("sifted")
        output.emit(Good(element.value.amount * self.factor), from: element)
    }
}

/// Stateful: adds up by key, and emits as many grains as the amount says, at most three; fails and rejects some.
struct Hoard: Operator {
    static let specification = OperatorSpecification(name: "hoard", summary: "Hoards.", fields: [], isStateful: true)
    private var sums: [Bytes: Int] = [:]
    private var changed: Set<Bytes> = []

    init(_ configuration: Configuration, _ context: OperatorContext) {}

    mutating func process(_ element: Element<Good<Grain>>, into output: inout Collector<Good<Grain>>) {
        let key = element.key ?? []
        self.sums[key, default: 0] += element.value.amount
        self.changed.insert(key)
        let sum = self.sums[key] ?? 0
        if element.value.amount == 13 { return output.fail(element, reason: "thirteen", message: "\(sum)") }
        if element.value.amount == 11 {
            return output.reject(Good<Grain>(sum), from: element, reason: "eleven", message: "\(sum)")
        }
        for number in 0..<min(3, element.value.amount) { output.emit(Good(sum + number), from: element) }
    }

    mutating func stateChanges() -> [StateChange] {
        defer { self.changed = [] }
        return self.changed.sorted { $0.lexicographicallyPrecedes($1) }
            .map { StateChange(key: $0, value: Bytes("\(self.sums[$0] ?? 0)".utf8)) }
    }

    mutating func restore(_ entries: [StateEntry]) throws(JSONError) {
        for entry in entries {
            guard let sum = Int(String(decoding: entry.value, as: UTF8.self)) else {
                throw JSONError("not a sum", offset: 0)
            }
            self.sums[entry.key] = sum
        }
    }
}

/// Asynchronous; even amounts are answered at once.
struct Weigh: AsyncOperator {
    static let specification = OperatorSpecification(name: "weigh", summary: "Weighs.", fields: [])
    var inFlightMax: Int { 4 }

    init(_ configuration: Configuration, _ context: OperatorContext) {}

    func begin(
        _ element: Element<Good<Grain>>, until deadline: ContinuousClock.Instant?,
        into output: inout Collector<Good<Grain>>
    ) -> Remainder<Good<Grain>>? {
        guard element.value.amount % 2 == 0 else {
            return Remainder { output async throws(CancellationError) in try await self.answer(element, into: &output) }
        }
        self.weigh(element, into: &output)
        return nil
    }

    func answer(
        _ element: Element<Good<Grain>>, into output: inout Collector<Good<Grain>>
    ) async throws(CancellationError) { self.weigh(element, into: &output) }

    private func weigh(_ element: Element<Good<Grain>>, into output: inout Collector<Good<Grain>>) {
        output.count("weighed")
        if element.value.amount == 7 { return output.fail(element, reason: "seven", message: "too light") }
        output.emit(Good(element.value.amount * 10), from: element)
    }
}

struct Grind: Operator {
    static let recipe = Field(
        "recipe", required: FileReference(path: "r.txt", content: ""), help: "The recipe, a text file.")
    static let specification = OperatorSpecification(name: "grind", summary: "Grinds.", fields: [Self.recipe])
    init(_ configuration: Configuration, _ context: OperatorContext) {}
    mutating func process(_ element: Element<Good<Grain>>, into output: inout Collector<Good<Flour>>) {
        output.emit(Good(element.value.amount), from: element)
    }
}

struct Bake: Operator {
    static let specification = OperatorSpecification(name: "bake", summary: "Bakes.", fields: [])
    init(_ configuration: Configuration, _ context: OperatorContext) {}
    mutating func process(_ element: Element<Good<Flour>>, into output: inout Collector<Good<Bread>>) {
        output.emit(Good(element.value.amount), from: element)
    }
}

/// Two overloads of one name.
struct Sell<K: Kind>: Operator {
    static var specification: OperatorSpecification {
        OperatorSpecification(name: "sell", summary: "Sells.", fields: [])
    }
    init(_ configuration: Configuration, _ context: OperatorContext) {}
    mutating func process(_ element: Element<Good<K>>, into output: inout Collector<Good<K>>) { output.emit(element) }
}

/// Two overloads of one name with fields of their own: flour is packed by weight, bread by slices.
struct PackFlour: Operator {
    static let weight = Field("weight", default: 1, in: 1...50, help: "Kilograms in a bag.")
    static let label = Field("label", default: "", help: "Words on it.")
    static let color = Field("color", default: "white", help: "Of the bag.")
    static let bag = Section("wrap", help: "The bag.", fields: [Self.color])
    static let specification = OperatorSpecification(
        name: "pack", summary: "Packs flour.", fields: [Self.weight, Self.label, Self.bag])
    init(_ configuration: Configuration, _ context: OperatorContext) {}
    mutating func process(_ element: Element<Good<Flour>>, into output: inout Collector<Good<Flour>>) {
        output.emit(element)
    }
}

struct PackBread: Operator {
    static let slices = Field("slices", default: 10, in: 1...50, help: "Slices in a packet.")
    static let label = Field("label", default: false, help: "Says that it has one.")
    static let thickness = Field("thickness", default: 1, help: "Of the paper.")
    static let paper = Section("wrap", help: "The paper.", fields: [Self.thickness])
    static let specification = OperatorSpecification(
        name: "pack", summary: "Packs bread.", fields: [Self.slices, Self.label, Self.paper])
    init(_ configuration: Configuration, _ context: OperatorContext) {}
    mutating func process(_ element: Element<Good<Bread>>, into output: inout Collector<Good<Bread>>) {
        output.emit(element)
    }
}

/// A registry of these.
let millRegistry: OperatorRegistry = {
    var registry = OperatorRegistry()
    registry.register(Sift.self)
    registry.register(Hoard.self)
    registry.register(asynchronous: Weigh.self)
    registry.register(Grind.self)
    registry.register(Bake.self)
    registry.register(Sell<Flour>.self)
    registry.register(Sell<Bread>.self)
    registry.register(PackFlour.self)
    registry.register(PackBread.self)
    return registry
}()
