// SPDX-License-Identifier: Apache-2.0

public import VideoFeatures

/// One query about one clip, as the network takes it. Arrays are shared, not copied.
public struct ModelSample: Sendable {
    /// The query.
    public enum Text: Sendable {
        /// The rows of a frozen encoder. The first `length` are the query's tokens. Further rows are those of [PAD]
        /// tokens: a batch takes as many of them as its longest query needs (the convolutions see them), and zeros
        /// where there are none.
        case encoded(FeatureMatrix, length: Int)
        /// Words, and each word's characters.
        case tokens(words: [Int32], characters: [[Int32]])
    }

    /// The moment to find.
    public struct Target: Hashable, Sendable {
        /// The first bin.
        public var start: Int
        /// The last bin.
        public var end: Int
        /// 1 for each bin that is to be highlighted, 0 elsewhere; one for each bin of the video.
        public var highlight: [Float]

        /// Creates a target.
        public init(start: Int, end: Int, highlight: [Float]) {
            self.start = start
            self.end = end
            self.highlight = highlight
        }
    }

    /// The bins of the video.
    public var video: FeatureMatrix
    /// The query.
    public var text: Text
    /// The moment to find; `nil` where it is unknown, which does for predicting.
    public var target: Target?

    /// Creates a sample.
    public init(video: FeatureMatrix, text: Text, target: Target? = nil) {
        self.video = video
        self.text = text
        self.target = target
    }

    /// The query's tokens.
    public var textLength: Int {
        switch self.text {
        case .encoded(_, let length): length
        case .tokens(let words, _): words.count
        }
    }
}

/// Samples that go through the network together, padded to the longest of them.
public struct Batch: Sendable {
    /// The samples, in order.
    public let samples: [ModelSample]
    /// The bins of the longest video, at least 3 (there would be no five spans otherwise).
    public let videoLength: Int
    /// The tokens of the longest query.
    public let textLength: Int
    /// The characters of the longest word, at least 4, which the widest convolution needs; 0 for encoded text.
    public let wordLength: Int
    /// The bins that are no padding, in all samples: what the highlight loss is divided by.
    let validBins: Int

    /// Pads to the longest sample. Scores depend on the padding: a batch pads as a whole, whatever its micro-batches.
    /// - Parameters:
    ///   - videoLength: pads the videos to this many bins where it is more.
    ///   - textLength: pads the queries to this many tokens where it is more.
    public init(_ samples: [ModelSample], videoLength: Int = 0, textLength: Int = 0) {
        self.samples = samples
        var video = max(3, videoLength), text = max(1, textLength), word = 0, bins = 0
        for sample in samples {
            video = max(video, sample.video.rows)
            text = max(text, sample.textLength)
            bins += sample.video.rows
            if case .tokens(_, let characters) = sample.text {
                word = characters.reduce(max(word, 4)) { max($0, $1.count) }
            }
        }
        self.videoLength = video
        self.textLength = text
        self.wordLength = word
        self.validBins = bins
    }

    /// Says what in the batch does not fit a configuration, with the place of the sample, or nothing.
    public func problem(for configuration: VSLNetConfiguration, training: Bool) -> String? {
        if self.samples.isEmpty { return "the batch is empty" }
        if self.videoLength > configuration.positionsMax {
            return "a video has \(self.videoLength) bins, the network \(configuration.positionsMax) positions"
        }
        if self.textLength > configuration.positionsMax {
            return "a query has \(self.textLength) tokens, the network \(configuration.positionsMax) positions"
        }
        for (index, sample) in self.samples.enumerated() {
            if let problem = sample.problem(for: configuration, training: training) {
                return "sample \(index): \(problem)"
            }
        }
        return nil
    }
}

extension ModelSample {
    func problem(for configuration: VSLNetConfiguration, training: Bool) -> String? {
        if self.video.columns != configuration.videoFeatureWidth {
            return "its features have \(self.video.columns) columns, not \(configuration.videoFeatureWidth)"
        }
        if self.video.rows < 1 { return "its video is empty" }
        if self.textLength < 1 { return "its query is empty" }
        switch (self.text, configuration.text) {
        case (.encoded(let rows, let length), .encoded(let width)):
            if rows.columns != width { return "its text has \(rows.columns) columns, the network takes \(width)" }
            if rows.rows < length { return "its text has \(rows.rows) rows for \(length) tokens" }
        case (.tokens(let words, let characters), .tokens(let wordCount, _, let characterCount, _)):
            if words.count != characters.count {
                return "it has \(words.count) words, and characters of \(characters.count)"
            }
            if words.contains(where: { $0 < 0 || $0 >= wordCount + 2 }) { return "a word id is not in the vocabulary" }
            if characters.contains(where: { $0.contains { $0 < 0 || $0 >= characterCount } }) {
                return "a character id is not in the vocabulary"
            }
        default:
            return "its text is not of the kind that the network takes"
        }
        guard training else { return nil }
        guard let target = self.target else { return "it has no target" }
        if target.start < 0 || target.end < 0 || max(target.start, target.end) >= self.video.rows {
            return "its target \(target.start)–\(target.end) is outside its \(self.video.rows) bins"
        }
        if target.highlight.count != self.video.rows {
            return "it has \(target.highlight.count) highlight labels for \(self.video.rows) bins"
        }
        return nil
    }
}
