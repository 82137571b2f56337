// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The text that an assistant says, and what it ought to say, frame by frame: empty where it is silent.
struct StreamFrame: Hashable {
    var generated: String
    var reference: String
}

/// The distance in time that an answer may have, in seconds: the reference's time less the answer's.
enum MatchWindow {
    /// The window of a data set, by its name, as ProAssist has it: a quarter and a half of its mean gap between
    /// assistant's turns; for narrations half of it on both sides.
    static func seconds(of name: String) -> (before: Double, after: Double) {
        if name.contains("narration") { return (-2.5, 2.5) }
        return self.windows.first { name.contains($0.name) }.map { ($0.before, $0.after) } ?? (-2.5, 2.5)
    }

    private static let windows: [(name: String, before: Double, after: Double)] = [
        ("ego4d", -4, 8.5), ("epickitchens", -1.5, 3), ("holoassist", -1.5, 2.5), ("egoexolearn", -2, 3.5),
        ("assembly101", -2, 4), ("wtag", -3, 6),
    ]

    /// The window in frames, rounded towards zero.
    static func frames(_ seconds: (before: Double, after: Double), rate: Double) -> ClosedRange<Int> {
        let before = Int(max(min(seconds.before * rate, 0), -1e6))
        return before...max(Int(max(min(seconds.after * rate, 1e6), 0)), before)
    }
}

/// The answers and the references that go with each other, in time and meaning.
struct StreamMatching: Hashable {
    /// An answer with its reference.
    struct Pair: Hashable {
        /// The frames of the answer and of the reference.
        let generated: Int
        let reference: Int
        let cost: Double
        /// The cosine of their meanings, without its sign.
        let similarity: Double
    }

    /// In the order of the answers.
    var matched: [Pair] = []
    /// The frames of references that no answer goes with.
    var missed: [Int] = []
    /// The frames of answers that go with no reference.
    var redundant: [Int] = []

    /// Matches at the least cost: `1 − |cos|` of the texts plus `factor · (Δ/w)^power`, where Δ is the distance in
    /// frames and w the wider half of the window; an answer may also go with a silent frame, which costs 1.
    /// - Parameters:
    ///   - similarity: the cosine of two texts.
    ///   - manner: the original takes a cost of exactly 0 for no edge: a perfect answer goes with no reference.
    init(
        _ frames: [StreamFrame], window: ClosedRange<Int>, factor: Double = 0.3, power: Double = 1.5,
        manner: Manner = .mended, similarity: (String, String) -> Double
    ) {
        let talking = frames.indices.filter { !frames[$0].generated.isEmpty }
        let reach = max(abs(window.lowerBound), window.upperBound, 1)
        let scale = Float(factor / pow(Double(reach), power))
        var meanings: [[Int: Float]] = []
        let rows = talking.map { row -> [Assignment.Edge] in
            var edges: [Assignment.Edge] = []
            var costs: [Int: Float] = [:]
            let columns = max(row + window.lowerBound, 0)..<max(min(row + window.upperBound, frames.count - 1) + 1, 0)
            for column in columns.isEmpty ? 0..<0 : columns {
                let isSilent = frames[column].reference.isEmpty
                // In 32 bits, as the original computes it.
                let meaning =
                    isSilent ? 1 : 1 - abs(Float(similarity(frames[row].generated, frames[column].reference)))
                let cost = max(meaning, 0) + Float(pow(Double(abs(row - column)), power)) * scale
                costs[column] = max(meaning, 0)
                guard cost.isFinite, cost != 0 || manner == .mended else { continue }
                edges.append(Assignment.Edge(column: column, cost: Double(cost)))
            }
            meanings.append(costs)
            return edges
        }
        let columns = Assignment.cheapest(rows, columnCount: frames.count)
        var answered: Set<Int> = []
        for (index, row) in talking.enumerated() {
            guard let column = columns[index] else {
                self.redundant.append(row)
                continue
            }
            answered.insert(column)
            guard !frames[column].reference.isEmpty else {
                self.redundant.append(row)
                continue
            }
            let cost = rows[index].first { $0.column == column }?.cost ?? 0
            self.matched.append(
                Pair(
                    generated: row, reference: column, cost: cost,
                    similarity: 1 - Double(meanings[index][column] ?? 1)))
        }
        self.missed = frames.indices.filter { !frames[$0].reference.isEmpty && !answered.contains($0) }
    }
}
