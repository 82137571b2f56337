// SPDX-License-Identifier: Apache-2.0

import NarrationGrammar

/// The queries that a set has more than once.
public struct DuplicateReport: Hashable, Sendable {
    /// A text that comes more than once.
    public struct Repeated: Hashable, Sendable {
        /// The text as it came first.
        public let query: String
        /// The number of times it comes, in any spelling.
        public let count: Int
    }

    /// Two texts that are nearly the same.
    public struct Near: Hashable, Sendable {
        /// The one.
        public let first: String
        /// The other.
        public let second: String
        /// The similarity of their gists, 0…1.
        public let similarity: Double
    }

    /// The queries whose normalized text an earlier one has.
    public var exact = 0
    /// The different texts that would go if of those that are nearly the same one stayed.
    public var near = 0
    /// The different texts.
    public var distinct = 0
    /// The texts that come most often.
    public var mostRepeated: [Repeated] = []
    /// Some that are nearly the same.
    public var nearExamples: [Near] = []
}

extension QueryProfile {
    /// Looks for what is said more than once in the whole set.
    ///
    /// Near duplicates are looked up by the bands of their signatures, one band at a time, so that memory holds 64
    /// bytes of signature a text and one list of keys. In a band each text is compared with the first few of its
    /// bucket, so that a word that a thousand texts share costs no million comparisons.
    /// - Parameters:
    ///   - similarity: how alike, 0…1, are nearly the same.
    ///   - examples: how many are named.
    public func duplicates(similarity: Double, examples: Int) -> DuplicateReport {
        let sorted = self.counts.sorted { $0.key < $1.key }
        var report = DuplicateReport()
        report.distinct = sorted.count
        report.exact = self.queries - sorted.count
        let repeated = sorted.filter { $0.value.count > 1 }.sorted {
            (-$0.value.count, $0.key) < (-$1.value.count, $1.key)
        }
        report.mostRepeated = repeated.prefix(examples).map { .init(query: $0.value.text, count: $0.value.count) }

        let gists = sorted.map { QueryGist(NarrationWord.plainWords(of: $0.value.text)) }
        let earlier = NearSearch(gists: gists, similarity: similarity).earlier()
        report.near = earlier.count { $0 != nil }
        let pairs = earlier.enumerated().compactMap { later, first in first.map { (later: later, first: $0) } }
        // Spread over the alphabet, by which they are sorted.
        let step = max(1, pairs.count / max(1, examples))
        report.nearExamples = stride(from: 0, to: pairs.count, by: step).prefix(examples).map { index in
            let (later, first) = pairs[index]
            return DuplicateReport.Near(
                first: sorted[first].value.text, second: sorted[later].value.text,
                similarity: gists[later].similarity(to: gists[first]))
        }
        return report
    }
}

/// Finds, for each of many gists, one before it that is nearly the same.
private struct NearSearch {
    let gists: [QueryGist]
    let similarity: Double

    private static let comparedMax = 16

    /// For each gist the place of one before it; `nil` where there is none.
    func earlier() -> [Int?] {
        var earlier = [Int?](repeating: nil, count: self.gists.count)
        for band in 0..<MinHash.bands {
            let order = self.gists.indices.map { (key: self.gists[$0].signature.band(band), place: $0) }
                .sorted { ($0.key, $0.place) < ($1.key, $1.place) }
            var start = 0
            for end in order.indices.dropFirst() {
                if order[end].key != order[start].key {
                    start = end
                    continue
                }
                let place = order[end].place
                guard earlier[place] == nil else { continue }
                earlier[place] =
                    order[start..<end].prefix(Self.comparedMax).first {
                        self.gists[place].isAlike(self.gists[$0.place], by: self.similarity)
                    }?.place
            }
        }
        return earlier
    }
}
