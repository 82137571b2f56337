// SPDX-License-Identifier: Apache-2.0

import Codecs
import Testing

@testable import Dialogues

@Suite struct EvaluationTests {
    private static func metrics(_ frames: [(String, String)], _ manner: Manner = .mended) throws -> [String: Double?] {
        var evaluation = DialogueEvaluation(rate: 2, seconds: DialogueEvaluation.window(of: "ego4d"), manner: manner)
        let video = JSONValue.members([
            ("predictions", .array(frames.map { .members([("gen", .string($0)), ("ref", .string($1))]) }))
        ])
        try evaluation.add(video) { $0 == $1 ? 1 : 0 }
        return Dictionary(uniqueKeysWithValues: evaluation.metrics.map { ($0.name, $0.value) })
    }

    /// The same words in the same frames cost nothing, which the original takes for no match.
    @Test func aPerfectAssistantIsPerfect() throws {
        let frames = [
            ("", ""), ("Take the red cup.", "Take the red cup."), ("", ""), ("Pour it.", "Pour it."), ("", ""),
        ]
        let mended = try Self.metrics(frames)
        #expect(mended["F1"] == 1)
        #expect(mended["redundant_rate"] == 0)
        #expect(mended["missing_rate"] == 0)
        #expect(abs((try #require(mended["Bleu_1"] ?? nil)) - 1) < 1e-6)
        let original = try Self.metrics(frames, .original)
        #expect(original["num_matched"] == 0)
    }

    @Test func aSilentAssistantIsNoFault() throws {
        let metrics = try Self.metrics([("", "Take it."), ("", "")])
        #expect(metrics["precision"] == .some(nil))
        #expect(metrics["recall"] == 0)
        #expect(metrics["missing_rate"] == 1)
        #expect(metrics["F1"] == 0)
        #expect(try Self.metrics([])["jaccard_index"] == .some(nil))
    }

    @Test func whatIsNoPredictionIsSaid() throws {
        var evaluation = DialogueEvaluation(rate: 2, seconds: (-1, 1))
        #expect(throws: DialogueEvaluation.Fault.self) { try evaluation.add(.null) { _, _ in 0 } }
        #expect(throws: DialogueEvaluation.Fault.self) {
            try evaluation.add(.members([("predictions", .array([.members([("gen", .int(1))])]))])) { _, _ in 0 }
        }
    }

    /// Against trying out all assignments.
    @Test func assignmentsAreTheCheapest() {
        var draws = Draws(["assignment-test"])
        for _ in 0..<300 {
            let (rows, columns) = (1 + draws.below(4), 1 + draws.below(5))
            let edges = (0..<rows).map { _ in
                (0..<columns).filter { _ in draws.below(4) > 0 }.map {
                    Assignment.Edge(column: $0, cost: Double(draws.below(20)) / 4)
                }
            }
            let found = Assignment.cheapest(edges, columnCount: columns)
            #expect(Set(found.compactMap { $0 }).count == found.compactMap { $0 }.count)
            let cost = zip(edges, found).reduce(0.0) { sum, pair in
                sum + (pair.0.first { $0.column == pair.1 }?.cost ?? 0)
            }
            let best = Self.best(edges[...], taken: [])
            #expect(found.compactMap { $0 }.count == best.count)
            if best.count == rows { #expect(abs(cost - best.cost) < 1e-9) }
        }
    }

    private static func best(
        _ edges: ArraySlice<[Assignment.Edge]>, taken: Set<Int>
    ) -> (count: Int, cost: Double) {
        guard let first = edges.first else { return (0, 0) }
        var best = self.best(edges.dropFirst(), taken: taken)
        for edge in first where !taken.contains(edge.column) {
            let rest = self.best(edges.dropFirst(), taken: taken.union([edge.column]))
            let option = (count: rest.count + 1, cost: rest.cost + edge.cost)
            if (option.count, -option.cost) > (best.count, -best.cost) { best = option }
        }
        return best
    }
}
