// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Records
import Testing

/// The `schema` header of a record against the schema its stage reads.
@Suite struct SchemaHeaderTests {
    /// A value in its third form.
    private struct Loaf: StreamValue {
        static let typeName = "loaf"
        static let schemaVersion = 3
        init(json: inout JSONScanner) throws(JSONError) { try json.skip() }
        func write(to json: inout JSONWriter) { json.value("loaf") }
    }

    private struct Keep: Operator {
        static let specification = OperatorSpecification(name: "keep", summary: "Keeps.", fields: [])
        init(_ configuration: Configuration, _ context: OperatorContext) {}
        mutating func process(_ element: Element<Loaf>, into output: inout Collector<Loaf>) { output.emit(element) }
    }

    private struct Wait: AsyncOperator {
        static let specification = OperatorSpecification(name: "wait", summary: "Waits.", fields: [])
        var inFlightMax: Int { 1 }
        init(_ configuration: Configuration, _ context: OperatorContext) {}
        func answer(
            _ element: Element<Loaf>, into output: inout Collector<Loaf>
        ) async throws(CancellationError) { output.emit(element) }
    }

    private func chain(_ overload: OperatorOverload? = OperatorOverload(Keep.self)) throws -> Chain {
        let type = StreamType(Loaf.self)
        let steps = overload.map { [Step(overload: $0, configuration: Configuration())] } ?? []
        return try Chain(steps, input: type, output: type, OperatorContext(topologyHash: "h"))
    }

    private func batch(_ headers: [[Header]], key: String = "k", from offset: Offset = 0) -> FetchedBatch {
        var batch = FetchedBatch(partition: TopicPartition("t", 0), nextOffset: offset)
        for list in headers {
            batch.append(Record(key: key, value: "1", headers: list), offset: batch.nextOffset, timestamp: 0)
        }
        return batch
    }

    /// Runs one record with some headers through a chain.
    private func outcome(_ headers: [Header]) throws -> (count: Int, notes: ChainNotes) {
        let chain = try self.chain()
        chain.process(self.batch([headers]), at: 0)
        return (chain.takeOutput().count, chain.takeNotes())
    }

    @Test(
        "the type in its form of now or of before is read, whatever other headers there are",
        arguments: ["loaf/3", "loaf/2", "loaf/1", "loaf/0", "loaf/003"])
    func readable(schema: String) throws {
        let (count, notes) = try self.outcome([Header("trace", [0xff]), Header("schema", schema), Header("x", "y")])
        #expect(count == 1 && notes.letters.isEmpty && notes.counts.isEmpty)
    }

    @Test("without the header a record is read, and counted", arguments: [[], [Header("Schema", "loaf/9")]])
    func untold(headers: [Header]) throws {
        let (count, notes) = try self.outcome(headers)
        #expect(count == 1 && notes.letters.isEmpty && notes.counts == ["read.no-schema": 1])
    }

    @Test(
        "another type, or a header that names none, is a dead letter that says so",
        arguments: [
            ("bread/3", "`bread`"), ("loafs/3", "`loafs`"), ("Loaf/3", "`Loaf`"), ("a/loaf/3", "`a/loaf`"),
            ("/3", "``"),
            ("", "names no type and version"), ("loaf", "names no type"), ("loaf/", "names no type"),
            ("loaf/three", "names no type"), ("loaf/-1", "names no type"), ("loaf/3 ", "names no type"),
            ("loaf/٣", "names no type"), (String(repeating: "l", count: 1 << 20) + "/3", "names no type"),
        ])
    func wrongType(schema: String, part: String) throws {
        let (count, notes) = try self.outcome([Header("schema", schema)])
        #expect(count == 0 && notes.counts.isEmpty && notes.letters.count == 1)
        let letter = try #require(notes.letters.first)
        #expect(letter.kind == .dead && letter.step == "read" && letter.reason == "wrong-type")
        #expect(letter.message.contains(part) && letter.message.contains("`loaf`"), "\(letter.message)")
        #expect(letter.message.utf8.count < 1_000)
    }

    @Test("bytes that are no text are no type")
    func noText() throws {
        #expect(try self.outcome([Header("schema", [0xff, 0x2f, 0x33])]).notes.letters.map(\.reason) == ["wrong-type"])
    }

    @Test(
        "a newer form stops the stage, with the remedy",
        arguments: ["loaf/4", "loaf/9223372036854775807", "loaf/99999999999999999999999999"])
    func newer(schema: String) throws {
        let (count, notes) = try self.outcome([Header("schema", schema)])
        #expect(count == 0 && notes.counts.isEmpty && notes.letters.count == 1)
        let letter = try #require(notes.letters.first)
        #expect(letter.kind == .refused && letter.reason == "newer-schema")
        for part in ["`\(schema)`", "up to version 3", "install that version"] {
            #expect(letter.message.contains(part), "\(letter.message)")
        }
    }

    @Test("of a header that stands twice the last one counts")
    func twice() throws {
        let (loaf, bread) = (Header("schema", "loaf/3"), Header("schema", "bread/3"))
        #expect(try self.outcome([bread, loaf]).count == 1)
        #expect(try self.outcome([loaf, bread]).notes.letters.map(\.reason) == ["wrong-type"])
    }

    @Test("each record of a batch is judged by its own headers, in every batch anew")
    func batches() throws {
        let chain = try self.chain()
        let (loaf, bread) = ([Header("schema", "loaf/3")], [Header("schema", "bread/1")])
        // The lists have the same numbers in both batches, and say the opposite.
        for (number, lists) in [[loaf, loaf, bread, [], loaf], [bread, bread, loaf, [], bread]].enumerated() {
            let batch = self.batch(lists, from: Offset(10 * number))
            for index in 0..<batch.count { chain.process(batch, at: index) }
        }
        #expect(chain.takeOutput().count == 4 + 2)
        let notes = chain.takeNotes()
        #expect(notes.letters.map(\.origin) == [2, 10, 11, 14] && notes.counts == ["read.no-schema": 2])
    }

    @Test("a record that is left out does not pass its batch's predecessor off as its own")
    func leftOut() throws {
        let chain = try self.chain()
        let (loaf, bread) = ([Header("schema", "loaf/3")], [Header("schema", "bread/1")])
        let first = self.batch([loaf, loaf], key: "a")
        for index in 0..<2 { chain.process(first, at: index) }
        let second = self.batch([bread, bread, bread], key: "b", from: 10)
        chain.leaveOut("closed")
        for index in 1..<3 { chain.process(second, at: index) }
        #expect(chain.takeNotes().letters.map(\.origin) == [11, 12])
        let third = self.batch([loaf, loaf], key: "c", from: 20)
        _ = chain.leaveOut("closed", offset: 20)
        chain.process(third, at: 1)
        let output = chain.takeOutput()
        #expect((0..<output.count).map { output.key(at: $0) } == ["a", "a", "c"].map { Bytes($0.utf8) })
    }

    @Test("a stage that waits judges before it asks, and tombstones and copies are not judged")
    func otherStages() throws {
        let waiting = try self.chain(OperatorOverload(asynchronous: Wait.self))
        let batch = self.batch([[Header("schema", "bread/1")], [Header("schema", "loaf/4")], []])
        let pending = (0..<3).map { waiting.begin(batch, at: $0) }
        #expect(pending.map(\.requestCount) == [0, 0, 1])
        for record in pending.prefix(2) { waiting.finish(record) }
        #expect(waiting.takeNotes().letters.map(\.kind) == [.dead, .refused])
        let chain = try self.chain()
        var tombstone = FetchedBatch(partition: TopicPartition("t", 0), nextOffset: 0)
        tombstone.append(Record(key: "k", value: nil, headers: [Header("schema", "bread/1")]), offset: 0, timestamp: 0)
        chain.process(tombstone, at: 0)
        #expect(chain.takeNotes().counts == ["read.tombstone": 1])
        let relay = try self.chain(nil)
        for index in 0..<3 { relay.process(batch, at: index) }
        #expect(relay.takeOutput().count == 3 && !relay.hasNotes)
    }
}
