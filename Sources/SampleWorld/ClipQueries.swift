// SPDX-License-Identifier: Apache-2.0

/// One human query with its answer.
struct HumanQuery {
    let text: String
    /// Nil in 0.4 % of the queries, as in the real files.
    let template: String?
    let pair: Int
    /// The last event of the pair in the clip, in video time.
    let start: Microseconds
    let end: Microseconds
    /// The one of the clip's annotations that it stands in, counted from 0.
    let annotation: Int
}

/// The human queries of one clip.
struct ClipQueries {
    /// In the order of the file.
    let queries: [HumanQuery]
    /// One id for each annotation.
    let annotationUIDs: [String]

    /// Pairs of a train clip to ask about: those that happen in it and are not held out, in random order, again from
    /// the front if `count` is larger.
    static func trainPairs(
        count: Int, events: [WorldEvent], inventory: PairInventory, _ generator: inout SeededGenerator
    ) -> [Int] {
        var occurs = [Bool](repeating: false, count: inventory.pairs.count)
        for event in events where !inventory.isHeldOut[event.pair] { occurs[event.pair] = true }
        var pairs = occurs.indices.filter { occurs[$0] }
        generator.shuffle(&pairs)
        return pairs.isEmpty ? [] : (0..<count).map { pairs[$0 % pairs.count] }
    }

    /// `events` are those of the clip, in order; `pairs` that do not occur among them are left out.
    init(pairs: [Int], events: [WorldEvent], grammar: QueryGrammar, _ generator: inout SeededGenerator) {
        // The real val split has 542 annotations for 328 clips.
        let annotations = pairs.count > 1 && generator.chance(6_500) ? 2 : 1
        self.annotationUIDs = (0..<annotations).map { _ in generator.uid() }
        var taken = Set<String>()
        var queries: [HumanQuery] = []
        for (place, pair) in pairs.enumerated() {
            guard let event = events.last(where: { $0.pair == pair }) else { continue }
            var question = grammar.question(about: event, &generator)
            // A pair that is asked about twice gets other words, unless two dozen attempts find none.
            var attempts = 1
            while !taken.insert(Self.normalized(question.text)).inserted, attempts < 24 {
                question = grammar.question(about: event, &generator)
                attempts += 1
            }
            queries.append(
                HumanQuery(
                    text: question.text, template: generator.chance(40) ? nil : question.template.name, pair: pair,
                    start: event.start, end: event.end,
                    annotation: place == 0 ? 0 : place == 1 ? annotations - 1 : generator.below(annotations)))
        }
        self.queries = queries
    }

    private static func normalized(_ text: String) -> String {
        String(text.lowercased().filter { $0.isLetter || $0 == " " })
    }
}
