// SPDX-License-Identifier: Apache-2.0

/// One entry of `narrations`.
struct NarrationLine {
    /// In video time.
    var time: Microseconds
    let text: String
    /// The pair it tells of, nil for fillers.
    let pair: Int?
    /// False if tagged unsure.
    let isClean: Bool
}

/// One entry of `summaries`.
struct NarrationSummary {
    let start: Microseconds
    let end: Microseconds
    let text: String
}

/// One annotator's narrations of a video. Pass 1 tells of every event; pass 2 misses some, but never the last one of a
/// pair that recurs in a clip, so that in both passes the last narration of a pair is that of its last event.
struct NarrationPass {
    /// In the order of the file, which is not always that of time.
    private(set) var lines: [NarrationLine] = []
    private(set) var summaries: [NarrationSummary] = []
    /// Ego4D gives all entries of one annotator the same id.
    let annotationUID: String

    /// `number` is 1 or 2.
    init(number: Int, video: VideoPlan, events: [WorldEvent], grammar: NarrationGrammar, seed: UInt64) {
        var generator = SeededGenerator(seed: seed, stream: .narrations, index: video.index, part: number)
        self.annotationUID = generator.uid()
        let mayMiss = number == 1 ? [] : Self.dispensable(events)
        for (place, event) in events.enumerated() {
            if number > 1, mayMiss[place], generator.chance(1_200) { continue }
            let (text, isClean) = grammar.line(for: event, &generator)
            // Somewhere inside the event: narrations are points, and annotators do not hit the middle.
            let time = event.start + (event.end - event.start) * generator.within(150...850) / 1_000
            self.lines.append(NarrationLine(time: time, text: text, pair: event.pair, isClean: isClean))
            guard generator.chance(500) else { continue }
            let next = place + 1 < events.count ? events[place + 1].start : video.duration
            let gap = max(1, next - event.end)
            let fillerTime = generator.chance(1_000) ? time : event.end + generator.below(gap)
            self.lines.append(
                NarrationLine(time: fillerTime, text: grammar.filler(&generator), pair: nil, isClean: true))
        }
        self.disorder(&generator)
        self.summarize(video, events, grammar, &generator)
    }

    /// The second annotator is missing in 12 % of the videos.
    static func exists(number: Int, video: VideoPlan, seed: UInt64) -> Bool {
        guard number > 1 else { return true }
        var generator = SeededGenerator(seed: seed, stream: .narrations, index: video.index, part: 100 + number)
        return !generator.chance(1_200)
    }

    /// For each event, whether its narration may be missing without changing which narration of its pair is last.
    private static func dispensable(_ events: [WorldEvent]) -> [Bool] {
        struct Key: Hashable {
            let pair: Int
            let clip: Int?
        }
        var counts: [Key: Int] = [:]
        for event in events { counts[Key(pair: event.pair, clip: event.clip), default: 0] += 1 }
        var result = [Bool](repeating: true, count: events.count)
        var seen = Set<Key>()
        for place in events.indices.reversed() {
            let key = Key(pair: events[place].pair, clip: events[place].clip)
            if seen.insert(key).inserted, counts[key, default: 0] > 1 { result[place] = false }
        }
        return result
    }

    /// One entry in a hundred stands after its successor.
    private mutating func disorder(_ generator: inout SeededGenerator) {
        guard self.lines.count > 1 else { return }
        for place in 1..<self.lines.count where generator.chance(100) { self.lines.swapAt(place - 1, place) }
    }

    /// A summary of every five minutes; one video in fifteen also has one among its narrations.
    private mutating func summarize(
        _ video: VideoPlan, _ events: [WorldEvent], _ grammar: NarrationGrammar, _ generator: inout SeededGenerator
    ) {
        let step = 300_000_000
        for start in stride(from: 0, to: video.duration, by: step) {
            let end = min(start + step, video.duration)
            let inside = events.filter { $0.start >= start && $0.start < end }
            let text = grammar.summary(of: inside, scenario: video.scenario, &generator)
            self.summaries.append(NarrationSummary(start: start, end: end, text: text))
        }
        guard generator.chance(700) else { return }
        let text = grammar.summary(of: events, scenario: video.scenario, &generator)
        self.lines.append(NarrationLine(time: video.duration, text: text, pair: nil, isClean: true))
    }
}
