// SPDX-License-Identifier: Apache-2.0

/// The facts of the whole world that must be known before its first video is written: the splits, the pairs that train
/// queries ask about, and those of the others that may be asked about in val and test. A few bytes a video; everything
/// else is made again from the seed when its video's turn comes.
struct WorldPlan {
    let options: SampleWorldOptions
    let inventory: PairInventory
    let splits: [NLQSplit]
    /// Pairs that train queries ask about, as far as val and test draw on them.
    private(set) var seenPairs: [Int] = []
    /// Pairs that no train query asks about, but that are narrated in videos of the train split or of none; half as
    /// many as `seenPairs`.
    private(set) var unseenPairs: [Int] = []

    init(options: SampleWorldOptions) {
        self.options = options
        self.inventory = PairInventory(seed: options.seed)
        self.splits = NLQSplit.assign(videos: options.videos, seed: options.seed)
        self.choosePairs()
    }

    /// The events of a video, in order. `anchors` gives for each clip the pairs that must occur in it.
    func events(of video: VideoPlan, anchors: [[Int]] = []) -> [WorldEvent] {
        let timeline = Timeline(
            inventory: self.inventory, scenario: video.scenario, eventsPerClip: self.options.eventsPerClip)
        return video.segments.enumerated().flatMap { place, segment in
            var generator = SeededGenerator(
                seed: self.options.seed, stream: .timeline, index: video.index, part: place)
            let wanted = segment.clip.flatMap { anchors.indices.contains($0) ? anchors[$0] : nil } ?? []
            return timeline.events(of: segment, anchors: wanted, &generator)
        }
    }

    /// The generator that chooses and words the queries of a clip.
    func queryGenerator(_ video: VideoPlan, clip: Int) -> SeededGenerator {
        SeededGenerator(seed: self.options.seed, stream: .queries, index: video.index, part: clip)
    }

    /// Looks through the videos that a model may learn from, until nothing more can be found.
    private mutating func choosePairs() {
        var isAsked = [Bool](repeating: false, count: self.inventory.pairs.count)
        var isNarrated = isAsked
        let grammar = NarrationGrammar(inventory: self.inventory)
        var missing = self.inventory.pairs.count
        for (index, split) in self.splits.enumerated() where split == .none || split == .train {
            guard missing > 0 else { break }
            let video = VideoPlan(index: index, seed: self.options.seed)
            let events = self.events(of: video)
            let pass = NarrationPass(number: 1, video: video, events: events, grammar: grammar, seed: self.options.seed)
            for line in pass.lines where line.isClean {
                if let pair = line.pair { isNarrated[pair] = true }
            }
            for clip in video.clips.indices where split == .train {
                var generator = self.queryGenerator(video, clip: clip)
                let pairs = ClipQueries.trainPairs(
                    count: self.options.queriesPerClip(in: .train), events: events.filter { $0.clip == clip },
                    inventory: self.inventory,
                    &generator)
                for pair in pairs { isAsked[pair] = true }
            }
            missing = self.inventory.pairs.indices.count {
                self.inventory.isHeldOut[$0] ? !isNarrated[$0] : !isAsked[$0]
            }
        }
        var generator = SeededGenerator(seed: self.options.seed, stream: .decks)
        var seen = isAsked.indices.filter { isAsked[$0] }
        var unseen = isAsked.indices.filter { !isAsked[$0] && self.inventory.isHeldOut[$0] && isNarrated[$0] }
        generator.shuffle(&seen)
        generator.shuffle(&unseen)
        // Two to one, so that a third of the distinct pairs stays unseen however often the decks are dealt.
        if !unseen.isEmpty { seen = Array(seen.prefix(2 * unseen.count)) }
        unseen = Array(unseen.prefix(max(1, seen.count / 2)))
        self.seenPairs = seen
        self.unseenPairs = unseen
    }
}

/// Cards that are dealt one after the other and shuffled again when all are gone.
struct PairDeck {
    private var cards: [Int]
    private var position = 0
    private var generator: SeededGenerator

    init(_ cards: [Int], generator: SeededGenerator) {
        self.cards = cards
        self.generator = generator
        self.generator.shuffle(&self.cards)
    }

    var isEmpty: Bool { self.cards.isEmpty }

    /// The next card; nil only from a deck without cards.
    mutating func deal() -> Int? {
        guard !self.cards.isEmpty else { return nil }
        if self.position == self.cards.count {
            self.generator.shuffle(&self.cards)
            self.position = 0
        }
        self.position += 1
        return self.cards[self.position - 1]
    }
}

/// Deals the pairs that a val or test clip asks about: every third one is unseen in train.
struct EvaluationDealer {
    private var seen: PairDeck
    private var unseen: PairDeck
    private var dealt = 0
    /// Leaves a quarter of the smallest clip's events to chance, so that pairs recur there too.
    private static let pairsPerClip = Timeline.minimumEvents / 4 * 3

    init(plan: WorldPlan, split: NLQSplit) {
        func generator(_ part: Int) -> SeededGenerator {
            SeededGenerator(seed: plan.options.seed, stream: .decks, index: Int(split.rawValue), part: part)
        }
        self.seen = PairDeck(plan.seenPairs, generator: generator(1))
        self.unseen = PairDeck(plan.unseenPairs, generator: generator(2))
    }

    /// Pairs for the `count` queries of one clip. More than `pairsPerClip` would not fit into it: further queries ask
    /// about the same pairs again.
    mutating func deal(count: Int) -> [Int] {
        let pairs = (0..<min(count, Self.pairsPerClip)).compactMap { _ in
            self.dealt += 1
            return self.dealt % 3 == 0 && !self.unseen.isEmpty ? self.unseen.deal() : self.seen.deal()
        }
        return pairs.isEmpty ? [] : (0..<count).map { pairs[$0 % pairs.count] }
    }
}
