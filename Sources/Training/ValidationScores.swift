// SPDX-License-Identifier: Apache-2.0

/// The result of a validation, as a run tells of it.
public protocol ValidationScores: Sendable {
    /// The scores in words, for a line of progress.
    var words: String { get }
    /// The scores for `metrics.jsonl` and TensorBoard, in the order in which they are written.
    var figures: [ScoreFigure] { get }
}

/// A number of a validation.
public struct ScoreFigure: Hashable, Sendable {
    /// Its key in `metrics.jsonl`.
    public var key: String
    /// Its tag in TensorBoard.
    public var tag: String
    /// The number.
    public var value: Double

    /// Describes a number.
    /// - Parameter key: `nil` where it is the tag.
    public init(_ tag: String, key: String? = nil, _ value: Double) {
        self.key = key ?? tag
        self.tag = tag
        self.value = value
    }
}

/// Numbers by name: scores for a network that needs no type of its own.
public struct NamedScores: ValidationScores, Hashable {
    /// The numbers, in the order in which they are told.
    public var values: [ScoreFigure]

    /// Describes scores.
    public init(_ values: KeyValuePairs<String, Double>) {
        self.values = values.map { ScoreFigure("validation/\($0.key)", key: $0.key, $0.value) }
    }

    /// `error 0.125, share 0.5`
    public var words: String { self.values.map { "\($0.key) \($0.value)" }.joined(separator: ", ") }
    /// The numbers.
    public var figures: [ScoreFigure] { self.values }
}
