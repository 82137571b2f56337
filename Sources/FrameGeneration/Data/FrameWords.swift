// SPDX-License-Identifier: Apache-2.0

/// Whole words as tokens, for a network that is trained without anything from elsewhere: each word of the training set
/// has a number, and all others share one.
public struct FrameWords: Hashable, Sendable, Codable {
    /// The words, in alphabetical order.
    public let words: [String]
    private var numbers: [String: Int] {
        Dictionary(uniqueKeysWithValues: self.words.enumerated().map { ($0.element, $0.offset) })
    }

    /// The words that a vocabulary may have.
    public static let wordsMax = 1_000_000

    /// Takes the words of texts, the most frequent where they are too many.
    public init(of texts: some Sequence<String>) {
        var counts: [String: Int] = [:]
        for text in texts { for word in Self.split(text) { counts[word, default: 0] += 1 } }
        let kept = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(Self.wordsMax)
        self.words = kept.map(\.key).sorted()
    }

    /// Tokens: the words, then one for any other, the start and the end.
    public var tokens: Int { self.words.count + 3 }
    /// The token of a word that is not there.
    public var other: Int { self.words.count }
    /// The token that begins a text.
    public var start: Int { self.words.count + 1 }
    /// The token that ends a text.
    public var end: Int { self.words.count + 2 }

    /// The tokens of texts, without start and end.
    public func tokens(of texts: [String]) -> [[Int]] {
        let numbers = self.numbers
        return texts.map { Self.split($0).map { numbers[$0] ?? self.other } }
    }

    private static func split(_ text: String) -> [String] {
        text.lowercased().split { !$0.isLetter && !$0.isNumber }.map(String.init)
    }
}
