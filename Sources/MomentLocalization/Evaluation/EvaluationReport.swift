// SPDX-License-Identifier: Apache-2.0

public import Codecs
import Records

/// An evaluation with what stands beside it, in words and as JSON.
public struct EvaluationReport: Sendable {
    /// A score to compare with.
    public struct Reference: Sendable {
        /// The reference's name.
        public var name: String
        /// The reference's scores.
        public var scores: Scores
        /// More about it, in a sentence; `nil` where the name says all.
        public var detail: String?

        /// Describes a reference.
        public init(name: String, scores: Scores, detail: String? = nil) {
            self.name = name
            self.scores = scores
            self.detail = detail
        }
    }

    /// The scores.
    public var evaluation: Evaluation
    /// Constant windows and the label oracle.
    public var references: [Reference]

    /// Puts an evaluation together with what it is to be compared with.
    /// - Parameters:
    ///   - bins: the model's `max_pos_len`, for the label oracle.
    ///   - train: the training split that constant windows are fitted to; never the file that is evaluated.
    public init(_ evaluation: Evaluation, truth: GroundTruth, bins: Int, train: [MomentQuery]?) {
        self.evaluation = evaluation
        self.references = []
        for threshold in [0.3, 0.5] {
            guard let train, !train.isEmpty else { break }
            let five = ConstantWindows(fittedTo: train, count: 5, threshold: threshold)
            let shares = five.windows.map { "[\(Self.percent($0.start)), \(Self.percent($0.end))]" }
            self.references.append(
                Reference(
                    name: "5 constant windows, IoU \(threshold)", scores: five.scores(truth.queries),
                    detail: "the 5 constant windows fitted at IoU \(threshold) are, in percent of the clip: "
                        + shares.joined(separator: ", ")))
        }
        self.references.append(
            Reference(name: "label oracle at \(bins) bins", scores: LabelOracle.scores(truth.queries, bins: bins)))
    }

    private static func percent(_ share: Double, decimals: Int = 1) -> String {
        var scale = 1.0
        for _ in 0..<decimals { scale *= 10 }
        let scaled = Int((share * 100 * scale).rounded())
        let whole = scaled / Int(scale)
        let rest = String(scaled % Int(scale))
        return "\(whole)." + String(repeating: "0", count: decimals - rest.count) + rest
    }

    // MARK: Words

    /// The report in words, on lines of at most 80 columns.
    /// - Parameters:
    ///   - byTemplate: whether the scores of each template stand there, too.
    ///   - byDuration: whether those of answers of similar length do.
    public func lines(byTemplate: Bool = false, byDuration: Bool = false) -> [String] {
        let evaluation = self.evaluation
        var lines = ["Evaluated: \(evaluation.supplied.queries) / \(evaluation.total) instances (percent from here on)"]
        lines += Self.table(
            [("over the predictions supplied", evaluation.supplied)]
                + [("over all \(evaluation.answerable) queries with text", evaluation.overall)]
                + self.references.map { ($0.name, $0.scores) })
        lines.append("")
        lines.append("95 % intervals over all queries, by resampling clips:")
        for interval in evaluation.intervals {
            lines.append(
                "  \(interval.metric.name): \(Self.percent(interval.low, decimals: 2)) to "
                    + Self.percent(interval.high, decimals: 2))
        }
        if byDuration { lines += [""] + Self.table(evaluation.byDuration.map { ("answers \($0.name)", $0.scores) }) }
        if byTemplate { lines += [""] + Self.table(evaluation.byTemplate.map { ($0.name, $0.scores) }) }
        lines.append("")
        return lines + self.notes.flatMap { WrappedText.lines($0, indent: 2) }
    }

    /// Reasons why these figures could mislead.
    public var notes: [String] {
        let evaluation = self.evaluation
        var notes = self.references.compactMap { $0.detail.map { "note: \($0)" } }
        notes.insert("note: the first row is what the official script prints", at: 0)
        if evaluation.covered < evaluation.answerable {
            notes.append(
                "note: \(evaluation.answerable - evaluation.covered) of \(evaluation.answerable) queries have no prediction; "
                    + "the official script does not count them as missed, the second row does")
        }
        if evaluation.repeated > 0 {
            notes.append(
                "note: \(evaluation.repeated) predictions answer a query for the second time; the first row counts them"
            )
        }
        if let removed = evaluation.removedEmpty {
            notes.append(
                "note: --remove-empty left out \(removed) queries whose answers are at most 1/30 s long. Published v1 "
                    + "figures differ in this by up to a tenth: do not compare with those that kept them")
        } else if evaluation.emptyAnswers > 0 {
            notes.append(
                "note: \(evaluation.emptyAnswers) queries have answers of at most 1/30 s, which nothing can hit; "
                    + "--remove-empty leaves them out, as some published figures do")
        }
        notes.append(
            "note: the official script prints recall under the heading mIoU@t, and its mIoU is that of the first window; "
                + "versions 1 and 2 of the annotations are not comparable")
        if self.references.count == 1 {
            notes.append(
                "note: give --train nlq_train.json to see what constant windows score, without which no score says much"
            )
        }
        return notes
    }

    /// The columns of a label; a longer one has a line of its own.
    private static let labelColumns = 36

    /// A row for each threshold of each part: its label first, then the recalls.
    private static func table(_ rows: [(name: String, scores: Scores)]) -> [String] {
        guard let metrics = rows.first?.scores.metrics else { return [] }
        var thresholds: [Double] = []
        var ranks: [Int] = []
        for metric in metrics {
            if !thresholds.contains(metric.threshold) { thresholds.append(metric.threshold) }
            if !ranks.contains(metric.topK) { ranks.append(metric.topK) }
        }
        let width = min(self.labelColumns, rows.map(\.name.count).max() ?? 0)
        func line(_ label: String, _ cells: [String]) -> String {
            let padding = String(repeating: " ", count: max(0, width - label.count))
            let text = label + padding + cells.map(Self.cell).joined()
            return String(text.reversed().drop { $0 == " " }.reversed())
        }
        var lines = [line("", ["IoU"] + ranks.map { "R@\($0)" } + ["mIoU", "queries"])]
        for row in rows {
            var label = row.name
            if label.count > width {
                lines.append(label)
                label = ""
            }
            for (index, threshold) in thresholds.enumerated() {
                let recalls = ranks.map { rank in
                    zip(row.scores.metrics, row.scores.recall).first {
                        $0.0.topK == rank && $0.0.threshold == threshold
                    }
                    .map { Self.percent($0.1, decimals: 2) } ?? ""
                }
                let whole =
                    index == 0
                    ? [Self.percent(row.scores.meanOverlap, decimals: 2), String(row.scores.queries)] : ["", ""]
                lines.append(line(index == 0 ? label : "", ["\(threshold)"] + recalls + whole))
            }
        }
        return lines
    }

    private static func cell(_ text: String) -> String {
        String(repeating: " ", count: max(1, 7 - text.count)) + text
    }

    // MARK: JSON

    /// The report as a JSON object.
    public var json: Bytes {
        let evaluation = self.evaluation
        var json = JSONWriter()
        json.beginObject()
        json.field("evaluated", evaluation.supplied.queries)
        json.field("instances", evaluation.total)
        json.field("queries_with_text", evaluation.answerable)
        json.field("covered", evaluation.covered)
        json.field("repeated", evaluation.repeated)
        json.field("empty_answers", evaluation.emptyAnswers)
        json.key("removed_empty")
        if let removed = evaluation.removedEmpty { json.value(removed) } else { json.null() }
        json.key("official")
        evaluation.supplied.write(to: &json)
        json.key("all")
        evaluation.overall.write(to: &json)
        json.key("intervals")
        json.beginArray()
        for interval in evaluation.intervals {
            json.beginObject()
            json.field("top_k", interval.metric.topK)
            json.field("iou", interval.metric.threshold)
            json.field("low", interval.low)
            json.field("high", interval.high)
            json.endObject()
        }
        json.endArray()
        Self.write(self.references.map { ($0.name, $0.scores) }, "references", to: &json)
        Self.write(evaluation.byDuration.map { ($0.name, $0.scores) }, "by_duration", to: &json)
        Self.write(evaluation.byTemplate.map { ($0.name, $0.scores) }, "by_template", to: &json)
        json.key("notes")
        json.beginArray()
        for note in self.notes { json.value(note) }
        json.endArray()
        json.endObject()
        return json.bytes
    }

    private static func write(
        _ groups: [(name: String, scores: Scores)], _ key: StaticString, to json: inout JSONWriter
    ) {
        json.key(key)
        json.beginArray()
        for group in groups {
            json.beginObject()
            json.field("name", group.name)
            json.key("scores")
            group.scores.write(to: &json)
            json.endObject()
        }
        json.endArray()
    }
}

extension Scores {
    /// Writes the scores as a JSON object; recalls are shares.
    fileprivate func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("queries", self.queries)
        json.key("recall")
        json.beginArray()
        for (metric, recall) in zip(self.metrics, self.recall) {
            json.beginObject()
            json.field("top_k", metric.topK)
            json.field("iou", metric.threshold)
            json.field("value", recall)
            json.endObject()
        }
        json.endArray()
        json.field("mean_iou", self.meanOverlap)
        json.endObject()
    }
}
