// SPDX-License-Identifier: Apache-2.0

import Testing
import VideoFrames

/// The rule by which frames are chosen, against its definition in exact fractions.
@Suite struct FrameChoiceTests {
    /// For each k the first frame, in order, with stamp · tick ≥ k / rate; up to the last k that has one.
    private static func byDefinition(_ times: VideoTimes, _ rate: FrameRate, zero: Int = 0) -> [Int] {
        var frames: [Int] = []
        while true {
            let k = frames.count
            let found = times.stamps.compactMap(\.self).firstIndex { stamp in
                (stamp - zero) * times.tick.numerator * rate.numerator
                    >= k * rate.denominator * times.tick.denominator
            }
            guard let found else { return frames }
            frames.append(found)
        }
    }

    private static func numbers(_ choice: FrameChoice) -> [Int] {
        choice.frames.flatMap { frame in frame.places.map { _ in frame.number } }
    }

    @Test(
        arguments: ["2", "1", "0.5", "29.97", "30000/1001", "60", "1.875"],
        [(1, 25), (1001, 30000), (1001, 60000), (1, 12)])
    func evenFrames(_ rate: String, _ length: (Int, Int)) throws {
        let rate = try #require(FrameRate(rate))
        // Ticks of 1/90000 s, rounded down as containers do.
        let stamps = (0..<400).map { $0 * 90000 * length.0 / length.1 }
        let times = VideoTimes(width: 8, height: 8, tick: (1, 90000), stamps: stamps)
        #expect(Self.numbers(try FrameChoice(times, rate: rate)) == Self.byDefinition(times, rate))
    }

    @Test func unevenFramesAndALateStart() throws {
        let rate = try #require(FrameRate("2"))
        let stamps = [1260, 1300, 1301, 2000, 9000, 9001, 9002, 9999, 10000, 30000, 30010]
        let times = VideoTimes(width: 8, height: 8, tick: (1, 1000), stamps: stamps)
        let choice = try FrameChoice(times, rate: rate)
        #expect(Self.numbers(choice) == Self.byDefinition(times, rate))
        #expect(choice.frames.first?.number == 0 && choice.frames.first?.places == 0..<3)
        #expect(choice.count == 61)
        let shifted = try FrameChoice(times, rate: rate, from: .first)
        #expect(Self.numbers(shifted) == Self.byDefinition(times, rate, zero: 1260))
    }

    @Test func framesWithoutATimeStandAtTheEnd() throws {
        let rate = try #require(FrameRate(2))
        let times = VideoTimes(width: 8, height: 8, tick: (1, 10), stamps: [0, 5, nil])
        #expect(Self.numbers(try FrameChoice(times, rate: rate)) == [0, 1])
        let torn = VideoTimes(width: 8, height: 8, tick: (1, 10), stamps: [0, nil, 5])
        #expect(throws: VideoFault.self) { try FrameChoice(torn, rate: rate) }
    }

    @Test func framesBeforeZeroAreNone() throws {
        let times = VideoTimes(width: 8, height: 8, tick: (1, 10), stamps: [-3, -1, 0, 4, 5, 12])
        let choice = try FrameChoice(times, rate: try #require(FrameRate(2)))
        #expect(Self.numbers(choice) == [2, 4, 5])
        #expect(
            try FrameChoice(
                VideoTimes(width: 8, height: 8, tick: (1, 10), stamps: [-3]), rate: try #require(FrameRate(2))
            ).count == 0)
    }

    @Test func whatNoVideoLastsIsRefused() throws {
        let rate = try #require(FrameRate("30000/1001"))
        for stamps in [[0, Int.max], [Int.min, 0], [0, 1 << 60], [0, 90000 * 1_000_000]] {
            let times = VideoTimes(width: 8, height: 8, tick: (1, 90000), stamps: stamps)
            #expect(throws: VideoFault.self) { try FrameChoice(times, rate: rate, from: .first) }
        }
        for tick in [(0, 1), (1, 0), (-1, 5), (1, 1 << 40)] {
            #expect(throws: VideoFault.self) {
                try FrameChoice(VideoTimes(width: 8, height: 8, tick: tick, stamps: [0]), rate: rate)
            }
        }
    }

    @Test func rates() {
        #expect(FrameRate("29.97") == FrameRate(2997, 100) && FrameRate("0.5") == FrameRate(1, 2))
        #expect(FrameRate("60000/1001")?.description == "60000/1001" && FrameRate("4/2")?.description == "2")
        for text in [
            "", "0", "-1", "1/0", "1/2/3", "nan", "1e3", "2.", ".5", "+2", "1.+5", "9999999", "1/99999999",
            "99999999999999999999",
        ] {
            #expect(FrameRate(text) == nil, "\(text)")
        }
    }
}
