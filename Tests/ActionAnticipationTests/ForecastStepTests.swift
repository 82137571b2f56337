// SPDX-License-Identifier: Apache-2.0

import ActionForecasting
import Codecs
import Conversations
import Dataflow
import ModelRequests
import Records
import Testing

@testable import ActionAnticipation

/// The forecaster that asks a model, with a model that follows a script.
@Suite struct ForecastStepTests {
    private static let taxonomy = Taxonomy(
        verbs: ["put_(place,_leave,_drop)", "take_(pick,_grab)", "pick_up"], nouns: ["cup_(mug)", "bag_(bag,_sack)"])

    private static func step(samples: Int = 2) throws -> ForecastStep {
        var configuration = Configuration()
        let json = JSONValue.object([
            JSONValue.Member("verbs", .array(Self.taxonomy.verbs.map(JSONValue.string))),
            JSONValue.Member("nouns", .array(Self.taxonomy.nouns.map(JSONValue.string))),
        ])
        configuration.set(
            ForecastStep.taxonomy,
            FileReference(path: "t.json", content: String(decoding: json.bytes, as: UTF8.self)))
        configuration.set(
            ForecastStep.prompt,
            FileReference(
                path: "p.txt",
                content: "About.\n\n@system\nForecast.\n\n@user\n{{actions}}\nNext {{steps}}: {{verbs}}; {{nouns}}\n"))
        configuration.set(ForecastStep.provider, .openai)
        configuration.set(ModelOptions.model, "m")
        configuration.set(ModelOptions.samples, samples)
        configuration.set(ModelOptions.temperature, 0.5)
        return try ForecastStep(configuration, OperatorContext(topologyHash: "h"))
    }

    private static func window(labelled: Bool = true, digest: String? = nil) -> ActionWindow {
        let taxonomy = TaxonomySummary(digest: digest ?? Self.taxonomy.summary.digest, verbs: 3, nouns: 2)
        let segment = ActionSegment(
            rank: 0, startSec: 0, endSec: 8, verb: labelled ? 1 : nil, noun: labelled ? 0 : nil)
        return ActionWindow(
            key: "c_0",
            clip: ActionClip(clipUID: "c", videoUID: "v", split: "val", taxonomy: taxonomy, startSec: nil),
            inputs: [segment], futures: [segment, segment], isLast: true, topology: "")
    }

    private static func answer(_ text: String) throws -> ChatAnswer {
        let message = JSONValue.object([
            JSONValue.Member("role", .string("assistant")), JSONValue.Member("content", .string(text)),
        ])
        let choice = JSONValue.object([
            JSONValue.Member("message", message), JSONValue.Member("finish_reason", .string("stop")),
        ])
        return try ChatAnswer(parsing: JSONValue.object([JSONValue.Member("choices", .array([choice]))]).bytes)
    }

    /// Holds a conversation with a script.
    private static func talk(
        _ step: ForecastStep, _ window: ActionWindow, _ answers: [String]
    ) throws -> (outcome: Outcome<ActionForecast>, counts: [String: Int], requests: [ChatRequest]) {
        var talk = OpenConversation(step.conversation(about: window))
        var requests: [ChatRequest] = []
        while let question = talk.takeUnsent() {
            let text = answers[min(requests.count, answers.count - 1)]
            requests.append(question.request)
            talk.take(.answer(try Self.answer(text)), to: question.number)
        }
        return (talk.talk.outcome, talk.talk.counts, requests)
    }

    @Test func candidatesAreReadAndMatched() throws {
        let (outcome, counts, requests) = try Self.talk(
            try Self.step(), Self.window(),
            [
                #"{"actions":[{"verb":"grab","noun":"Mug"},{"verb":"put","noun":"bag_(bag,_sack)"}]}"#,
                #"{"actions":[{"verb":"pick up","noun":"sack"},{"verb":"fly","noun":"kite"}]}"#,
            ])
        #expect(outcome.failure == nil)
        #expect(
            outcome.outputs.map(\.candidates) == [
                [
                    [Action(verb: 1, noun: 0), Action(verb: 0, noun: 1)],
                    // Without an encoder, words that nobody knows take the labels before them.
                    [Action(verb: 2, noun: 1), Action(verb: 2, noun: 1)],
                ]
            ])
        #expect(counts["label.exact"] == 6 && counts["label.none"] == 2 && counts["label.nearest"] == nil)
        #expect(requests.count == 2 && Set(requests.compactMap(\.seed)).count == 2)
        let prompt = requests[0].messages.map { "\($0)" }.joined()
        #expect(prompt.contains("take cup") && prompt.contains("Next 2") && prompt.contains("put, take, pick up"))
        let forecast = try #require(outcome.outputs.first)
        #expect(ActionForecast(line: forecast.json) == forecast)
    }

    @Test func anAnswerOfAnotherFormIsAskedForAgainAndThenMissing() throws {
        let good = #"{"actions":[{"verb":"put","noun":"cup"},{"verb":"put","noun":"cup"}]}"#
        let (outcome, counts, requests) = try Self.talk(
            try Self.step(), Self.window(), ["no", good, #"{"actions":[]}"#])
        #expect(requests.count == 3 && counts["repairs"] == 1, "\(requests.count), \(counts)")
        // The second sample answered, the first did not: the challenge wants two all the same.
        #expect(outcome.outputs.first?.candidates.count == 2 && counts["candidate-repeated"] == 1)
        let failed = try Self.talk(try Self.step(), Self.window(), ["no"])
        #expect(failed.outcome.outputs.isEmpty && failed.outcome.failure?.reason == "unusable-answer")
    }

    @Test func whatCannotBeAskedAboutIsNotAskedAbout() throws {
        let step = try Self.step()
        let bare = try Self.talk(step, Self.window(labelled: false), ["x"])
        #expect(bare.requests.isEmpty && bare.outcome.failure?.reason == "unlabelled")
        let other = try Self.talk(step, Self.window(digest: "other"), ["x"])
        #expect(other.requests.isEmpty && other.outcome.failure?.reason == "other-taxonomy")
    }
}
