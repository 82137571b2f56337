// SPDX-License-Identifier: Apache-2.0

import Codecs
import RecordLog
import Records
import Shards
import Testing

@Suite("ShardSink") struct ShardSinkTests {
    private let storage = SimulatedShardStorage()
    private let log = TestLog()

    init() throws { try self.log.createTopic(Manifest.topicSpecification("nlq")) }

    private func sink(
        limits: RotationLimits = RotationLimits(samples: 4, seconds: nil), epoch: Int64 = 1, next: Int = 0,
        guide: ReplayGuide? = nil, storage: (any ShardStorage)? = nil
    ) throws -> ShardSink {
        try ShardSink(
            storage: storage ?? self.storage,
            options: ShardSinkOptions(
                name: "nlq", partition: 2, epoch: epoch, nextSequence: next, limits: limits, topologyHash: "t",
                frameBytes: 500, schema: .narrations),
            guide: guide)
    }

    private func append(_ numbers: Range<Int>, origin: Offset, to sink: ShardSink) throws {
        try sink.append(TestSamples.batch(numbers.map { TestSamples.sample($0) }), origin: origin)
    }

    private func entry(_ outputs: [Transaction.Output]) throws -> ManifestEntry {
        #expect(outputs.count == 1)
        let output = try #require(outputs.first)
        #expect(output.topic == "shards.nlq")
        #expect(output.partition == 0)
        #expect(output.records.count == 1)
        return try ManifestEntry(record: output.records[0])
    }

    @Test func `samples become a listed, sound file`() throws {
        let sink = try self.sink()
        try self.append(0..<3, origin: 10, to: sink)
        try sink.append(RecordBatch(), origin: 11)
        #expect(sink.isOpen)
        #expect(sink.rotationDue(now: 0) == nil)
        try self.append(3..<6, origin: 12, to: sink)
        #expect(sink.openSamples == 6)
        #expect(sink.rotationDue(now: 0) == .samples)
        let entry = try self.entry(try sink.prepare(.samples))
        #expect(entry.file == "nlq-0002-00000000-000001.jsonl.zst")
        #expect(entry.samples == 6)
        #expect(entry.frames > 1)
        #expect(entry.reason == .samples)
        #expect(entry.topologyHash == "t")
        #expect(entry.zstdVersion == Zstandard.version)
        #expect(entry.level == 3)
        #expect((entry.firstOffset, entry.lastOffset) == (10, 12))
        #expect(entry.last == .narration("v1", pass: 1, index: 6))
        #expect(try self.storage.list() == [entry.file])
        #expect(ShardVerification(of: entry, in: self.storage).problems == [])
        sink.committed()
        #expect(!sink.isOpen)
        try self.append(6..<7, origin: 13, to: sink)
        #expect(try self.entry(try sink.prepare(.idle)).sequence == 1)
    }

    @Test func `with nothing open there is nothing to prepare`() throws {
        let sink = try self.sink()
        #expect(!sink.isOpen)
        #expect(try sink.prepare(.idle).isEmpty)
        sink.committed()
        sink.abandon()
        try sink.append(RecordBatch(), origin: 0)
        #expect(!sink.isOpen)
        #expect(sink.rotationDue(now: 1 << 40) == nil)
        #expect(try self.storage.list() == [])
        #expect(self.storage.operationCount == 0)
    }

    @Test func `publishing takes its steps in order`() throws {
        let sink = try self.sink()
        var steps: [String] = []
        let storage = self.storage
        sink.onPublishStep = { step in
            let names = (try? storage.list()) ?? []
            steps.append("\(step) \(names.contains { $0.hasPrefix(".open-") })")
        }
        try self.append(0..<1, origin: 0, to: sink)
        #expect(try self.storage.list() == [".open-nlq-0002-00000000-000001.jsonl.zst"])
        let first = try sink.prepare(.idle)
        #expect(steps == ["temporarySynchronized true", "renamed false", "folderSynchronized false"])
        let again = try sink.prepare(.idle)
        #expect(try self.entry(first) == self.entry(again))
        #expect(steps.count == 3)
        #expect(throws: SinkError.self) { try self.append(1..<2, origin: 1, to: sink) }
        sink.committed()
        try self.append(1..<2, origin: 1, to: sink)
    }

    @Test func `by the clock from the first sample on`() throws {
        let sink = try self.sink(limits: RotationLimits(seconds: 2))
        #expect(sink.rotationDue(now: 0) == nil)
        #expect(sink.deadline == nil)
        try self.append(0..<1, origin: 0, to: sink)
        #expect(sink.rotationDue(now: 10_000) == nil)
        #expect(sink.deadline == 12_000)
        #expect(sink.rotationDue(now: 12_000) == .seconds)
        _ = try sink.prepare(.seconds)
        #expect(sink.rotationDue(now: 20_000) == nil)
        #expect(sink.deadline == nil)
    }

    @Test func `abandoning drops the open file, and forgets a prepared one without removing it`() throws {
        let sink = try self.sink()
        try self.append(0..<2, origin: 0, to: sink)
        sink.abandon()
        #expect(try self.storage.list() == [])
        #expect(!sink.isOpen)

        try self.append(0..<2, origin: 0, to: sink)
        let first = try self.entry(try sink.prepare(.idle))
        sink.abandon()
        #expect(try self.storage.list() == [first.file])
        try self.append(0..<3, origin: 0, to: sink)
        let second = try self.entry(try sink.prepare(.idle))
        #expect(second.file == first.file)
        #expect(second.samples == 3)
        #expect(ShardVerification(of: second, in: self.storage).problems == [])
    }

    @Test func `a file of a stranger is not overwritten`() throws {
        self.storage.place([1], as: "nlq-0002-00000000-000001.jsonl.zst")
        let sink = try self.sink()
        try self.append(0..<2, origin: 0, to: sink)
        let error = #expect(throws: SinkError.self) { try sink.prepare(.idle) }
        #expect(error?.message.contains("already there") == true)
        #expect(self.storage.bytes(of: "nlq-0002-00000000-000001.jsonl.zst") == [1])
    }

    @Test func `a sample that is no line is refused and the others stay as they were`() throws {
        let sink = try self.sink()
        try self.append(0..<2, origin: 0, to: sink)
        for bad in ["", "{\n}", "{}\r"] {
            let batch = TestSamples.batch([TestSamples.sample(2), Bytes(bad.utf8)])
            #expect(ShardSink.refusal(of: batch, at: 0) == nil)
            #expect(ShardSink.refusal(of: batch, at: 1) != nil)
            let error = #expect(throws: SinkError.self) { try sink.append(batch, origin: 77) }
            #expect(error?.message.contains("77") == true)
        }
        #expect(throws: SinkError.self) {
            try sink.append(RecordBatch([Record(key: nil, value: nil as Bytes?)]), origin: 78)
        }
        try self.append(2..<3, origin: 1, to: sink)
        let entry = try self.entry(try sink.prepare(.idle))
        #expect(try TestSamples.lines(of: entry.file, in: self.storage) == TestSamples.samples(3))
    }

    @Test func `options that no file could carry are refused`() {
        for (name, partition, samples, level) in [
            ("a/b", 0, 1, 3), ("", 0, 1, 3), (".x", 0, 1, 3), ("n", -1, 1, 3), ("n", 0, 0, 3), ("n", 0, 1, 99),
        ] {
            #expect(throws: ShardError.self) {
                try ShardSink(
                    storage: self.storage,
                    options: ShardSinkOptions(
                        name: name, partition: partition, epoch: 1, nextSequence: 0,
                        limits: RotationLimits(samples: samples), level: level, topologyHash: "t"))
            }
        }
    }

    // MARK: Replay

    /// Appends one sample an input record and commits whenever the sink asks for it, and at the end.
    private func run(_ sink: ShardSink, _ samples: [Bytes], clock: (Int) -> Timestamp) throws -> [ManifestEntry] {
        var entries: [ManifestEntry] = []
        func commit(_ reason: RotationReason) throws {
            entries.append(try self.entry(try sink.prepare(reason)))
            sink.committed()
        }
        for (number, sample) in samples.enumerated() {
            try sink.append(TestSamples.batch([sample]), origin: Offset(number))
            if let reason = sink.rotationDue(now: clock(number)) { try commit(reason) }
        }
        if sink.isOpen { try commit(.idle) }
        return entries
    }

    @Test func `a replay repeats the original's files byte for byte, whatever closed them`() throws {
        let samples = TestSamples.samples(52)
        let limits = RotationLimits(samples: 9, uncompressedBytes: 3000, seconds: 1)
        // A clock that now and then leaps.
        let original = try self.run(self.sink(limits: limits), samples) { Timestamp($0 / 5 * 900) }
        #expect(original.count > 5)
        #expect(Set(original.map(\.reason)).isSuperset(of: [.seconds, .idle]))

        let other = SimulatedShardStorage()
        let guide = ReplayGuide(original: original)
        let sink = try self.sink(limits: RotationLimits(samples: 1000), epoch: 8, guide: guide, storage: other)
        sink.onParting = { Issue.record("parted: \($0)") }
        let replay = try self.run(sink, samples) { _ in 0 }
        #expect(replay.map(\.sha256) == original.map(\.sha256))
        #expect(replay.allSatisfy { $0.reason == .replay })
        #expect(sink.deadline == nil)
    }

    @Test func `a replay that was interrupted, abandoned and taken up again repeats them too`() throws {
        let samples = TestSamples.samples(30)
        let limits = RotationLimits(samples: 7, seconds: nil)
        let original = try self.run(self.sink(limits: limits), samples) { _ in 0 }
        let other = SimulatedShardStorage()
        let guide = ReplayGuide(original: original)
        let first = try self.sink(limits: RotationLimits(), epoch: 1, guide: guide, storage: other)
        var replay = try self.run(first, Array(samples[..<14])) { _ in 0 }
        try self.append(14..<18, origin: 14, to: first)
        first.abandon()
        replay += try self.run(first, Array(samples[14..<21])) { _ in 0 }
        let second = try self.sink(
            limits: RotationLimits(), epoch: 2, next: 3, guide: ReplayGuide(original: original, published: replay),
            storage: other)
        second.onParting = { Issue.record("parted: \($0)") }
        replay += try self.run(second, Array(samples[21...])) { _ in 0 }
        #expect(replay.map(\.sha256) == original.map(\.sha256))
        #expect(replay.map(\.sequence) == Array(0..<5))
    }

    @Test func `a replay that diverges says so once and goes by its own limits`() throws {
        let samples = TestSamples.samples(30)
        let original = try self.run(self.sink(limits: RotationLimits(samples: 7, seconds: nil)), samples) { _ in 0 }
        var changed = samples
        changed.insert(TestSamples.sample(100), at: 10)
        let sink = try self.sink(
            limits: RotationLimits(samples: 3, seconds: nil), guide: ReplayGuide(original: original),
            storage: SimulatedShardStorage())
        var told: [String] = []
        sink.onParting = { told.append($0.description) }
        let replay = try self.run(sink, changed) { _ in 0 }
        #expect(told.count == 1)
        #expect(told.first?.contains(original[1].file) == true)
        #expect(replay.map(\.samples) == [7, 7, 3, 3, 3, 3, 3, 2])
        #expect(replay.map(\.reason).prefix(3) == [.replay, .samples, .samples])
    }

    @Test func `a divergence that was abandoned is met again at the same place`() throws {
        let samples = TestSamples.samples(20)
        let original = try self.run(self.sink(limits: RotationLimits(samples: 7, seconds: nil)), samples) { _ in 0 }
        var changed = samples
        changed.insert(TestSamples.sample(100), at: 3)
        let sink = try self.sink(
            limits: RotationLimits(samples: 3, seconds: nil), guide: ReplayGuide(original: original),
            storage: SimulatedShardStorage())
        for number in 0..<7 {
            try sink.append(TestSamples.batch([changed[number]]), origin: Offset(number))
            #expect(sink.rotationDue(now: 0) == (number < 6 ? nil : .samples))
        }
        sink.abandon()
        #expect(try self.run(sink, changed) { _ in 0 }.map(\.samples).prefix(2) == [7, 3])
    }

    @Test func `a replay that goes on behind the original's last shard is beyond it, not diverged`() throws {
        let samples = TestSamples.samples(20)
        let original = try self.run(
            self.sink(limits: RotationLimits(samples: 7, seconds: nil)), Array(samples[..<14])
        ) { _ in 0 }
        let sink = try self.sink(
            limits: RotationLimits(samples: 4, seconds: nil), guide: ReplayGuide(original: original),
            storage: SimulatedShardStorage())
        var told: [ReplayGuide.Parting] = []
        sink.onParting = { told.append($0) }
        let replay = try self.run(sink, samples) { _ in 0 }
        #expect(told == [.beyond(shards: 2)])
        #expect(told.first?.description.contains("beyond the original, which ends after 2 shards") == true)
        #expect(replay.map(\.samples) == [7, 7, 4, 2])
        #expect(replay.prefix(2).map(\.sha256) == original.map(\.sha256))
    }

    @Test func `a replay that ends early says so`() throws {
        let samples = TestSamples.samples(10)
        let original = try self.run(self.sink(limits: RotationLimits(samples: 7, seconds: nil)), samples) { _ in 0 }
        let sink = try self.sink(guide: ReplayGuide(original: original), storage: SimulatedShardStorage())
        var told = 0
        sink.onParting = { _ in told += 1 }
        _ = try self.run(sink, Array(samples.prefix(5))) { _ in 0 }
        #expect(told == 1)
    }
}
