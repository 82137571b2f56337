// SPDX-License-Identifier: Apache-2.0

import NarrationGrammar
import VideoAnnotations

/// The qualities of a set's queries, counted one by one.
public struct QueryProfile: Sendable {
    /// The number of queries.
    public private(set) var queries = 0
    private(set) var firstWords: [String: Int] = [:]
    private(set) var templates: [QueryTemplate?: Int] = [:]
    private(set) var words: [Int: Int] = [:]
    private(set) var saysI = 0
    private(set) var firstPerson = 0
    private(set) var past = 0
    private(set) var presentOnly = 0
    private(set) var questionMarks = 0
    private(set) var windowSeconds: [Double] = []
    private(set) var videos: Set<UInt64> = []
    /// The hashes of the texts as they are and normalized, in order.
    private(set) var texts: [UInt64] = []
    private(set) var normalized: [UInt64] = []
    /// The different normalized texts, how often each comes, and its first wording.
    private(set) var counts: [String: (count: Int, text: String)] = [:]

    /// Starts with nothing.
    public init() {}

    /// Counts a query.
    /// - Parameters:
    ///   - query: its text as it is.
    ///   - template: the name of its template.
    ///   - video: the uid of its video.
    ///   - seconds: the length of its window; `nil` where it has none.
    public mutating func add(_ query: String, template: String?, video: String, seconds: Double?) {
        let words = NarrationWord.plainWords(of: Self.straightened(query))
        let text = query.pieces.joined(separator: " ")
        self.queries += 1
        self.videos.insert(StableHash(video).value)
        self.firstWords[words.first ?? "", default: 0] += 1
        self.templates[template.flatMap(QueryTemplate.init(named:)), default: 0] += 1
        self.words[text.isEmpty ? 0 : text.utf8.count { $0 == 0x20 } + 1, default: 0] += 1
        if words.contains("i") { self.saysI += 1 }
        if words.contains(where: Self.firstPersons.contains) { self.firstPerson += 1 }
        if words.contains(where: Self.pasts.contains) {
            self.past += 1
        } else if words.contains(where: Self.presents.contains) {
            self.presentOnly += 1
        }
        if text.hasSuffix("?") { self.questionMarks += 1 }
        if let seconds, seconds.isFinite { self.windowSeconds.append(seconds) }
        let normalized = words.joined(separator: " ")
        self.texts.append(StableHash(query).value)
        self.normalized.append(StableHash(normalized).value)
        self.counts[normalized, default: (0, text)].count += 1
    }

    /// Curly apostrophes are apostrophes.
    private static func straightened(_ text: String) -> String {
        text.utf8.contains { $0 >= 0x80 } ? text.replacing("\u{2019}", with: "'") : text
    }

    private static let firstPersons: Set<String> = ["i", "my", "me", "we"]
    private static let pasts: Set<String> = ["did", "was", "were", "had"]
    private static let presents: Set<String> = ["is", "are", "am", "do", "does", "have", "has"]
}

// MARK: Figures

extension QueryProfile {
    /// The number of videos.
    public var videoCount: Int { self.videos.count }

    func share(_ count: Int) -> Double { self.queries == 0 ? 0 : Double(count) / Double(self.queries) }

    var wordsMean: Double {
        self.queries == 0
            ? 0 : Double(self.words.reduce(0) { $0 + $1.key * $1.value }) / Double(self.queries)
    }

    /// The smallest number of words that a share of the queries does not exceed.
    func words(quantile: Double) -> Double {
        let wanted = Int((quantile * Double(self.queries)).rounded(.up))
        var seen = 0
        for (words, count) in self.words.sorted(by: { $0.key < $1.key }) {
            seen += count
            if seen >= max(wanted, 1) { return Double(words) }
        }
        return 0
    }

    /// Different texts for each query: of every k-th query, where there are more than the human set has, because the
    /// larger a set is, the more it repeats itself.
    func distinct(_ hashes: [UInt64]) -> Double {
        guard !hashes.isEmpty else { return 0 }
        let step = max(1, hashes.count / HumanProfile.trainQueries)
        let sample = stride(from: 0, to: hashes.count, by: step).map { hashes[$0] }
        return Double(Set(sample).count) / Double(sample.count)
    }
}
