// SPDX-License-Identifier: Apache-2.0

import Synchronization
public import TextEncoders
import Training
import VideoFeatures

/// Queries as the network takes them, each distinct one computed once and kept, up to a number of bytes.
///
/// The result depends on the query alone, never on what else was asked for, so that a resumed run sees the same bits.
/// Used from any thread.
public final class TextEncoder: Sendable {
    /// The reader of the queries.
    public enum Source: Sendable {
        /// A frozen BERT.
        case bert(BERTEncoder, WordPieceTokenizer)
        /// Tables of words and characters.
        case words(WordVocabulary)
    }

    /// The reader of the queries.
    public let source: Source
    /// The most tokens of a query; of longer ones the rest is cut, and they are counted.
    public let countMax: Int

    /// [PAD] rows beyond a query that reach its tokens' scores: four convolutions of seven taps see three rows each.
    private static let paddingRows = 12

    private let texts: BoundedCache<String, ModelSample.Text>
    private let cut = Mutex<Set<String>>([])

    /// Describes an encoder.
    public init(_ source: Source, countMax: Int, bytesMax: Int = 1 << 30) {
        self.source = source
        if case .bert(let encoder, _) = source {
            self.countMax = min(countMax, encoder.positionsMax)
        } else {
            self.countMax = countMax
        }
        self.texts = BoundedCache(bytesMax: bytesMax) { $0.bytes }
    }

    /// The words that it knows, if it reads words.
    public var vocabulary: WordVocabulary? {
        guard case .words(let vocabulary) = self.source else { return nil }
        return vocabulary
    }

    /// The number of distinct queries that were too long.
    public var cutCount: Int { self.cut.withLock { $0.count } }

    /// A query as the network takes it.
    public func text(_ sentence: String) -> ModelSample.Text {
        self.texts.value(sentence) {
            let (text, isCut) = self.encode(sentence)
            if isCut { self.cut.withLock { _ = $0.insert(sentence) } }
            return text
        }
    }

    private func encode(_ sentence: String) -> (text: ModelSample.Text, isCut: Bool) {
        switch self.source {
        case .bert(let encoder, let tokenizer):
            let (ids, isCut) = tokenizer.tokens(sentence, countMax: self.countMax)
            let states = encoder.encode(ids, padding: Self.paddingRows)
            let rows = states.count / encoder.width
            return (
                .encoded(FeatureMatrix(rows: rows, columns: encoder.width, values: states), length: ids.count), isCut
            )
        case .words(let vocabulary):
            let (words, characters, isCut) = vocabulary.ids(sentence, countMax: self.countMax)
            return (.tokens(words: words, characters: characters), isCut)
        }
    }
}

extension ModelSample.Text {
    fileprivate var bytes: Int {
        switch self {
        case .encoded(let rows, _): rows.values.count * 4
        case .tokens(let words, let characters): characters.reduce(words.count * 48) { $0 + $1.count * 4 }
        }
    }
}
