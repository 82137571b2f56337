// SPDX-License-Identifier: Apache-2.0

import Dataflow
import RecordLog
import Records
import Telemetry
import Testing

@testable import Engine

/// The notes of tasks between two commits, and what becomes of it.
@Suite("Metering")
struct MeteringTests {
    private static func batch(_ offsets: Range<Int64>, at time: Timestamp) -> FetchedBatch {
        var batch = FetchedBatch(partition: TopicPartition("t", 0), nextOffset: offsets.lowerBound)
        for offset in offsets {
            batch.append(Record(key: "k", value: "v"), offset: offset, timestamp: time + offset)
        }
        return batch
    }

    @Test("The oldest record that is not committed is found at any position, a little early at most")
    func ages() {
        var ages = PendingAges()
        #expect(ages.oldest == nil)
        ages.read(Self.batch(0..<1_000, at: 5_000))
        ages.read(Self.batch(1_000..<1_010, at: 9_000))
        #expect(ages.oldest == 5_000)
        for position: Offset in [1, 14, 15, 16, 500, 999, 1_000, 1_003] {
            ages.commit(position)
            let truth: Timestamp = (position < 1_000 ? 5_000 : 9_000) + position
            let found = ages.oldest ?? 0
            #expect(found <= truth && truth - found <= 15, "at \(position): \(found) for \(truth)")
        }
        #expect(ages.oldest(before: 1_003) == nil)
        #expect(ages.oldest(before: 1_004) == 10_003)
        ages.clear()
        #expect(ages.oldest == nil)
    }

    @Test("The state's size follows its changes")
    func state() {
        var size = StateSize()
        size.take([StateEntry(key: [1, 2], value: [3, 4, 5])])
        #expect(size.bytes == 5)
        size.take([StateChange(key: [1, 2], value: [3]), StateChange(key: [9], value: [9])])
        #expect(size.bytes == 5)
        size.take([StateChange(key: [1, 2], value: nil), StateChange(key: [7], value: nil)])
        #expect(size.bytes == 2)
    }

    @Test("Rates are of the last ten seconds, and never negative")
    func rates() {
        var window = RateWindow()
        var rates = window.add(now: 0, recordsIn: 0, recordsOut: 0)
        #expect(rates.recordsIn == 0 && rates.recordsOut == 0)
        for second in 1...30 { _ = window.add(now: Timestamp(second) * 1_000, recordsIn: second * 10, recordsOut: 0) }
        rates = window.add(now: 31_000, recordsIn: 310, recordsOut: 0)
        #expect(rates.recordsIn == 10)
        for second in 32...50 { _ = window.add(now: Timestamp(second) * 1_000, recordsIn: 310, recordsOut: 0) }
        rates = window.add(now: 51_000, recordsIn: 310, recordsOut: 0)
        #expect(rates.recordsIn == 0)
        rates = window.add(now: 52_000, recordsIn: 0, recordsOut: 0)
        #expect(rates.recordsIn == 0)
    }

    @Test("A commit counts what came since the one before: letters by reason, drops apart, calls of models elsewhere")
    func commits() {
        var before = TaskMetadata(stageHash: "h")
        before.recordsIn = 100
        before.counts = ["filter.short": 7, "ask.calls": 3]
        var measure = TaskMeasure(before, state: [])
        measure.read(Self.batch(0..<10, at: 1_000))
        measure.note(Letter(kind: .rejected, step: "check", reason: "too-long", message: "", origin: 3, value: nil))
        measure.note(Letter(kind: .dead, step: "read", reason: "bad-json", message: "", origin: 4, value: nil))
        measure.bytesOut = 50
        measure.shardSince = 2_000
        measure.begin()
        var after = before
        after.recordsIn = 110
        after.recordsOut = 5
        after.counts = [
            "filter.short": 9, "check.too-long": 1, "read.bad-json": 1, "ask.calls": 9, "ask.server-failure.timeout": 2,
        ]
        let commit = measure.commit(10, readTo: 10, after, state: [], rotation: .seconds, now: 4_000)
        #expect(commit.recordsIn == 10 && commit.recordsOut == 5 && commit.bytesOut == 50)
        #expect(commit.rejects == ["too-long": 1] && commit.deadLetters == ["bad-json": 1])
        #expect(commit.drops == ["filter.short": 2])
        #expect(commit.oldestSeconds == 3)
        #expect(commit.shard?.reason == "seconds" && commit.shard?.seconds == 2)
        #expect(measure.pending.oldest == nil && measure.shardSince == nil && measure.bytesOut == 0)
        let next = measure.commit(10, readTo: 10, after, state: [], rotation: nil, now: 5_000)
        #expect(next.drops.isEmpty && next.recordsIn == 0)
    }

    @Test("Failures of log and disk are counted by kind")
    func failures() {
        let registry = MetricRegistry()
        let meters = StageMeters(topology: "t", stage: "s", set: nil, factory: registry)
        meters.refused(.commit, .unavailable)
        meters.refused(.commit, .fenced)
        meters.refused(.poll, .storageFull)
        meters.restarted(LogError.Code.fenced.label)
        meters.refused(SinkError("no room", isStorageFull: true))
        let families = Dictionary(uniqueKeysWithValues: registry.snapshot().map { ($0.name, $0) })
        #expect(families[MetricDefinition.logErrors.name]?.sum(["code": "unavailable"]) == 1)
        #expect(families[MetricDefinition.logErrors.name]?.sum(["operation": "commit", "code": "fenced"]) == 1)
        #expect(families[MetricDefinition.taskRestarts.name]?.sum(["reason": "fenced"]) == 1)
        #expect(families[MetricDefinition.storageErrors.name]?.sum(["reason": "full"]) == 2)
    }
}
