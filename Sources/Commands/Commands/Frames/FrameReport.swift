// SPDX-License-Identifier: Apache-2.0

import ActionDescriptions
import Codecs
import Foundation
import FrameEvaluation
import VideoFeatures

/// Features of the frames of all pairs, a row a pair.
struct SuppliedFeatures {
    var generated, target, input: FeatureMatrix
}

/// The scores of all pairs, beside those of a copy of the input frame.
struct FrameReport {
    /// A row of the report.
    struct Row {
        var name: String
        var ratio: ScoreMean?
        var similarity: ScoreMean?
        var cosine: ScoreMean?
        var distance: Double?
    }

    private(set) var rows: [Row]
    /// The pairs whose pixels were scored.
    let scored: Int
    private let missing: Int
    private let resized: Int
    private let unread: [String]
    private let count: Int

    init(_ pairs: [ActionPair], _ outcomes: [FrameScoring.Outcome]) {
        var values: [(clip: String, scores: FrameScoring.Scores)] = [], missing = 0, unread: [String] = []
        for (pair, outcome) in zip(pairs, outcomes) {
            switch outcome {
            case .scored(let scores): values.append((pair.clipID, scores))
            case .missing: missing += 1
            case .unread(let message): unread.append("\(pair.clipID)/\(pair.actionID): \(message)")
            }
        }
        self.count = pairs.count
        self.scored = values.count
        self.missing = missing
        self.unread = unread
        self.resized = values.count { $0.scores.generated.isResized }
        func row(_ name: String, _ part: (FrameScoring.Scores) -> FrameScores) -> Row {
            let all = values.map { (clip: $0.clip, scores: part($0.scores)) }
            return Row(
                name: name, ratio: ScoreMean(all.map { ($0.clip, $0.scores.ratio) }),
                similarity: ScoreMean(
                    all.compactMap { clip, scores in scores.similarity.map { (clip, $0) } }))
        }
        self.rows = [row("generated", \.generated), row("copy of the input", \.copy)]
    }

    /// Adds the scores of features, over all pairs.
    mutating func add(_ features: SuppliedFeatures, pairs: [ActionPair]) {
        for (index, matrix) in [features.generated, features.input].enumerated() {
            let columns = matrix.columns
            self.rows[index].cosine = ScoreMean(
                pairs.indices.map { pair in
                    let range = pair * columns..<(pair + 1) * columns
                    return (
                        pairs[pair].clipID,
                        FeatureSimilarity.cosine(matrix.values[range], features.target.values[range])
                    )
                })
            self.rows[index].distance = FrechetDistance.between(
                matrix.values.map { Double($0) }, features.target.values.map { Double($0) }, columns: columns)
        }
    }

    /// The facts without which the scores would mislead.
    var notes: [String] {
        var notes: [String] = []
        if self.missing > 0 { notes.append("no frame was made of \(self.missing) pairs") }
        if self.resized > 0 {
            notes.append("\(self.resized) frames had another size than their target, and were resized to it")
        }
        if !self.unread.isEmpty {
            notes.append("\(self.unread.count) pairs have a frame that cannot be read")
            notes += self.unread.prefix(3)
        }
        for row in self.rows {
            guard let infinite = row.ratio?.infinite, infinite > 0 else { continue }
            notes.append("\(infinite) frames (\(row.name)) equal their target: their PSNR is infinite, and left out")
        }
        return notes
    }

    /// The report for people.
    var lines: [String] {
        var table = TextTable(["", "PSNR", "±", "SSIM", "±", "cosine", "±", "Fréchet"])
        func cells(_ mean: ScoreMean?, _ digits: Int) -> [String] {
            [
                mean.map { String(format: "%.\(digits)f", $0.mean) } ?? "-",
                mean?.error.map { String(format: "%.\(digits)f", $0) } ?? "-",
            ]
        }
        for row in self.rows {
            table.add(
                [row.name] + cells(row.ratio, 3) + cells(row.similarity, 4) + cells(row.cosine, 4)
                    + [row.distance.map { String(format: "%.4f", $0) } ?? "-"])
        }
        return ["\(self.scored) of \(self.count) pairs"] + table.lines + self.notes.map { "note: " + $0 }
    }

    /// The report for programs.
    var json: JSONValue {
        func mean(_ mean: ScoreMean?) -> JSONValue {
            guard let mean else { return .null }
            return .object([
                JSONValue.Member("mean", .double(mean.mean)),
                JSONValue.Member("error", mean.error.map(JSONValue.double) ?? .null),
                JSONValue.Member("count", .int(mean.count)), JSONValue.Member("infinite", .int(mean.infinite)),
            ])
        }
        let rows = self.rows.map { row in
            JSONValue.object([
                JSONValue.Member("name", .string(row.name)), JSONValue.Member("psnr", mean(row.ratio)),
                JSONValue.Member("ssim", mean(row.similarity)), JSONValue.Member("cosine", mean(row.cosine)),
                JSONValue.Member("frechet", row.distance.map(JSONValue.double) ?? .null),
            ])
        }
        return .object([
            JSONValue.Member("pairs", .int(self.count)), JSONValue.Member("scored", .int(self.scored)),
            JSONValue.Member("missing", .int(self.missing)), JSONValue.Member("unread", .int(self.unread.count)),
            JSONValue.Member("resized", .int(self.resized)), JSONValue.Member("rows", .array(rows)),
        ])
    }
}
