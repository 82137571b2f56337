// SPDX-License-Identifier: Apache-2.0

/// What is left of a query when the words go that any question may have: "Where did I put my knives?" → "where put knife".
///
/// Near duplicates are found among gists. Whole questions are no use: by their characters "Where did I put the cup?" and
/// "Where did I put the pan?" are closer than two wordings of one question. Before, after and the other prepositions stay,
/// because another event or place makes another question.
struct QueryGist: Hashable, Sendable {
    /// The words that are left, in their base forms, in order.
    let text: String
    /// Their signature.
    let signature: MinHash

    /// Finds the gist among the words of a query, in small letters.
    init(_ words: [String]) {
        self.init(text: words.filter { !Self.fillers.contains($0) }.map(Stem.stem).joined(separator: " "))
    }

    /// A gist that was stored.
    init(text: String) {
        self.text = text
        self.signature = MinHash(of: text.utf8)
    }

    /// How much alike two queries are, 0…1; 0 where they begin differently, because then they ask for different things.
    func similarity(to other: QueryGist) -> Double {
        if self.text == other.text { return 1 }
        guard self.opening.elementsEqual(other.opening) else { return 0 }
        return self.signature.similarity(to: other.signature)
    }

    private var opening: Substring.UTF8View { self.text.utf8.prefix { $0 != UInt8(ascii: " ") } }

    private static let fillers: Set<String> = [
        "the", "a", "an", "i", "my", "me", "did", "do", "does", "was", "were", "is", "are", "have", "has", "had", "it",
        "them", "that", "which", "this", "these", "those", "some", "of", "just", "there", "been", "be", "am",
    ]
}
