// SPDX-License-Identifier: Apache-2.0

import Codecs
import Testing

@testable import Dialogues

@Suite struct EvaluationGoldenTests {
    @Test func answersGoWithReferences() throws {
        try GoldenCases.check("matching", tolerance: 1e-5, mayDepart: Self.hasPerfectAnswer) { one, manner in
            let frames = try one.input.list("frames").map { frame in
                StreamFrame(generated: frame.array?[0].string ?? "", reference: frame.array?[1].string ?? "")
            }
            var similarities: [[String]: Double] = [:]
            for entry in try one.input.list("similarities").compactMap(\.array) {
                similarities[[entry[0].string ?? "", entry[1].string ?? ""]] = entry[2].double
            }
            let window = try one.input.list("window").compactMap(\.int)
            let matching = StreamMatching(
                frames, window: window[0]...window[1], factor: try one.input.number("factor"),
                power: try one.input.number("power"), manner: manner
            ) { similarities[[$0, $1]] ?? 0 }
            return .members([
                ("matched", .array(matching.matched.map { .array([.int($0.generated), .int($0.reference)]) })),
                ("missed", .array(matching.missed.map(JSONValue.int))),
                ("redundant", .array(matching.redundant.map(JSONValue.int))),
                ("costs", .array(matching.matched.map { .double($0.cost) })),
                ("similarities", .array(matching.matched.map { .double($0.similarity) })),
            ])
        }
    }

    /// The same words in the same frame.
    private static func hasPerfectAnswer(_ one: GoldenCases.Case) throws -> Bool {
        let alike = try one.input.list("similarities").filter { abs($0.array?[2].double ?? 0) == 1 }
        return try one.input.list("frames").contains { frame in
            alike.contains { $0.array?[0] == frame.array?[0] && $0.array?[1] == frame.array?[1] }
        }
    }

    @Test func matchesAreScored() throws {
        try GoldenCases.check("match_scores") { one, _ in
            let videos = try one.input.list("videos").map { video in
                MatchScores.Video(
                    matched: try video.list("matched").map { pair in
                        let pair = try #require(pair.array)
                        return (pair[0].int ?? 0, pair[1].int ?? 0, pair[2].double ?? 0)
                    }, missed: try video.whole("missed"), redundant: try video.whole("redundant"))
            }
            let scores = MatchScores(
                videos, rate: try one.input.number("fps"), threshold: try one.input.number("threshold"))
            guard let jaccard = scores.jaccard, let missing = scores.missingRate, let redundant = scores.redundantRate,
                let precision = scores.precision, let recall = scores.recall
            else { return nil }
            var members: [(String, JSONValue?)] = [
                ("jaccard_index", .double(jaccard)), ("missing_rate", .double(missing)),
                ("redundant_rate", .double(redundant)), ("semantic_score", .double(scores.similarity)),
                ("time_diff", .double(scores.timeDifference)), ("precision", .double(precision)),
                ("recall", .double(recall)), ("F1", .double(scores.f1)), ("num_matched", .int(scores.matched)),
                ("num_mismatched", .int(scores.mismatched)), ("num_missed", .int(scores.missed)),
                ("num_redundant", .int(scores.redundant)),
            ]
            // Of no pair at all the text metrics are 0.
            for name in ["Bleu_1", "Bleu_2", "Bleu_3", "Bleu_4", "CIDEr"] where scores.matched == 0 {
                members += [(name, .int(0)), (name + "_w", .int(0))]
            }
            return .members(members)
        }
    }

    @Test func windowsFollowTheDataSet() throws {
        try GoldenCases.check("match_window") { one, _ in
            let window = MatchWindow.seconds(of: try one.input.text("name"))
            return .array([.double(window.before), .double(window.after)])
        }
    }

    @Test func textsAreScored() throws {
        try GoldenCases.check("text_scores") { one, _ in
            guard case .object(let references)? = one.input["references"] else { return nil }
            let pairs = try references.map { member in
                (
                    answer: try #require(one.input["answers"]).text(member.key),
                    reference: try #require(member.value.string)
                )
            }
            let bleu = BLEU(pairs)
            let cider = CIDEr(pairs)
            return .members([
                ("bleu", .array(bleu.corpus.map(JSONValue.double))),
                ("bleu_each", .array(bleu.each.map { .array($0.map(JSONValue.double)) })),
                ("cider", .double(cider.mean)), ("cider_each", .array(cider.each.map(JSONValue.double))),
            ])
        }
    }
}
