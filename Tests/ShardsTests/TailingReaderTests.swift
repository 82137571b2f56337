// SPDX-License-Identifier: Apache-2.0

import Codecs
import RecordLog
import Records
import Shards
import Testing

@Suite("TailingReader") struct TailingReaderTests {
    private let storage = SimulatedShardStorage()
    private let log = TestLog()

    init() throws { try self.log.createTopic(Manifest.topicSpecification("nlq")) }

    private func announce(_ entry: ManifestEntry) {
        self.log.commit([
            Transaction.Output(topic: "shards.nlq", partition: 0, records: RecordBatch([entry.record]))
        ])
    }

    private func publish(_ numbers: Range<Int>, sequence: Int, partition: Int = 0) throws -> ManifestEntry {
        let entry = try TestSamples.write(
            numbers.map { TestSamples.sample($0) }, sequence: sequence, partition: partition, in: self.storage)
        self.announce(entry)
        return entry
    }

    private func reader(from position: TailingReader.Position = .init()) throws -> TailingReader {
        try TailingReader(name: "nlq", log: self.log, storage: self.storage, from: position)
    }

    private func rest(of reader: TailingReader) throws -> [Bytes] {
        var samples: [Bytes] = []
        while let sample = try reader.next() { samples.append(sample) }
        return samples
    }

    @Test func `it hands out what is committed, as it is committed`() throws {
        let reader = try self.reader()
        #expect(try reader.next() == nil)
        _ = try self.publish(0..<10, sequence: 0)
        #expect(try self.rest(of: reader) == (0..<10).map { TestSamples.sample($0) })
        #expect(try reader.next() == nil)
        // Written but not listed: not there.
        _ = try TestSamples.write(TestSamples.samples(3), sequence: 9, in: self.storage)
        #expect(try reader.next() == nil)
        _ = try self.publish(10..<12, sequence: 0, partition: 1)
        _ = try self.publish(12..<30, sequence: 1)
        #expect(try reader.poll().map(\.entry.samples) == [2, 18])
        #expect(try self.rest(of: reader) == (10..<30).map { TestSamples.sample($0) })
    }

    @Test func `it goes on from any position that was stored`() throws {
        for (sequence, numbers) in [0..<7, 7..<8, 8..<20].enumerated() {
            _ = try self.publish(numbers, sequence: sequence)
        }
        let first = try self.reader()
        for number in 0...20 {
            let stored = try TailingReader.Position(json: first.position.json)
            #expect(stored == first.position)
            #expect(try self.rest(of: self.reader(from: stored)) == (number..<20).map { TestSamples.sample($0) })
            #expect(try first.next() == (number < 20 ? TestSamples.sample(number) : nil))
        }
        let manifest = try Manifest(reading: "nlq", from: self.log)
        for number in 0...20 {
            let reader = try self.reader(from: manifest.position(ofSample: number))
            #expect(try self.rest(of: reader) == (number..<20).map { TestSamples.sample($0) })
        }
    }

    @Test func `lines are handed out a frame at a time, and no more than were asked for`() throws {
        for (sequence, numbers) in [0..<7, 7..<8, 8..<20].enumerated() {
            _ = try self.publish(numbers, sequence: sequence)
        }
        let all = (0..<20).flatMap { TestSamples.sample($0) + [UInt8(ascii: "\n")] }
        for max in [1, 3, 100] {
            let reader = try self.reader()
            var lines: Bytes = []
            var count = 0
            while let run = try reader.nextLines(max: max) {
                #expect(1...max ~= run.count && run.lines.count { $0 == UInt8(ascii: "\n") } == run.count)
                lines += run.lines
                count += run.count
                // A sample by itself goes on where the lines ended, and the other way round.
                if count == 4 {
                    lines += try #require(try reader.next()) + [UInt8(ascii: "\n")]
                    count += 1
                }
            }
            #expect(lines == all && count == 20)
        }
    }

    @Test func `a shard may be passed over`() throws {
        _ = try self.publish(0..<5, sequence: 0)
        _ = try self.publish(5..<9, sequence: 1)
        let reader = try self.reader()
        _ = try reader.next()
        try reader.skipShard()
        #expect(try self.rest(of: reader) == (5..<9).map { TestSamples.sample($0) })
        try reader.skipShard()
        #expect(reader.position == TailingReader.Position(offset: 2))
    }

    @Test func `a listed file that is missing or cut is an error, and nothing is passed over`() throws {
        let first = try self.publish(0..<3, sequence: 0)
        let second = try self.publish(3..<6, sequence: 1)
        let bytes = try #require(self.storage.bytes(of: second.file))
        try self.storage.remove(second.file)
        let reader = try self.reader()
        for number in 0..<3 { #expect(try reader.next() == TestSamples.sample(number)) }
        for _ in 0..<2 {
            let error = #expect(throws: ShardError.self) { try reader.next() }
            #expect(error?.code == .missing)
            #expect(error?.message.contains(second.file) == true)
            #expect(error?.message.contains("manifest") == true)
        }
        self.storage.place(bytes.dropLast(), as: second.file)
        #expect(#expect(throws: ShardError.self) { try reader.next() }?.code == .corrupt)
        self.storage.place(bytes, as: second.file)
        #expect(try self.rest(of: reader) == (3..<6).map { TestSamples.sample($0) })
        #expect(first.samples == 3)
    }

    @Test func `a manifest record that is none stops it without losing its place`() throws {
        _ = try self.publish(0..<3, sequence: 0)
        self.log.commit([
            Transaction.Output(topic: "shards.nlq", partition: 0, records: RecordBatch([Record(key: "0", value: "{}")]))
        ])
        let reader = try self.reader()
        for _ in 0..<2 { #expect(#expect(throws: ShardError.self) { try reader.next() }?.code == .corrupt) }
        #expect(reader.position == TailingReader.Position())
    }

    @Test func `a set that is not there is an error`() {
        let error = #expect(throws: ShardError.self) {
            try TailingReader(name: "naq", log: self.log, storage: self.storage)
        }
        #expect(error?.code == .missing)
    }

    @Test(arguments: ["", "{}", "{\"offset\":-1,\"sample\":0}", "{\"offset\":1}", "{\"offset\":\"1\",\"sample\":0}"])
    func `a position that is none is refused`(text: String) {
        #expect(throws: JSONError.self) { try TailingReader.Position(json: Bytes(text.utf8)) }
    }
}
