// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import MillraceTesting
import Records
import Synchronization
import Testing

/// A number under a name: `{"name":"a","amount":1,"last":false}`.
struct Coin: StreamValue, Hashable {
    static let typeName = "coin"
    static let schemaVersion = 1
    var name: String
    var amount: Int
    var isLast = false

    init(_ name: String, _ amount: Int, isLast: Bool = false) {
        (self.name, self.amount, self.isLast) = (name, amount, isLast)
    }

    init(json: inout JSONScanner) throws(JSONError) {
        let members = try JSONValue(&json)
        guard let name = members["name"]?.string, let amount = members["amount"]?.count else {
            throw JSONError("`name` and `amount` must be there", offset: 0)
        }
        self.init(name, amount, isLast: members["last"] == .bool(true))
    }

    func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("name", self.name)
        json.field("amount", self.amount)
        json.field("last", self.isLast)
        json.endObject()
    }
}

/// A promise to break.
protocol PurseFault: Sendable { static var breaks: Breach? { get } }
/// The ways in which a purse can be wrong.
enum Breach { case forgetful, random, hoarding, tellsTwice, takesAnything, silent, unboundedOutput, noHelp, uncounted }
enum Sound: PurseFault { static let breaks: Breach? = nil }
enum Forgetful: PurseFault { static let breaks: Breach? = .forgetful }
enum Random: PurseFault { static let breaks: Breach? = .random }
enum Hoarding: PurseFault { static let breaks: Breach? = .hoarding }
enum TellsTwice: PurseFault { static let breaks: Breach? = .tellsTwice }
enum TakesAnything: PurseFault { static let breaks: Breach? = .takesAnything }
enum Silent: PurseFault { static let breaks: Breach? = .silent }
enum UnboundedOutput: PurseFault { static let breaks: Breach? = .unboundedOutput }
enum NoHelp: PurseFault { static let breaks: Breach? = .noHelp }
enum Uncounted: PurseFault { static let breaks: Breach? = .uncounted }

/// Adds up the coins of each name, and hands the sum out at the last.
struct Purse<Fault: PurseFault>: Operator {
    static var least: Field<Int> { Field("least", default: 0, help: "The least sum that passes.") }
    static var most: Field<Int> {
        Field("most", default: 1000, help: Fault.breaks == .noHelp ? "" : "The most that passes.")
    }
    static var specification: OperatorSpecification {
        OperatorSpecification(
            name: "purse", summary: "Adds up coins.", fields: [Self.least, Self.most], isStateful: true)
    }

    private let most: Int
    private var sums: [String: Int] = [:]
    private var changed: Set<String> = []

    init(_ configuration: Configuration, _ context: OperatorContext) throws(ConfigurationError) {
        self.most = configuration[Self.most]
        if configuration[Self.least] > self.most {
            throw ConfigurationError("it is more than `most`: lower it", field: Fault.breaks == .noHelp ? nil : "least")
        }
    }

    var openCount: Int { Fault.breaks == .uncounted ? 0 : self.sums.count }

    mutating func process(_ element: Element<Coin>, into output: inout Collector<Coin>) {
        let coin = element.value
        let sum = self.sums[coin.name, default: 0] + coin.amount
        self.sums[coin.name] = sum
        self.changed.insert(coin.name)
        if coin.isLast {
            let bonus = Fault.breaks == .random ? Int.random(in: 0..<1_000_000) : 0
            let times = Fault.breaks == .unboundedOutput && coin.amount > 20 ? 20_000 : 1
            if sum > self.most {
                output.fail(element, reason: "too-much", message: Fault.breaks == .silent ? "" : "\(sum) is too much")
            } else {
                for _ in 0..<times { output.emit(Coin(coin.name, sum + bonus, isLast: true), from: element) }
            }
            if Fault.breaks != .hoarding { self.sums[coin.name] = nil }
        }
    }

    mutating func stateChanges() -> [StateChange] {
        if Fault.breaks == .forgetful { return [] }
        defer { if Fault.breaks != .tellsTwice { self.changed = [] } }
        return self.changed.sorted().map { name in
            StateChange(key: Bytes(name.utf8), value: self.sums[name].map { Bytes("\($0)!".utf8) })
        }
    }

    mutating func restore(_ entries: [StateEntry]) throws(JSONError) {
        for entry in entries {
            let text = String(decoding: entry.value, as: UTF8.self)
            guard text.hasSuffix("!"), let sum = Int(text.dropLast()) else {
                if Fault.breaks == .takesAnything { continue }
                throw JSONError("not a sum", offset: 0)
            }
            self.sums[String(decoding: entry.key, as: UTF8.self)] = sum
        }
    }
}

/// The suite finds out operators that break a promise, and lets one pass that breaks none.
@Suite("Operators that break promises") struct FaultyOperatorTests {
    private static func trial<Fault: PurseFault>(_: Fault.Type) -> OperatorTrial {
        let coins = [
            Coin("a", 1), Coin("b", 2), Coin("a", 3), Coin("c", 900), Coin("a", 4, isLast: true),
            Coin("c", 200, isLast: true), Coin("b", 5, isLast: true),
        ]
        var trial = OperatorTrial(Purse<Fault>.self, input: coins.map { ($0.name, $0) })
        var mistake = Configuration()
        mistake.set(Purse<Fault>.least, 7)
        mistake.set(Purse<Fault>.most, 3)
        trial.mistakes = [.init(mistake, field: "least")]
        return trial
    }

    /// The promises that are broken.
    private static func broken<Fault: PurseFault>(_ fault: Fault.Type) async -> [String] {
        var broken: [String] = []
        for promise in OperatorCase.all {
            do {
                _ = try await promise.run(on: Self.trial(fault))
            } catch {
                broken.append("\(promise): \(error)")
            }
        }
        return broken
    }

    @Test("One that breaks none passes, and nothing of it is left out")
    func sound() async throws {
        #expect(await Self.broken(Sound.self) == [])
        var skipped = 0
        for promise in OperatorCase.all where try await promise.run(on: Self.trial(Sound.self)) != .kept {
            skipped += 1
        }
        // It has state, so that it does not take each record by itself.
        #expect(skipped == 1)
    }

    @Test("Each that breaks one is found out")
    func faulty() async {
        #expect(!(await Self.broken(Forgetful.self)).isEmpty)
        #expect(!(await Self.broken(Random.self)).isEmpty)
        #expect(!(await Self.broken(Hoarding.self)).isEmpty)
        #expect(!(await Self.broken(TellsTwice.self)).isEmpty)
        #expect(!(await Self.broken(TakesAnything.self)).isEmpty)
        #expect(!(await Self.broken(Silent.self)).isEmpty)
        #expect(!(await Self.broken(UnboundedOutput.self)).isEmpty)
        #expect((await Self.broken(NoHelp.self)).count >= 2)
        #expect(!(await Self.broken(Uncounted.self)).isEmpty)
    }
}
