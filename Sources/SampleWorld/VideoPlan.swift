// SPDX-License-Identifier: Apache-2.0

/// A time or a length in whole microseconds: exact, and the same on every machine.
typealias Microseconds = Int

/// The place of a video in the NLQ benchmark.
enum NLQSplit: UInt8, CaseIterable {
    /// In none of the files: narrated only.
    case none
    case train, val, test

    /// The `split` field, nil for a video that is narrated only.
    var label: String? {
        switch self {
        case .none: nil
        case .train: "train"
        case .val: "val"
        case .test: "test"
        }
    }

    /// Assigns every video a split: 40 % none, 30 % train, 15 % val, 15 % test by largest remainder, at least one of
    /// each from four videos on; fewer are train, val, test in this order.
    static func assign(videos: Int, seed: UInt64) -> [NLQSplit] {
        guard videos >= 4 else { return Array([NLQSplit.train, .val, .test].prefix(videos)) }
        let shares: [(split: NLQSplit, percent: Int)] = [(.test, 15), (.val, 15), (.train, 30), (.none, 40)]
        var counts = shares.map { videos * $0.percent / 100 }
        let byRemainder = shares.indices.sorted {
            let left = videos * shares[$0].percent % 100
            let right = videos * shares[$1].percent % 100
            return left == right ? $0 < $1 : left > right
        }
        for place in byRemainder.prefix(videos - counts.reduce(0, +)) { counts[place] += 1 }
        for place in counts.indices where counts[place] == 0 {
            guard let largest = counts.indices.max(by: { counts[$0] < counts[$1] }) else { continue }
            counts[largest] -= 1
            counts[place] += 1
        }
        var splits: [NLQSplit] = []
        splits.reserveCapacity(videos)
        for (share, count) in zip(shares, counts) { splits += Array(repeating: share.split, count: count) }
        var generator = SeededGenerator(seed: seed, stream: .splits)
        generator.shuffle(&splits)
        return splits
    }
}

/// A stretch of 480 s that queries are asked about, in video time.
struct ClipPlan {
    /// Length of every clip; that of 78 % of the real ones.
    static let length: Microseconds = 480_000_000

    let uid: String
    let sourceUID: String
    let start: Microseconds
    var end: Microseconds { self.start + Self.length }
}

/// The facts of a video before anything happens in it. They follow from the seed and the index alone, so the plan can
/// be made again whenever it is needed instead of being kept.
struct VideoPlan {
    let index: Int
    let uid: String
    let scenario: Scenario
    let duration: Microseconds
    let clips: [ClipPlan]

    init(index: Int, seed: UInt64) {
        var generator = SeededGenerator(seed: seed, stream: .video, index: index)
        self.index = index
        self.uid = generator.uid()
        self.scenario = generator.pick(Scenario.allCases)
        let dice = generator.below(100)
        let count = dice < 40 ? 1 : dice < 75 ? 2 : 3
        // Half of all first clips start within the first second, as real ones do (0.0210286 s is a common start).
        var time = generator.chance(5_000) ? generator.within(0...1_000) : generator.within(1_000...40_000)
        var clips: [ClipPlan] = []
        for place in 0..<count {
            if place > 0, generator.chance(6_000) { time += generator.within(1_000...60_000) }
            clips.append(ClipPlan(uid: generator.uid(), sourceUID: generator.uid(), start: time * 1_000))
            time += ClipPlan.length / 1_000
        }
        if generator.chance(7_000) { time += generator.within(100...60_000) }
        self.duration = time * 1_000
        self.clips = clips
    }

    /// The video from start to end, cut into clips and what lies between them.
    var segments: [VideoSegment] {
        var segments: [VideoSegment] = []
        var time = 0
        for (place, clip) in self.clips.enumerated() {
            if clip.start > time { segments.append(VideoSegment(start: time, end: clip.start, clip: nil)) }
            segments.append(VideoSegment(start: clip.start, end: clip.end, clip: place))
            time = clip.end
        }
        if self.duration > time { segments.append(VideoSegment(start: time, end: self.duration, clip: nil)) }
        return segments
    }
}

/// A stretch of a video that is one of its clips or holds no clip.
struct VideoSegment {
    let start: Microseconds
    let end: Microseconds
    /// Index into `VideoPlan.clips`.
    let clip: Int?
}
