// SPDX-License-Identifier: Apache-2.0

import Codecs
import Conversations
import Dataflow
import ModelRequests
import Testing
import VideoAnnotations

@testable import Dialogues

@Suite struct RoundsGoldenTests {
    private static let requirements = Requirements(
        users: ["no_talk": "U0", "talk_some": "U1", "talk_more": "U2"], datasets: [:], before: "PREVIOUS:\n")

    private static func options() throws -> ModelOptions {
        var configuration = Configuration()
        configuration.set(ModelOptions.model, "m")
        configuration.set(ModelOptions.repair, false)
        return try ModelOptions(configuration)
    }

    private static func asking(more: String) throws -> RoundsConversation.Asking {
        let draft = """
            @system
            S1
            @user
            DIALOG|goal={{goal}}|steps={{steps}}|user={{user}}|more={{more}}|history={{history}}|from={{from}}|to={{to}}
            """
        var requirements = Self.requirements
        requirements.datasets["golden"] = more
        return RoundsConversation.Asking(
            options: try Self.options(),
            draft: try ConverseStep.template(FileReference(path: "d", content: draft), field: "d", required: "steps"),
            refine: try ConverseStep.template(
                FileReference(path: "r", content: "@system\nS2\n@user\nREFINE|{{dialogue}}"), field: "r",
                required: "dialogue"), requirements: requirements, manner: .original, stage: "s", topology: "t")
    }

    private static func dialogue(_ input: JSONValue, _ userType: String, _ ordinal: Int) throws -> Dialogue {
        let clips = try input.list("clips").map { clip in
            let clip = try #require(clip.array)
            return ActivityClip(
                span: Interval(clip[0].double ?? 0, clip[1].double ?? 0), text: clip[2].string ?? "", lines: [])
        }
        return Dialogue(
            about: Activity(
                dataset: "golden", domain: "", knowledgeType: "", videoUID: "v", goal: try input.text("goal"),
                stepDescriptions: "", lines: [], clips: clips, durationSec: 100, annotatedShare: 1, stepCount: 0,
                substepCount: 0), userType: userType, ordinal: ordinal)
    }

    /// All users' conversations side by side, in the order of the original's batches. Spacing comes after it.
    @Test func roundsFollowEachOther() throws {
        for one in try GoldenCases.all(of: "rounds") {
            guard let expected = one.output?.array else { continue }
            let users = try one.input.list("user_types").compactMap(\.string)
            let asking = try Self.asking(more: one.input["more"]?.string ?? "")
            var answers = try one.input.list("answers").compactMap(\.string)
            var talks = try users.enumerated().map { try Self.talk(one.input, $1, $0, asking) }
            var turns = talks.indices.map { talks[$0].begin() }
            var requests: [ChatRequest] = []
            while turns.contains(where: { if case .asks = $0 { true } else { false } }) {
                for index in talks.indices {
                    guard case .asks(let asked) = turns[index] else { continue }
                    requests += asked
                }
                for index in talks.indices {
                    guard case .asks(let asked) = turns[index], !asked.isEmpty else { continue }
                    try #require(!answers.isEmpty, "\(one)")
                    turns[index] = talks[index].take(.answer(try ChatAnswer(saying: answers.removeFirst())))
                }
            }
            #expect(
                requests.map { $0.messages.map { [$0.role.rawValue, $0.content] } }
                    == one.requests.map { $0["messages"]?.array?.map { $0.array?.compactMap(\.string) ?? [] } ?? [] },
                "\(one)")
            for (index, dialogue) in expected.enumerated() {
                let clips = try one.input.list("clips")
                guard !clips.isEmpty else { continue }
                let made = try #require(talks[index].outcome.outputs.first?.dialogue)
                let wanted = try dialogue.list("conversation").map { try $0.turn() }
                #expect(made.turns == Spacing.adjusted(wanted), "\(one)")
            }
        }
    }

    private static func talk(
        _ input: JSONValue, _ user: String, _ ordinal: Int, _ asking: RoundsConversation.Asking
    ) throws -> RoundsConversation {
        RoundsConversation(about: try Self.dialogue(input, user, ordinal), asking)
    }
}
