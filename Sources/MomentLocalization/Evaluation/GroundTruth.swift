// SPDX-License-Identifier: Apache-2.0

/// The reason why nothing can be scored.
public struct EvaluationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The fault and its remedy.
    public var message: String

    /// The message as it is printed.
    public var description: String { self.message }

    init(_ message: String) { self.message = message }
}

/// The answers that predictions are compared with.
public struct GroundTruth: Sendable {
    /// The names by which a prediction refers to a query.
    struct Key: Hashable {
        var clip: String
        var annotation: String
        var index: Int

        init(_ query: MomentQuery) {
            self.clip = query.clipUID
            self.annotation = query.annotationUID
            self.index = query.queryIndex
        }

        init(_ prediction: QueryPrediction) {
            self.clip = prediction.clipUID
            self.annotation = prediction.annotationUID
            self.index = prediction.queryIndex
        }
    }

    /// All queries with text and answer, in the file's order.
    public let queries: [MomentQuery]
    /// The queries in the file, those without text included: the official script's total.
    public let total: Int
    /// The queries that were removed because their answers have no length.
    public let removed: Int
    private let indices: [Key: Int]
    /// Places in the file, with text or without: a prediction of any other query is an error. Some have no answer.
    private let answers: [Key: MomentQuery.Answer?]

    /// Takes the answers of a split.
    /// - Parameters:
    ///   - path: what to call it in errors.
    ///   - removingEmpty: whether to leave out queries whose answers are at most a thirtieth of a second long.
    /// - Throws: `EvaluationError` where it has no answers.
    public init(_ split: QuerySplit, path: String, removingEmpty: Bool = false) throws(EvaluationError) {
        let answered = split.queries.filter { $0.answer != nil }
        guard !answered.isEmpty else {
            throw EvaluationError(
                "\(path) holds no query with an answer (clip_start_sec, clip_end_sec): nothing can be scored by it")
        }
        let kept = answered.filter { query in !removingEmpty || query.answer?.isEmpty == false }
        self.queries = kept
        self.removed = answered.count - kept.count
        self.total = split.all.count
        var answers: [Key: MomentQuery.Answer?] = [:]
        for query in split.all { answers.updateValue(query.answer, forKey: Key(query)) }
        self.answers = answers
        self.indices = Dictionary(
            kept.enumerated().map { index, query in
                (Key(query), index)
            }, uniquingKeysWith: { _, last in last })
        self.removingEmpty = removingEmpty
    }

    private let removingEmpty: Bool

    /// The answer to what a prediction is about; `nil` where there is none, or it was removed as empty.
    /// - Throws: `EvaluationError` where there is no such query: the official script stops there, too.
    func answer(to prediction: QueryPrediction) throws(EvaluationError) -> MomentQuery.Answer? {
        let key = Key(prediction)
        guard let known = self.answers[key] else {
            throw EvaluationError(
                "the predictions answer query \(key.index) of annotation \(key.annotation) in clip \(key.clip), which the "
                    + "ground truth does not have: is it another split or version?")
        }
        guard let answer = known else { return nil }
        return self.removingEmpty && answer.isEmpty ? nil : answer
    }

    /// The place in `queries` of what a prediction is about.
    func index(of prediction: QueryPrediction) -> Int? {
        self.indices[Key(prediction)]
    }
}
