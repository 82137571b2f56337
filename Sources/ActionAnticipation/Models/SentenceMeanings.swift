// SPDX-License-Identifier: Apache-2.0

import Synchronization
import TextEncoders

/// Finds the entry of a list whose meaning is nearest to a text's, by a sentence encoder: the mean of a BERT's states,
/// of length 1. What was computed is kept, up to a bound.
final class SentenceMeanings: Sendable {
    private let encoder: BERTEncoder
    private let tokenizer: WordPieceTokenizer
    private let entries: [[Float]]
    private let known = Mutex<[String: Int]>([:])

    private static let knownMax = 10_000
    /// A text of a model may be of any length.
    private static let tokensMax = 32

    /// Computes the meanings of a list's entries.
    init(_ entries: [String], _ encoder: BERTEncoder, _ tokenizer: WordPieceTokenizer) {
        self.encoder = encoder
        self.tokenizer = tokenizer
        self.entries = entries.map { Self.meaning($0, encoder, tokenizer) }
    }

    /// The place of the nearest entry; `nil` where the text says nothing.
    func nearest(to text: String) -> Int? {
        if let known = self.known.withLock({ $0[text] }) { return known }
        let meaning = Self.meaning(text, self.encoder, self.tokenizer)
        guard meaning.contains(where: { $0 != 0 }) else { return nil }
        let scores = self.entries.map { entry in zip(entry, meaning).reduce(Float(0)) { $0 + $1.0 * $1.1 } }
        guard let best = scores.indices.max(by: { scores[$0] < scores[$1] }) else { return nil }
        self.known.withLock { if $0.count < Self.knownMax { $0[text] = best } }
        return best
    }

    private static func meaning(
        _ text: String, _ encoder: BERTEncoder, _ tokenizer: WordPieceTokenizer
    ) -> [Float] {
        let ids = tokenizer.tokens(text, countMax: min(Self.tokensMax, encoder.positionsMax)).ids
        var mean = [Float](repeating: 0, count: encoder.width)
        for (index, state) in encoder.encode(ids).enumerated() { mean[index % encoder.width] += state }
        let norm = mean.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return norm > 0 ? mean.map { $0 / norm } : mean
    }
}
