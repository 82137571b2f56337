// SPDX-License-Identifier: Apache-2.0

/// Something that happens in a video: a verb done to a noun for a while.
struct WorldEvent {
    /// Index into `PairInventory.pairs`.
    let pair: Int
    /// In video time.
    let start: Microseconds
    let end: Microseconds
    /// Done by somebody else than the camera wearer. The same for all events of a pair within a segment, so that
    /// "the last time the cup was washed" and "the last time I washed the cup" are the same moment.
    let byOther: Bool
    /// Index into `VideoPlan.clips`; nil outside of clips.
    let clip: Int?
}

/// Makes the events of one segment of a video: in order, not overlapping, wholly inside of it.
struct Timeline {
    /// No clip has fewer events.
    static let minimumEvents = 60

    let inventory: PairInventory
    let scenario: Scenario
    /// Mean number of events in a clip.
    let eventsPerClip: Int

    /// `anchors` are pairs that must occur in the segment, each once; those without room are left out.
    func events(
        of segment: VideoSegment, anchors: [Int], _ generator: inout SeededGenerator
    ) -> [WorldEvent] {
        let span = segment.end - segment.start
        let count = self.eventCount(segment, &generator)
        guard count > 0 else { return [] }
        let pairs = self.sequence(count: count, anchors: anchors, &generator)
        let lengths = Self.lengths(count: count, span: span, &generator)
        let gaps = Self.gaps(count: count + 1, total: span - lengths.reduce(0, +), &generator)
        var byOther = [Bool?](repeating: nil, count: self.inventory.pairs.count)
        var events: [WorldEvent] = []
        events.reserveCapacity(count)
        var time = segment.start
        for place in 0..<count {
            time += gaps[place]
            let pair = pairs[place]
            // 8.3 % of the real narrations are about somebody else.
            let other = byOther[pair] ?? generator.chance(830)
            byOther[pair] = other
            events.append(
                WorldEvent(pair: pair, start: time, end: time + lengths[place], byOther: other, clip: segment.clip))
            time += lengths[place]
        }
        return events
    }

    private func eventCount(_ segment: VideoSegment, _ generator: inout SeededGenerator) -> Int {
        guard segment.clip != nil else {
            return (segment.end - segment.start) * self.eventsPerClip / ClipPlan.length
        }
        let spread = min(8, self.eventsPerClip - Self.minimumEvents)
        return generator.within((self.eventsPerClip - spread)...(self.eventsPerClip + spread))
    }

    /// Pairs in random order; no pair directly follows itself, so that each occurrence has its own edges.
    private func sequence(count: Int, anchors: [Int], _ generator: inout SeededGenerator) -> [Int] {
        var pairs: [Int] = []
        for anchor in anchors where pairs.count < count && !pairs.contains(anchor) { pairs.append(anchor) }
        while pairs.count < count { pairs.append(self.inventory.draw(for: self.scenario, &generator)) }
        generator.shuffle(&pairs)
        for place in pairs.indices.dropFirst() where pairs[place] == pairs[place - 1] {
            let other = pairs.indices.first { candidate in
                candidate != place && pairs[candidate] != pairs[place]
                    && !self.neighbours(of: candidate, in: pairs).contains(pairs[place])
                    && !self.neighbours(of: place, in: pairs).contains(pairs[candidate])
            }
            if let other { pairs.swapAt(place, other) }
        }
        return pairs
    }

    private func neighbours(of place: Int, in pairs: [Int]) -> [Int] {
        [place - 1, place + 1].filter(pairs.indices.contains).map { pairs[$0] }
    }

    /// Event lengths at the cumulative shares of 0, 10, 25, 50, 75, 90, 97 and 100 %: median 3.5 s, mean 4.4 s. The
    /// real answer windows have a median of 3.46 s; their zero lengths and their tail to 480 s are left out.
    private static let lengthQuantiles: [(share: Int, length: Microseconds)] = [
        (0, 900_000), (100, 1_500_000), (250, 2_300_000), (500, 3_500_000), (750, 5_200_000), (900, 7_800_000),
        (970, 12_000_000), (1_000, 20_000_000),
    ]

    private static func lengths(
        count: Int, span: Microseconds, _ generator: inout SeededGenerator
    ) -> [Microseconds] {
        var lengths = (0..<count).map { _ in Self.length(atShare: generator.below(1_000_000)) }
        // At least a tenth of the segment stays empty, so that events have edges.
        let total = lengths.reduce(0, +)
        let room = span / 10 * 9
        if total > room { lengths = lengths.map { $0 * (room / 1_000) / (total / 1_000 + 1) } }
        return lengths
    }

    /// The quantile at `share` millionths, by straight lines between the points of the table.
    private static func length(atShare share: Int) -> Microseconds {
        for (lower, upper) in zip(Self.lengthQuantiles, Self.lengthQuantiles.dropFirst())
        where share < upper.share * 1_000 {
            let offset = share - lower.share * 1_000
            return lower.length + (upper.length - lower.length) * offset / ((upper.share - lower.share) * 1_000)
        }
        return Self.lengthQuantiles.last?.length ?? 0
    }

    private static func gaps(
        count: Int, total: Microseconds, _ generator: inout SeededGenerator
    ) -> [Microseconds] {
        let weights = (0..<count).map { _ in generator.within(200...1_800) }
        let sum = weights.reduce(0, +)
        // Rounded down, so that what is left over stays behind the last event.
        return weights.map { total * $0 / sum }
    }
}
