// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Records
import Testing

@testable import Mill

/// The steps of a stage wired together, without any engine.
@Suite struct ChainTests {
    /// The steps with these names, which take and make grain; `factor` is that of every `sift`.
    private func chain(_ names: [String], factor: Int = 1) throws -> Chain {
        var configuration = Configuration()
        configuration.set(Sift.factor, factor)
        let steps = try names.map { name in
            Step(overload: try #require(millRegistry.overloads(named: name).first), configuration: configuration)
        }
        let grain = StreamType(Good<Grain>.self)
        return try Chain(steps, input: grain, output: grain, OperatorContext(topologyHash: "h"))
    }

    /// Records of amounts under keys in turn; `nil` is a tombstone.
    private func batch(_ amounts: [Int?], from offset: Offset = 100) -> FetchedBatch {
        var batch = FetchedBatch(partition: TopicPartition("input", 0), nextOffset: offset)
        for (index, amount) in amounts.enumerated() {
            let value = amount.map { Bytes("{\"amount\":\($0)}".utf8) }
            let key = Bytes("k\(index / 2 % 3)".utf8)
            batch.append(
                Record(key: index == 5 ? nil : key, value: value, headers: Good<Grain>.headers),
                offset: offset + Offset(2 * index), timestamp: 0)
        }
        return batch
    }

    private func texts(_ output: RecordBatch) -> [String] {
        (0..<output.count).map { index in
            let (key, value) = (output.key(at: index), output.value(at: index) ?? [])
            #expect(output.headers(at: index) == [Header("schema", "grain/1")])
            return (key.map { String(decoding: $0, as: UTF8.self) } ?? "-") + String(decoding: value, as: UTF8.self)
        }
    }

    /// Runs a batch through a stage with an asynchronous step; answers come in the worst order.
    private func ask(_ chain: Chain, _ batch: FetchedBatch) async throws {
        var pending: [PendingRecord] = []
        var unanswered: [[Int]] = []
        for index in 0..<batch.count {
            var record = chain.begin(batch, at: index)
            #expect(record.offset == batch.offsets[index])
            var open: [Int] = []
            for request in 0..<record.requestCount where !record.answerAtOnce(request, until: nil) {
                open.append(request)
            }
            #expect(record.isComplete == open.isEmpty)
            pending.append(record)
            unanswered.append(open)
        }
        for index in pending.indices.reversed() {
            for request in unanswered[index].reversed() {
                let reply = try await pending[index].takeWork(request)()
                pending[index].take(reply, for: request)
            }
            #expect(pending[index].isComplete)
        }
        for record in pending { chain.finish(record) }
    }

    @Test("order and keys are kept; so are the origins of letters")
    func order() throws {
        let chain = try self.chain(["sift", "hoard"])
        #expect(!chain.isAsynchronous && chain.inFlightMax == 0)
        let batch = self.batch([2, 1, 13, 11, 3, 1, 0])
        for index in 0..<batch.count { chain.process(batch, at: index) }
        #expect(chain.outputCount == 7)
        let output = chain.takeOutput()
        #expect(
            self.texts(output) == [
                "k0{\"amount\":2}", "k0{\"amount\":3}", "k0{\"amount\":3}", "k2{\"amount\":3}", "k2{\"amount\":4}",
                "k2{\"amount\":5}", "-{\"amount\":1}",
            ])
        #expect(chain.outputCount == 0 && chain.takeOutput().isEmpty)
        let notes = chain.takeNotes()
        #expect(notes.counts == ["sift.sifted": 7])
        #expect(notes.letters.map(\.origin) == [104, 106] && notes.letters.map(\.kind) == [.dead, .rejected])
        #expect(
            notes.letters.map(\.step) == ["hoard", "hoard"] && notes.letters.map(\.reason) == ["thirteen", "eleven"])
        #expect(notes.letters[0].value == Bytes("{\"amount\":13}".utf8))
        #expect(notes.letters[1].value == Bytes("{\"amount\":24}".utf8), "the rejected value, not the input")
        #expect(!chain.hasNotes && chain.takeNotes().letters.isEmpty)
    }

    @Test("tombstones are counted, and what cannot be read is a letter that says where")
    func unreadable() throws {
        let chain = try self.chain(["sift"])
        var batch = self.batch([1, nil])
        for value in ["{broken", "{\"amount\":\"x\"}", "{}", "", "[1]", "{\"amount\":1} x", "\u{0}"] {
            batch.append(
                Record(key: "k", value: value, headers: Good<Grain>.headers), offset: batch.nextOffset, timestamp: 0)
        }
        batch.append(
            Record(key: Bytes("k".utf8), value: [0x7b, 0xff, 0xfe], headers: Good<Grain>.headers),
            offset: batch.nextOffset, timestamp: 0)
        for index in 0..<batch.count { chain.process(batch, at: index) }
        let notes = chain.takeNotes()
        #expect(chain.takeOutput().count == 1)
        #expect(notes.counts == ["read.tombstone": 1, "sift.sifted": 1])
        #expect(notes.letters.map(\.origin) == Array(batch.offsets.dropFirst(2)))
        #expect(notes.letters.allSatisfy { $0.kind == .dead && $0.step == "read" && $0.reason == "unreadable" })
        #expect(notes.letters.allSatisfy { !$0.message.isEmpty && $0.value == nil })
        #expect(notes.letters[2].message.contains("amount"))
    }

    @Test("state has the step's place and name before its key, and is taken up again", arguments: [false, true])
    func state(waits: Bool) async throws {
        let steps = waits ? ["sift", "weigh", "hoard", "hoard"] : ["hoard", "sift", "hoard"]
        let prefixes = waits ? ["2.hoard/", "3.hoard/"] : ["0.hoard/", "2.hoard/"]
        func make() throws -> Chain { try self.chain(steps) }
        func run(_ chain: Chain, _ batch: FetchedBatch) async throws {
            if chain.isAsynchronous { return try await self.ask(chain, batch) }
            for index in 0..<batch.count { chain.process(batch, at: index) }
        }
        let chain = try make()
        try await run(chain, self.batch([1, 2]))
        let changes = chain.stateChanges()
        #expect(changes.map { String(decoding: $0.key, as: UTF8.self) } == prefixes.map { $0 + "k0" })
        #expect(chain.stateChanges().isEmpty, "told once")
        _ = chain.takeOutput()
        let restored = try make()
        let noise = StateEntry(key: Bytes("9.other/k".utf8), value: Bytes("x".utf8))
        try restored.restore(changes.map { StateEntry(key: $0.key, value: $0.value ?? []) } + [noise])
        for one in [chain, restored] { try await run(one, self.batch([1, 1, 4], from: 200)) }
        #expect(self.texts(restored.takeOutput()) == self.texts(chain.takeOutput()))
        #expect(restored.stateChanges() == chain.stateChanges())
        let bad = StateEntry(key: Bytes((prefixes[0] + "k").utf8), value: Bytes("x".utf8))
        #expect(throws: JSONError.self) { try make().restore([bad]) }
    }

    @Test("answers in any order leave output and notes in the order of the input")
    func answers() async throws {
        let asking = try self.chain(["sift", "weigh", "sift", "hoard"])
        #expect(asking.isAsynchronous && asking.inFlightMax == 4)
        let batch = self.batch([3, 2, nil, 7, 1, 4])
        try await self.ask(asking, batch)
        let output = self.texts(asking.takeOutput())
        #expect(
            output == [30, 31, 32, 50, 51, 52].map { "k0{\"amount\":\($0)}" }
                + [10, 11, 12].map { "k2{\"amount\":\($0)}" }
                + [40, 41, 42].map { "-{\"amount\":\($0)}" })
        let notes = asking.takeNotes()
        #expect(
            notes.counts["read.tombstone"] == 1 && notes.counts["weigh.weighed"] == 5
                && notes.counts["sift.sifted"] == 9)
        #expect(notes.letters.map(\.reason) == ["seven"] && notes.letters.map(\.step) == ["weigh"])
        #expect(notes.letters.map(\.origin) == [106])
    }

    @Test("one record at a time, in batches of any size, the output is the same")
    func batches() throws {
        let amounts = (0..<60).map { number -> Int? in number % 9 == 8 ? nil : number * 7 % 17 }
        var outcomes: [([String], [Letter], [String: Int], [StateChange])] = []
        for size in [1, 2, 7, 60] {
            let chain = try self.chain(["hoard", "sift", "hoard"], factor: 2)
            var (texts, notes) = ([String](), ChainNotes())
            for start in stride(from: 0, to: amounts.count, by: size) {
                // The same keys as in one batch of all: they depend on a record's place in the whole.
                let whole = self.batch(amounts)
                var part = FetchedBatch(partition: whole.partition, nextOffset: 0)
                for index in start..<min(start + size, amounts.count) {
                    part.append(whole.records[index], offset: whole.offsets[index], timestamp: 0)
                }
                for index in 0..<part.count { chain.process(part, at: index) }
                texts += self.texts(chain.takeOutput())
                let taken = chain.takeNotes()
                notes.letters += taken.letters
                notes.counts.merge(taken.counts, uniquingKeysWith: +)
            }
            outcomes.append((texts, notes.letters, notes.counts, chain.stateChanges()))
        }
        #expect(outcomes[0].0.count > 100)
        for outcome in outcomes.dropFirst() { #expect(outcome == outcomes[0]) }
    }
}
