// SPDX-License-Identifier: Apache-2.0

import NarrationGrammar
public import VideoAnnotations

/// A set of queries as far as two sets are compared: counted one by one, or known by aggregates alone.
public struct ComparedQueries: Sendable {
    private var counter: QueryReference.Counter
    /// The aggregates, where only those are known.
    private let aggregates: QueryReference?
    /// The first words by template; empty where only aggregates are known.
    private(set) var firstWords: [QueryTemplate?: [String: Int]] = [:]
    /// The times that each different text comes, by its hash; case, punctuation and white space make no difference.
    private(set) var texts: [UInt64: Int] = [:]
    /// The number of queries with a text.
    private(set) var textCount = 0

    /// Starts with nothing.
    public init(name: String) {
        self.counter = QueryReference.Counter(name: name)
        self.aggregates = nil
    }

    /// A set of which only aggregates are known.
    public init(aggregates: QueryReference) {
        self.counter = QueryReference.Counter(name: aggregates.name)
        self.aggregates = aggregates
    }

    /// Counts a query.
    /// - Parameter window: in the same seconds as the clip; `nil` where it has none.
    public mutating func add(_ query: String?, template: String?, window: Interval?, clip: Interval) {
        let words = query.map { NarrationWord.plainWords(of: $0.replacing("\u{2019}", with: "'")) } ?? []
        self.counter.add(window: window, clip: clip, template: template, firstWord: words.first)
        guard let first = words.first else { return }
        self.firstWords[template.flatMap(QueryTemplate.init(named:)), default: [:]][first, default: 0] += 1
        self.texts[StableHash(words.joined(separator: " ")).value, default: 0] += 1
        self.textCount += 1
    }

    /// The queries of an annotation file.
    public init(_ file: HumanQueryFile, name: String) {
        self.init(name: name)
        for query in file.queries {
            self.add(query.query, template: query.template, window: query.window, clip: query.clip)
        }
    }

    /// The set's distributions.
    public var reference: QueryReference { self.aggregates ?? self.counter.counted() }

    // MARK: Shares

    /// The share of each template among the queries that have one of the 13.
    static func templates(of reference: QueryReference) -> [QueryTemplate: Double] {
        var counts: [QueryTemplate: Int] = [:]
        for (name, count) in reference.templates {
            if let template = QueryTemplate(named: name) { counts[template, default: 0] += count }
        }
        let all = counts.values.reduce(0, +)
        return all == 0 ? [:] : counts.mapValues { Double($0) / Double(all) }
    }

    /// The share of each first word among the queries of some templates. Where only aggregates are known, the words of
    /// the other templates are taken off by what is known of those (`QueryTemplate.firstWordShares`).
    func firstWordShares(among templates: Set<QueryTemplate>) -> [String: Double] {
        var shares: [String: Double] = [:]
        if let aggregates {
            let all = Double(max(1, aggregates.firstWords.values.reduce(0, +)))
            for (word, count) in aggregates.firstWords { shares[word] = Double(count) / all }
            let parts = Self.templates(of: aggregates)
            for (template, part) in parts.sorted(by: { $0.key.rawValue < $1.key.rawValue })
            where !templates.contains(template) {
                for (word, share) in template.firstWordShares { shares[word, default: 0] -= part * share }
            }
            shares = shares.mapValues { max($0, 0) }
        } else {
            for (template, counts) in self.firstWords where template.map(templates.contains) == true {
                for (word, count) in counts { shares[word, default: 0] += Double(count) }
            }
        }
        let all = shares.sorted { $0.key < $1.key }.reduce(0) { $0 + $1.value }
        return all > 0 ? shares.mapValues { $0 / all } : [:]
    }

    /// The share of different texts that a random draw of some queries has on average: 1 less the share that says again
    /// what was said before. It is worked out and not drawn.
    func distinct(inDrawsOf size: Int) -> Double? {
        guard size > 0, size <= self.textCount else { return nil }
        // The chance that a draw misses a text is a product; texts that come equally often share it.
        var numbers: [Int: Int] = [:]
        for count in self.texts.values { numbers[count, default: 0] += 1 }
        var expected = 0.0
        for (count, texts) in numbers.sorted(by: { $0.key < $1.key }) {
            var missed = 1.0
            for place in 0..<count where missed > 0 {
                missed *= max(0, Double(self.textCount - size - place)) / Double(self.textCount - place)
            }
            expected += Double(texts) * (1 - missed)
        }
        return expected / Double(size)
    }
}

extension QueryTemplate {
    /// The shares of the words that human queries of this template begin with, as far as they were counted over the
    /// official validation split; the others begin with their word at 96 % or more.
    var firstWordShares: [(word: String, share: Double)] {
        switch self {
        case .whatDidIPutIn: [("what", 451.0 / 476), ("where", 24.0 / 476)]
        case .state: [("did", 163.0 / 168)]
        case .inWhatLocation: [("in", 278.0 / 293)]
        case .whenDidIInteract: [("when", 23.0 / 25)]
        default: self.firstWords.map { ($0, 1) }
        }
    }
}
