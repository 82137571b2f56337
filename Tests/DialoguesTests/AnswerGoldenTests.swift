// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import Records
import Testing

@testable import Dialogues

@Suite struct AnswerGoldenTests {
    /// The files of the functions of this room, and of the packers and sources beside it.
    @Test func everyFileIsOfAKnownFunction() throws {
        let known: Set<String> = [
            "parse_turns", "labels", "render_turns", "adjust_time", "goal_knowledge", "match_task", "video_label",
            "progress", "rounds", "wtag_task", "auto_score", "filter", "split", "turns_to_frames", "cut",
            "prepare_dialogs", "chat", "matching", "match_scores", "match_window", "text_scores", "judge_answer",
            "steps_ego4d", "steps_holoassist", "steps_egoexolearn", "steps_epickitchens", "steps_wtag",
            "steps_assembly101", "time_index", "clock_seconds", "frame_step", "resize_crop", "narration_text",
            "narration_frames", "pack_narrations", "ego4d_splits", "pack_captions", "pack_objects", "object_lists",
            "pack_actions",
        ]
        for file in try FileManager.default.contentsOfDirectory(atPath: GoldenCases.folder.path)
        where file.hasSuffix(".json") {
            let bytes = Bytes(try Data(contentsOf: GoldenCases.folder.appending(path: file)))
            let name = try JSONValue(parsing: bytes)["name"]?.string ?? ""
            #expect(known.contains(name), "\(file): nothing checks `\(name)`")
        }
    }

    @Test func turnsAreRead() throws {
        try GoldenCases.check("parse_turns", mayDepart: Self.mayReadOtherwise) { one, manner in
            let labelled = one.config["parse_labels"] == .bool(true)
            let text = try one.input.text("text")
            let reading =
                manner == .original
                ? try? TurnLines.readAsOriginal(text, labelled: labelled)
                : TurnLines.readLeniently(text, labelled: labelled)
            return reading.map { .array($0.turns.map { $0.value(labelled: labelled) }) }
        }
    }

    /// A line with a bracket that is not `[12.3s] Role: text` with at most one label behind; or, where labels are read,
    /// two turns of one moment, which are joined with the labels of both.
    private static func mayReadOtherwise(_ one: GoldenCases.Case) throws -> Bool {
        let lines = try one.input.text("text").split(separator: "\n").filter { $0.contains("[") }
        let strict = #/\[\d+(\.\d+)?s\] (User|Assistant): [^(\[\] ][^\[\]]*(\[[^\[\]|]*\|[^\[\]]*\] *)?/#.ignoresCase()
        if lines.contains(where: { $0.wholeMatch(of: strict) == nil }) { return true }
        let heads = lines.map { $0.prefix { $0 != ":" } }
        return one.config["parse_labels"] == .bool(true) && zip(heads, heads.dropFirst()).contains { $0 == $1 }
    }

    @Test func labelsAreRead() throws {
        try GoldenCases.check("labels") { one, _ in
            if let text = one.input["initiativity"]?.string {
                return Initiativity(lenient: text).map { .string($0.rawValue) }
            }
            let intents = Intent.all(in: try one.input.text("intention"))
            return .string(intents.map(\.rawValue).joined(separator: ","))
        }
    }

    @Test func turnsArePrinted() throws {
        var written = try Self.timesAsWritten()[...]
        try GoldenCases.check("render_turns", mayDepart: Self.mayHaveMoreDecimals) { one, manner in
            let turns = try one.input.list("turns").map { try $0.turn() }
            let labels = one.config["add_labels"] == .bool(true)
            let most = try one.config.whole("max_turns")
            guard manner == .original else { return .string(turns.printed(manner, labels: labels, most: most)) }
            // Times are numbers here; in a file the original tells whole ones from others.
            var texts = written.prefix(turns.count)
            written = written.dropFirst(turns.count)
            let half = most / 2
            if most > 0, turns.count > most { texts = (texts.prefix(half) + texts.suffix(half))[...] }
            return .string(
                turns.printed(labels: labels, most: most) { turn in
                    let isWhole = texts.removeFirst().allSatisfy(\.isNumber)
                    return isWhole ? String(Int(turn.time)) : PythonText.printed(turn.time)
                })
        }
    }

    /// The times of all turns, as the files have them.
    private static func timesAsWritten() throws -> [String] {
        let files = Set(try GoldenCases.all(of: "render_turns").map(\.file)).sorted()
        return try files.flatMap { file in
            try String(contentsOf: GoldenCases.folder.appending(path: file), encoding: .utf8)
                .matches(of: #/[^\\]"time": *([^,}\s]+)/#).map { String($0.1) }
        }
    }

    /// One decimal in prompts.
    private static func mayHaveMoreDecimals(_ one: GoldenCases.Case) throws -> Bool {
        let text = try #require(one.output?.string)
        return text.contains(#/\[[^\]]*s\]/#)
            && !text.split(separator: "\n").allSatisfy {
                $0 == "..." || $0.contains(#/^\[\d+\.\ds\]/#)
            }
    }

    @Test func goalsAreFound() throws {
        try GoldenCases.check("goal_knowledge") { one, _ in
            let merge = try #require(one.input["answers"]?.array?.last?.string)
            let drafts = try one.input.list("answers").dropLast().map { try #require($0.string) }
            let request = try #require(one.requests.last?["messages"]?.array?.last?.array?.last?.string)
            #expect(request.hasSuffix("|" + StageAnswers.listed(drafts, type: try one.input.text("type"))))
            return .array([.string(StageAnswers.goal(of: merge)), .string(merge)])
        }
    }

    @Test func tasksAreElected() throws {
        try GoldenCases.check("match_task", mayDepart: Self.mayElectNone) { one, manner in
            let tasks = try one.input.list("tasks").map { task in
                KnownTask(name: try task.text("name"), steps: try task.list("steps").map { try #require($0.string) })
            }
            let votes = try one.input.list("answers").compactMap { StageAnswers.task(in: $0.string ?? "") }
            return KnownTask.elected(by: votes, of: tasks, manner).map {
                .array([.string($0.name), .string($0.knowledge)])
            }
        }
    }

    /// A vote for a task that is not there.
    private static func mayElectNone(_ one: GoldenCases.Case) throws -> Bool {
        let count = try one.input.list("tasks").count
        return try one.input.list("answers").contains { answer in
            StageAnswers.task(in: answer.string ?? "").map { $0 < 1 || $0 > count } ?? false
        }
    }

    @Test func videosAreLabelled() throws {
        try GoldenCases.check("video_label") { one, _ in
            let answers = try one.input.list("answers").map { try #require($0.string) }
            let votes = StageAnswers.Votes(answers.compactMap(StageAnswers.label))
            guard let winner = votes.winner else { return nil }
            return .members([
                ("votes", .object(votes.counts.map { JSONValue.Member("\($0.choice)", .int($0.count)) })),
                ("label", .int(winner.choice)), ("count", .int(winner.count)),
                ("kept", .bool(StageAnswers.isUsable(votes, of: try one.config.whole("n")))),
            ])
        }
    }

    @Test func progressIsRead() throws {
        // Words behind a second colon.
        let mayDepart = { (one: GoldenCases.Case) in
            try one.input.list("answers").contains { ($0.string ?? "").contains(#/SUMMARY:[^\n]*:/#) }
        }
        try GoldenCases.check("progress", mayDepart: mayDepart) { one, manner in
            var turns = try one.input.list("turns").map { try $0.turn() }
            let answers = try one.input.list("answers").map { try #require($0.string) }
            let spoken = turns.indices.filter { turns[$0].role == .assistant }
            for (index, answer) in zip(spoken, answers) {
                guard let summary = StageAnswers.summary(in: answer, manner) else { return nil }
                turns[index].progress = StageAnswers.progress(summary, at: turns[index].time)
            }
            for (index, request) in zip(spoken, one.requests) where manner == .original {
                let text = request["messages"]?.array?.last?.array?.last?.string
                #expect(text == "SUMMARY|" + Array(turns[...index]).printed(.original), "\(one)")
            }
            return .array(turns.map { $0.value(labelled: true) })
        }
    }

    @Test func tasksOfWTaGAreKnownByAWord() throws {
        try GoldenCases.check("wtag_task") { one, _ in .string(KnownTask.wtagGoal(of: try one.input.text("steps"))) }
    }

    @Test func turnsArePutApart() throws {
        try GoldenCases.check("adjust_time") { one, _ in
            let turns = try one.input.list("turns").map { try $0.turn() }
            let shift = try one.config.number("shift")
            return .array(Spacing.adjusted(turns, shift: shift).map { $0.value(labelled: false, content: false) })
        }
    }

    @Test func judgementsAreRead() throws {
        try GoldenCases.check("judge_answer") { one, _ in JudgeLine.scores(in: try one.input.text("text")) }
    }
}
