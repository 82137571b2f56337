// SPDX-License-Identifier: Apache-2.0

import Codecs
import Testing
import VideoAnnotations

@testable import Dialogues

@Suite struct ScoringGoldenTests {
    @Test func dialoguesAreScored() throws {
        try GoldenCases.check("auto_score", mayDepart: Self.mayHaveOtherBrackets) { one, manner in
            let text = try one.input.text("all_step_descriptions")
            let times =
                manner == .original
                ? TimeScore.LineTimes(inBracketsOf: text) : TimeScore.LineTimes(of: Self.lines(of: text))
            guard let times, !times.starts.isEmpty else { return nil }
            let dialogues = try one.input.list("conversations").map { try #require($0.array).map { try $0.turn() } }
            return .array(
                dialogues.compactMap { turns in
                    TimeScore(turns, against: times).map { score in
                        .members([
                            ("avg_time_diff_p", .number(score.turnDistance)),
                            ("avg_time_diff_r", .number(score.lineDistance)),
                            ("no_resp_penalty", .number(score.penalty)), ("no_resp_user_turns", .int(score.unanswered)),
                            ("final_score", .number(score.total)),
                        ])
                    }
                })
        }
    }

    /// The lines that the text was printed from.
    private static func lines(of text: String) -> [ActivityLine] {
        text.split(separator: "\n").compactMap { line in
            guard let match = line.firstMatch(of: #/^( - )?\[(\d+\.\d)s(?:-(\d+\.\d)s)?\] (.*)/#),
                let start = Double(match.2)
            else { return nil }
            return ActivityLine(
                level: match.1 == nil ? .step : .substep, start: start, end: match.3.flatMap { Double($0) },
                text: String(match.4))
        }
    }

    /// Times come from the data: brackets within a text are none.
    private static func mayHaveOtherBrackets(_ one: GoldenCases.Case) throws -> Bool {
        let lines = try one.input.text("all_step_descriptions").split(separator: "\n").filter { $0.contains("[") }
        return lines.contains { $0.wholeMatch(of: #/( - )?\[\d+\.\ds(-\d+\.\ds)?\] [^\[]*/#) == nil }
    }

    @Test func dialoguesAreChosen() throws {
        try GoldenCases.check("filter", mayDepart: Self.mayChooseOtherwise) { one, manner in
            let isTrain = try one.config.text("for") == "train"
            let least = try one.config.number("min_score")
            let ratio = one.config["sampling_ratio"]?.double ?? 1
            return .array(
                try one.input.list("data").compactMap { video in
                    let dialogues = try video.list("conversations")
                    let candidates = try dialogues.map { dialogue in
                        Choosing.Candidate(
                            userType: try dialogue.text("user_type"),
                            score: try #require(dialogue["auto_quality_eval"]).number("final_score"))
                    }
                    var kept: [Int]
                    if !isTrain {
                        kept = Choosing.evaluated(candidates, least: least, manner)
                    } else if manner == .original {
                        kept = Choosing.trainedAsOriginal(candidates, least: least, ratio: ratio)
                    } else {
                        kept = Choosing.trained(candidates, least: least, ratio: ratio).kept
                    }
                    guard !kept.isEmpty else { return nil }
                    return .members([
                        ("video_uid", video["video_uid"]), ("ids", .array(kept.compactMap { dialogues[$0]["id"] })),
                    ])
                })
        }
    }

    /// For training the best come first, and weights stand for copies; a score that is no number reaches nothing.
    private static func mayChooseOtherwise(_ one: GoldenCases.Case) throws -> Bool {
        let videos = try one.input.list("data")
        let isTrain = try one.config.text("for") == "train"
        let least = try one.config.number("min_score")
        if isTrain, try one.config.number("sampling_ratio") >= 2 { return true }
        return try videos.contains { video in
            var byType: [String: Set<Double>] = [:]
            for dialogue in try video.list("conversations") {
                let score = try #require(dialogue["auto_quality_eval"]).number("final_score")
                if score.isNaN { return true }
                guard score >= least, isTrain else { continue }
                byType[try dialogue.text("user_type"), default: []].insert(score)
            }
            return isTrain && byType.values.contains { $0.count > 1 }
        }
    }

    /// The original's split follows from Python's random numbers, which are not repeated here: departed as a whole but
    /// for what a given file says.
    @Test func splitsAreDrawnBySession() throws {
        for one in try GoldenCases.all(of: "split") {
            for uid in try one.input.list("video_uids").compactMap(\.string) {
                let split = Choosing.evaluationSplit(of: uid)
                #expect(["val", "test"].contains(split))
                #expect(split == Choosing.evaluationSplit(of: uid))
            }
        }
        let splits = (0..<2_000).map { Choosing.evaluationSplit(of: "session-\($0)") }
        #expect((900...1_100).contains(splits.count { $0 == "val" }))
    }
}
