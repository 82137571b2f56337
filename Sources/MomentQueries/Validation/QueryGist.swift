// SPDX-License-Identifier: Apache-2.0

import NarrationGrammar

/// The rest of a query without the words that any question may have: "Where did I put my knives?" → "where put knife",
/// "In what location was the jug before I rinsed the cup?" → "in jug before RINSE CUP".
///
/// Near duplicates are found among gists. Whole questions are no use: by their characters "Where did I put the cup?"
/// and "Where did I put the pan?" are closer than two wordings of one question. Before, after and the other
/// prepositions stay, because another event or place makes another question; and the clause behind them is written in
/// capitals, because "the jug before the cup" is not "the cup before the jug".
struct QueryGist: Hashable, Sendable {
    /// The words that are left, in their base forms, in order.
    let text: String
    /// Their signature.
    let signature: MinHash

    /// Finds the gist among the words of a query, in small letters.
    init(_ words: [String]) {
        var left: [String] = []
        var isSubordinate = false
        for (index, word) in words.enumerated() where index == 0 || !Self.fillers.contains(word) {
            let stem = Stem.stem(of: word)
            left.append(isSubordinate ? stem.uppercased() : stem)
            if index > 0, Self.joints.contains(word) { isSubordinate = true }
        }
        self.init(text: left.joined(separator: " "))
    }

    /// A gist that was stored.
    init(text: String) {
        self.text = text
        self.signature = MinHash(of: text.utf8)
    }

    /// Tells whether two queries are alike by some share of the 3-grams that they have together, 0…1. Those that begin
    /// differently ask for different things and are not.
    ///
    /// The signatures are compared first: most pairs have nothing in common. An estimate is wrong by 0.05 now and then,
    /// which over all pairs of a video is often, so whatever comes near is counted exactly.
    func isAlike(_ other: QueryGist, by similarity: Double) -> Bool {
        guard self.signature.similarity(to: other.signature) >= similarity - 0.2 else { return false }
        return self.similarity(to: other) >= similarity
    }

    /// The share of the 3-grams that two gists have in common, 0…1, counted; 0 where they begin differently.
    func similarity(to other: QueryGist) -> Double {
        if self.text == other.text { return 1 }
        guard self.opening.elementsEqual(other.opening) else { return 0 }
        let (own, others) = (MinHash.grams(of: self.text.utf8), MinHash.grams(of: other.text.utf8))
        let common = own.intersection(others).count
        return Double(common) / Double(own.count + others.count - common)
    }

    private var opening: Substring.UTF8View { Substring(self.text).utf8.prefix { $0 != UInt8(ascii: " ") } }

    private static let joints: WordSet = ["before", "after", "while", "until", "when"]

    private static let fillers: WordSet = [
        "the", "a", "an", "i", "my", "me", "did", "do", "does", "was", "were", "is", "are", "have", "has", "had", "it",
        "them", "that", "which", "this", "these", "those", "some", "of", "just", "there", "been", "be", "am", "what",
        "location", "place",
    ]
}
