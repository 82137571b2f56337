// SPDX-License-Identifier: Apache-2.0

import NeuralNetworks
import Records

/// The words and characters that a model knows, fixed at its first start: those of some queries, most frequent first
/// (EGO4D/episodic-memory, `NLQ/VSLNet/utils/data_gen.py::vocab_emb_gen`).
public struct WordVocabulary: Hashable, Sendable {
    /// The words that have a vector; word 0 is padding, 1 unknown, 2 the first of these.
    public var words: [String]
    /// The characters, likewise numbered from 2 on.
    public var characters: [String]
    private var wordIDs: [String: Int32]
    private var characterIDs: [String: Int32]

    /// Characters that occur less often are unknown.
    private static let characterCountMin = 5

    /// Takes the tables of a checkpoint.
    public init(words: [String], characters: [String]) {
        self.words = words
        self.characters = characters
        self.wordIDs = Self.number(words)
        self.characterIDs = Self.number(characters)
    }

    private static func number(_ names: [String]) -> [String: Int32] {
        Dictionary(names.enumerated().map { ($1, Int32($0 + 2)) }, uniquingKeysWith: { first, _ in first })
    }

    /// Counts the words and characters of sentences.
    /// - Parameter isKnown: whether there is a vector for a word.
    public init(sentences: [String], isKnown: (String) -> Bool) {
        var words = Counter()
        var characters = Counter()
        for sentence in sentences {
            for word in WordTokenizer.words(sentence) {
                words.add(word)
                for scalar in word.unicodeScalars { characters.add(String(scalar)) }
            }
        }
        self.init(
            words: words.mostCommon(least: 1).filter(isKnown),
            characters: characters.mostCommon(least: Self.characterCountMin))
    }

    /// The ids of a sentence's words and of their characters.
    /// - Parameter countMax: words beyond so many are cut.
    public func ids(_ sentence: String, countMax: Int) -> (words: [Int32], characters: [[Int32]], isCut: Bool) {
        let all = WordTokenizer.words(sentence)
        let words = all.prefix(countMax)
        return (
            words.map { self.wordIDs[$0] ?? 1 },
            words.map { word in word.unicodeScalars.map { self.characterIDs[String($0)] ?? 1 } }, all.count > countMax
        )
    }
}

/// Counts names, and keeps the order in which they came.
private struct Counter {
    private var counts: [String: Int] = [:]
    private var order: [String] = []

    mutating func add(_ name: String) {
        if self.counts[name] == nil { self.order.append(name) }
        self.counts[name, default: 0] += 1
    }

    func mostCommon(least: Int) -> [String] {
        self.order.enumerated().map { ($1, self.counts[$1] ?? 0, $0) }.filter { $0.1 >= least }
            .sorted { ($1.1, $0.2) < ($0.1, $1.2) }.map(\.0)
    }
}
