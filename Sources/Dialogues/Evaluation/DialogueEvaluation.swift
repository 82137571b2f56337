// SPDX-License-Identifier: Apache-2.0

public import Codecs
import Records

/// The evaluation of what assistants say, frame by frame, over videos.
public struct DialogueEvaluation: Sendable {
    /// The reason why a video's predictions cannot be read.
    public struct Fault: Error, Hashable, CustomStringConvertible {
        /// The fault.
        public let description: String
    }

    /// The most frames of one video.
    public static let framesMax = 1_000_000

    private let rate: Double
    private let window: ClosedRange<Int>
    private let threshold: Double
    private let manner: Manner
    private var videos: [MatchScores.Video] = []
    private var texts: [(answer: String, reference: String)] = []

    /// The number of videos.
    public var videoCount: Int { self.videos.count }

    /// Prepares an evaluation.
    /// - Parameters:
    ///   - rate: frames a second.
    ///   - seconds: how far apart an answer may be: the reference's time less the answer's.
    ///   - threshold: a pair whose similarity is above is alike.
    public init(
        rate: Double, seconds: (before: Double, after: Double), threshold: Double = 0.5, manner: Manner = .mended
    ) {
        self.rate = rate
        self.window = MatchWindow.frames(seconds, rate: rate)
        self.threshold = threshold
        self.manner = manner
    }

    /// The window of a data set, by its name, in seconds.
    public static func window(of dataset: String) -> (before: Double, after: Double) {
        MatchWindow.seconds(of: dataset)
    }

    /// Adds a video: an object whose `predictions` list frames with `gen` and `ref`, as ProAssist's runner writes it.
    /// - Parameter similarity: the cosine of the meanings of two texts.
    public mutating func add(_ video: JSONValue, similarity: (String, String) -> Double) throws(Fault) {
        guard let list = video["predictions"]?.array else { throw Fault(description: "it has no list `predictions`") }
        guard list.count <= Self.framesMax else {
            throw Fault(description: "it has more than \(Self.framesMax) frames")
        }
        var frames: [StreamFrame] = []
        for (index, value) in list.enumerated() {
            guard let generated = value["gen"]?.string, let reference = value["ref"]?.string else {
                throw Fault(description: "`predictions[\(index)]` wants the texts `gen` and `ref`")
            }
            frames.append(StreamFrame(generated: generated, reference: reference))
        }
        let matching = StreamMatching(frames, window: self.window, manner: self.manner, similarity: similarity)
        self.videos.append(
            MatchScores.Video(
                matched: matching.matched.map { ($0.generated, $0.reference, $0.similarity) },
                missed: matching.missed.count, redundant: matching.redundant.count))
        for pair in matching.matched where pair.similarity > self.threshold {
            let words = (frames[pair.generated].generated, frames[pair.reference].reference)
            self.texts.append((Self.worded(words.0), Self.worded(words.1)))
        }
    }

    /// Small letters, and punctuation left out: near what the original's tokenizer makes of a text.
    static func worded(_ text: String) -> String {
        let kept = text.lowercased().unicodeScalars.map { scalar -> Character in
            let isOfWord = scalar.properties.isAlphabetic || scalar == "'" || scalar.properties.numericType != nil
            return isOfWord ? Character(scalar) : " "
        }
        return PythonText.words(String(kept)).joined(separator: " ")
    }

    /// The metrics by name, in order; `nil` where there is nothing to divide by.
    public var metrics: [(name: String, value: Double?)] {
        let scores = MatchScores(self.videos, rate: self.rate, threshold: self.threshold)
        var metrics: [(String, Double?)] = [
            ("precision", scores.precision), ("recall", scores.recall), ("F1", scores.f1),
            ("jaccard_index", scores.jaccard), ("missing_rate", scores.missingRate),
            ("redundant_rate", scores.redundantRate), ("semantic_score", scores.similarity),
            ("time_diff", scores.timeDifference), ("num_matched", Double(scores.matched)),
            ("num_mismatched", Double(scores.mismatched)), ("num_missed", Double(scores.missed)),
            ("num_redundant", Double(scores.redundant)),
        ]
        let bleu = BLEU(self.texts)
        let texts = bleu.corpus.enumerated().map { ("Bleu_\($0 + 1)", self.texts.isEmpty ? 0 : $1) }
        for (name, value) in texts + [("CIDEr", CIDEr(self.texts).mean)] {
            metrics.append((name, value))
            metrics.append((name + "_w", scores.jaccard.map { $0 * value }))
        }
        return metrics
    }
}
