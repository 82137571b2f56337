// SPDX-License-Identifier: Apache-2.0

/// The answers that predictions are compared with.
public struct GroundTruth: Sendable {
    /// The names by which a prediction refers to a query.
    struct Key: Hashable {
        var clip: String
        var annotation: String
        var index: Int
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

    /// Takes the answers of an annotation file.
    /// - Parameters:
    ///   - file: the annotations.
    ///   - removingEmpty: whether to leave out queries whose answers are at most a thirtieth of a second long.
    /// - Throws: `AnnotationError` where the file has no answers.
    public init(_ file: AnnotationFile, path: String, removingEmpty: Bool = false) throws(AnnotationError) {
        let answered = file.queries.filter { $0.answer != nil }
        guard !answered.isEmpty else {
            throw AnnotationError(
                "\(path) holds no query with an answer (clip_start_sec, clip_end_sec): nothing can be scored by it")
        }
        let kept = answered.filter { query in !removingEmpty || query.answer?.isEmpty == false }
        self.queries = kept
        self.removed = answered.count - kept.count
        self.total = file.queryCount
        var answers: [Key: MomentQuery.Answer?] = [:]
        for video in file.videos {
            for clip in video.clips {
                for annotation in clip.annotations {
                    for (index, query) in annotation.queries.enumerated() {
                        var answer: MomentQuery.Answer?
                        if let start = query.start, let end = query.end {
                            answer = MomentQuery.Answer(start: start, end: end)
                        }
                        answers.updateValue(
                            answer, forKey: Key(clip: clip.uid, annotation: annotation.uid, index: index))
                    }
                }
            }
        }
        self.answers = answers
        self.indices = Dictionary(
            kept.enumerated().map { index, query in
                (Key(clip: query.clipUID, annotation: query.annotationUID, index: query.queryIndex), index)
            }, uniquingKeysWith: { _, last in last })
        self.removingEmpty = removingEmpty
    }

    private let removingEmpty: Bool

    /// The answer to what a prediction is about; `nil` where there is none, or it was removed as empty.
    /// - Throws: `AnnotationError` where there is no such query: the official script stops there, too.
    func answer(to prediction: QueryPrediction) throws(AnnotationError) -> MomentQuery.Answer? {
        let key = Key(clip: prediction.clipUID, annotation: prediction.annotationUID, index: prediction.queryIndex)
        guard let known = self.answers[key] else {
            throw AnnotationError(
                "the predictions answer query \(key.index) of annotation \(key.annotation) in clip \(key.clip), which the "
                    + "ground truth does not have: is it another split or version?")
        }
        guard let answer = known else { return nil }
        return self.removingEmpty && answer.isEmpty ? nil : answer
    }

    /// The place in `queries` of what a prediction is about.
    func index(of prediction: QueryPrediction) -> Int? {
        self.indices[
            Key(clip: prediction.clipUID, annotation: prediction.annotationUID, index: prediction.queryIndex)]
    }
}
