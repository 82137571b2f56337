// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import Records
import Testing

@testable import MomentLocalization
@testable import Training

@Suite struct TrainingDecisionTests {
    @Test(arguments: [1, 2, 3, 4, 5, 16, 17, 100, 1023, 4097])
    func permutationsMeetEveryPlaceOnce(count: Int) {
        for stream in [UInt32(0), 1, 1 << 31] {
            let permutation = Permutation(count: count, key: 7, stream: stream)
            #expect((0..<count).map { permutation[$0] }.sorted() == Array(0..<count))
        }
    }

    @Test func permutationsOfOtherKeysAndStreamsAreOthers() {
        func order(_ key: UInt64, _ stream: UInt32) -> [Int] {
            let permutation = Permutation(count: 50, key: key, stream: stream)
            return (0..<50).map { permutation[$0] }
        }
        #expect(order(1, 0) == order(1, 0))
        #expect(Set([order(1, 0), order(2, 0), order(1, 1), order(1, 2), Array(0..<50)]).count == 5)
        // Each number comes first about as often as any other: 4,000 draws of 8.
        var counts = [Int](repeating: 0, count: 8)
        for key in 0..<4000 { counts[Permutation(count: 8, key: UInt64(key), stream: 0)[0]] += 1 }
        for count in counts { #expect((400...600).contains(count)) }
    }

    @Test func newSamplesGetTheirShareAndNoneComesTwiceTooSoon() {
        let draw = SegmentDraw(seed: 1, segment: 3, old: 1000, new: 50, newShare: 0.25)
        let samples = (0..<800).map { draw.sample($0) }
        #expect(samples.allSatisfy { $0 >= 0 && $0 < 1050 })
        #expect(samples.filter { $0 >= 1000 }.count == 200)
        #expect(Set(samples.filter { $0 < 1000 }).count == 600)
        // 200 draws of 50 new ones: each four times.
        for sample in 1000..<1050 { #expect(samples.filter { $0 == sample }.count == 4) }
        // A draw is a function of its number alone.
        #expect(draw.sample(777) == samples[777])
        #expect(
            (0..<800).map { SegmentDraw(seed: 2, segment: 3, old: 1000, new: 50, newShare: 0.25).sample($0) } != samples
        )
        #expect(
            (0..<800).map { SegmentDraw(seed: 1, segment: 4, old: 1000, new: 50, newShare: 0.25).sample($0) } != samples
        )
    }

    @Test func withoutNewSamplesTheOldOnesAreResampled() {
        let resampled = SegmentDraw(seed: 1, segment: 5, old: 10, new: 0, newShare: 0.5)
        #expect(Set((0..<10).map { resampled.sample($0) }).count == 10)
        #expect(Set((10..<20).map { resampled.sample($0) }).count == 10)
        let first = SegmentDraw(seed: 1, segment: 0, old: 0, new: 10, newShare: 0.5)
        #expect(Set((0..<10).map { first.sample($0) }).count == 10)
        for share in [0.0, 1.0] {
            let extreme = SegmentDraw(seed: 1, segment: 1, old: 5, new: 5, newShare: share)
            #expect((0..<40).allSatisfy { (extreme.sample($0) >= 5) == (share == 1) })
        }
    }

    @Test func epochsMeetEverySampleOnce() {
        let order = EpochDraw(seed: 9, count: 7)
        let first = (0..<7).map { order.sample($0) }
        let second = (7..<14).map { order.sample($0) }
        #expect(first.sorted() == Array(0..<7) && second.sorted() == Array(0..<7))
        #expect(first != second)
    }

    @Test func jitterWidensAndShiftsWithinTheClip() {
        let target = MomentTarget(start: 10, end: 10, bins: 128)
        #expect(TemporalJitter.apply(target, scale: 2.5, random: (0, 0.9)) == target)
        // Width 1 becomes 2.5, shifted by at most 0.75: around 10.75 from 9.5 to 12, around 9.25 from 8 to 10.5.
        #expect(
            TemporalJitter.apply(target, scale: 2.5, random: (1, 1)) == MomentTarget(start: 10, end: 12, bins: 128))
        #expect(
            TemporalJitter.apply(target, scale: 2.5, random: (1, 0)) == MomentTarget(start: 8, end: 10, bins: 128))
        for step in 0..<200 {
            for edge in [0, 127] {
                let jittered = TemporalJitter.apply(
                    MomentTarget(start: edge, end: edge, bins: 128), scale: 5, seed: 3, step: step, slot: 1)
                #expect(0 <= jittered.start && jittered.start <= jittered.end && jittered.end < 128)
            }
        }
        #expect(TemporalJitter.apply(target, scale: 1, seed: 3, step: 1, slot: 1) == target)
    }

    // MARK: Targets

    @Test func fixedTargetsDropEmptyWindowsAndWidenShortOnes() throws {
        func window(_ start: Double, _ end: Double, _ rule: TargetRule = .fixed) -> MomentWindow? {
            MomentWindow(start: start, end: end, duration: 480, rule: rule)
        }
        #expect(window(10, 10) == nil && window(10, 10 + 1 / 30.0 - 1e-9) == nil && window(20, 10) == nil)
        #expect(window(10, 10, .official)?.start == window(10, 10, .official)?.end)
        // Slot 18 is 9.6 to 10.133 s.
        let short = try #require(window(9.7, 10))
        #expect(short.start == 9.6 && abs(short.end - 19 / 1.875) < 1e-12 && short.isWidened)
        let long = try #require(window(9.7, 20))
        #expect(long.start == 9.6 && abs(long.end - 37 / 1.875) < 1e-12 && !long.isWidened)
        // Over the clip's end, and before its start: the part in the clip counts.
        let last = try #require(window(479.9, 480.2))
        #expect(last.end == 480 && last.start < last.end)
        let before = try #require(window(-1, 0.5))
        #expect(before.start == 0 && before.end > 0)
        let grid = TargetGrid(bins: 128, duration: 480)
        var statistics = TargetStatistics()
        for start in stride(from: 0.5, to: 470, by: 0.37) {
            let window = try #require(window(start, start + 0.2))
            let target = MomentTarget(window, grid: grid)
            #expect(abs(target.start - Int(start / 3.75)) <= 1, "\(start)")
            statistics.add(target, isWidened: window.isWidened)
        }
        // No collapse: only what starts there is at (0, 0).
        #expect(statistics.atOrigin <= 10 && statistics.starts.allSatisfy { $0 > 40 })
        #expect(statistics.lines.count == 3)
    }

    @Test func windowsOutsideTheirClipAreDropped() throws {
        func refusal(_ start: Double, _ end: Double) -> MomentWindow.Refusal? {
            let refusal = MomentWindow.refusal(start: start, end: end, clipLength: 480)
            let window = MomentWindow(start: start, end: end, duration: 480, rule: .fixed)
            #expect((window == nil) == (refusal != nil), "\(start) to \(end)")
            // As the official code has it: cut, whatever is left.
            #expect(MomentWindow(start: start, end: end, duration: 480, rule: .official) != nil)
            return refusal
        }
        #expect(refusal(900, 920) == .outside && refusal(480, 500) == .outside && refusal(479.99, 500) == .outside)
        #expect(refusal(-50, -20) == .outside && refusal(-1, 0) == .outside && refusal(-1, 0.01) == .outside)
        #expect(refusal(1e300, 1e301) == .outside && refusal(-1e308, -1e307) == .outside)
        #expect(refusal(480, .infinity) == .outside && refusal(-.infinity, .infinity) == nil)
        #expect(refusal(50, 20) == .reversed && refusal(.nan, 5) == .reversed && refusal(5, .nan) == .reversed)
        #expect(refusal(10, 10.01) == .empty)
        #expect(refusal(-10, 5) == nil && refusal(470, 1e300) == nil && refusal(479.9, 480) == nil)
        // The last tenths of a clip that the features' clock does not reach belong to it.
        let tail = try #require(MomentWindow(start: 9.7, end: 9.95, duration: 9.6, clipLength: 10, rule: .fixed))
        #expect(tail.isWidened && tail.end == 9.6)
        #expect(MomentWindow(start: 10.1, end: 10.4, duration: 9.6, clipLength: 10, rule: .fixed) == nil)
    }

    @Test func timesOfAnySizeFindAFeature() {
        for seconds in [Double.nan, .infinity, -.infinity, 1e300, -1e300, 0, -0.0, .leastNonzeroMagnitude] {
            #expect(abs(ClipSlice.index(seconds)) <= Int(1e15), "\(seconds)")
            for other in [Double.nan, .infinity, -.infinity, 1e300, 5] {
                let slice = ClipSlice(start: seconds, end: other, available: 64)
                #expect(slice.features.lowerBound >= 0 && slice.features.upperBound <= 64 && slice.frames >= 0)
            }
        }
    }

    // MARK: Files

    @Test func checksumsAreCastagnolis() {
        #expect(CRC32C.checksum(Bytes("123456789".utf8)) == 0xe306_9283)
        #expect(CRC32C.checksum([]) == 0)
        // An event file's first record, as TensorFlow writes it for 24 bytes.
        let record = EventFile.record(Bytes(repeating: 0, count: 24))
        #expect(record.count == 40 && record.prefix(8) == [24, 0, 0, 0, 0, 0, 0, 0])
    }

    @Test func journalsAreReadBackAndCutWhereTheyWereTorn() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "plan-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let journal = try PlanJournal(folder: folder.path)
        #expect(journal.segments.isEmpty)
        let segments = (0..<3).map {
            Segment(segment: $0, firstStep: 10 * $0, steps: 10, shards: $0 + 1, samples: 5 * $0, digest: "d\($0)")
        }
        for segment in segments { try journal.append(segment) }
        #expect(try PlanJournal(folder: folder.path).segments == segments)
        let path = folder.appending(path: PlanJournal.fileName)
        let whole = try Data(contentsOf: path)
        for count in (0..<whole.count).reversed() where count % 7 == 0 {
            try whole.prefix(count).write(to: path)
            let torn = try PlanJournal(folder: folder.path)
            #expect(torn.segments == Array(segments.prefix(torn.segments.count)))
            #expect(torn.segments.count == whole.prefix(count).filter { $0 == 0x0a }.count)
            // A segment appended after the cut makes the plan sound again.
            if torn.segments.count == 2 {
                try torn.append(segments[2])
                #expect(try PlanJournal(folder: folder.path).segments == segments)
            }
        }
        try Data("{\"segment\":1}\n".utf8).write(to: path)
        #expect(throws: TrainingError.self) { try PlanJournal(folder: folder.path) }
        #expect(throws: TrainingError.self) { try PlanJournal(following: folder.appending(path: "none").path) }
    }
}
