// SPDX-License-Identifier: Apache-2.0

import Codecs
import Conversations
import Dataflow
import ModelRequests
import Records
import Synchronization
import Testing

/// A remark that can be judged.
struct Remark: Judgeable, Hashable {
    static let typeName = "remark"
    static let schemaVersion = 1
    static let rubricSubject = "remark"
    static var rubricPlaceholders: [PromptTemplate<Remark>.Placeholder] { [.about("remark") { $0.text }] }

    var text: String
    var scores: JudgeScores?
    var judgeID: String { ContentHash.sha256(self.text) }

    init(_ text: String, scores: JudgeScores? = nil) {
        self.text = text
        self.scores = scores
    }

    init(json: inout JSONScanner) throws(JSONError) {
        self.init("")
        try json.beginObject()
        while let key = try json.nextKey() {
            if key == "text" {
                self.text = try json.string()
            } else if key == "scores" {
                self.scores = try JudgeScores(json: &json)
            } else {
                try json.skip()
            }
        }
    }

    func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("text", self.text)
        if let scores {
            json.key("scores")
            scores.write(to: &json)
        }
        json.endObject()
    }
}

/// A judge that says what a script tells it to.
private final class ScriptedJudge: CompletionSource, CompletionProvider {
    private let script: @Sendable (ChatRequest) -> String
    private let log = Mutex<[ChatRequest]>([])

    init(_ script: @escaping @Sendable (ChatRequest) -> String) { self.script = script }

    var requests: [ChatRequest] { self.log.withLock { $0 } }
    func source(for endpoint: ModelEndpoint) -> any CompletionSource { self }
    func kept(_ request: ChatRequest) -> Completion? { nil }

    func complete(_ request: ChatRequest, record: Int) async throws(CompletionFailure) -> Completion {
        self.log.withLock { $0.append(request) }
        return Completion(.saying(self.script(request)), call: ModelCall())
    }
}

@Suite("The judge") struct JudgeTests {
    private static let rubric = FileReference(
        path: "prompts/judge.txt",
        content: """
            @system
            Judge remarks from {{lowest}} to {{highest}}.
            clear: anyone understands it.
            short: it has few words.
            {{criteria}}
            {{schema}}
            @user
            {{remark}}
            """)

    private func configuration(_ change: (inout Configuration) -> Void = { _ in }) -> Configuration {
        var configuration = Configuration()
        configuration.set(JudgeStep<Remark>.rubric, Self.rubric)
        configuration.set(JudgeStep<Remark>.criteria, ["clear", "short"])
        configuration.set(ModelOptions.model, "m")
        change(&configuration)
        return configuration
    }

    private func judge(
        _ remark: Remark, by judge: ScriptedJudge, _ change: (inout Configuration) -> Void = { _ in }
    ) async throws -> Collector<Remark> {
        var context = OperatorContext(topologyHash: "t")
        context.stage = "judged"
        context.services.set(judge, as: (any CompletionProvider).self)
        let step = try ConversationOperator<JudgeStep<Remark>>(self.configuration(change), context)
        var output = Collector<Remark>(step: "judge")
        try await step.answer(Element(key: nil, value: remark, origin: 5), into: &output)
        return output
    }

    private static func says(_ clear: Int, _ short: Int) -> String {
        #"{"reason":"so","scores":{"clear":\#(clear),"short":\#(short)}}"#
    }

    @Test("Scores travel with the record; other judges' scores stay")
    func scores() async throws {
        let judge = ScriptedJudge { _ in Self.says(4, 2) }
        let remark = Remark("hello", scores: JudgeScores(["kind": 1, "clear": 1]))
        let output = try await self.judge(remark, by: judge)
        #expect(
            output.elements.map(\.value) == [Remark("hello", scores: JudgeScores(["kind": 1, "clear": 4, "short": 2]))])
        #expect(output.notes.letters.isEmpty && output.notes.counts["calls"] == 1)
        let text = String(decoding: output.elements[0].value.json, as: UTF8.self)
        #expect(text == #"{"text":"hello","scores":{"clear":4.0,"kind":1.0,"short":2.0}}"#)
        let back = try JSONScanner.scan(Bytes(text.utf8)) { json throws(JSONError) in try Remark(json: &json) }
        #expect(back == output.elements[0].value)
        let request = judge.requests[0]
        #expect(request.schema?.contains(#""clear":{"type":"integer","enum":[1,2,3,4,5]}"#) == true)
        #expect(request.messages[0].content.hasPrefix("Judge remarks from 1 to 5."))
        #expect(request.seed == nil && request.sample == nil)
    }

    @Test("A score below the threshold rejects, with the scores in the envelope")
    func threshold() async throws {
        let output = try await self.judge(Remark("long"), by: ScriptedJudge { _ in Self.says(3, 2) }) {
            $0.set(JudgeStep<Remark>.threshold, 2.5)
        }
        #expect(output.elements.isEmpty)
        let letter = try #require(output.notes.letters.first)
        #expect(output.notes.letters.count == 1 && letter.kind == .rejected && letter.reason == "low-score")
        #expect(letter.message == "clear 3, short 2 (below 2.5)" && letter.origin == 5)
        #expect(
            letter.value.map { String(decoding: $0, as: UTF8.self) }
                == #"{"text":"long","scores":{"clear":3.0,"short":2.0}}"#)
        #expect(output.notes.counts["low-score.short"] == 1 && output.notes.counts["low-score.clear"] == nil)
    }

    @Test(
        "Several opinions become one: their mean, or what most say, the lowest of several",
        arguments: [
            (JudgeRules.Combination.mean, [1, 2, 5, 4], 3.0), (.majority, [1, 2, 2, 4], 2),
            (.majority, [5, 5, 1, 1], 1),
            (.majority, [5, 4, 3, 2], 2), (.mean, [5, 4, 4], 13.0 / 3),
        ])
    func combined(_ combination: JudgeRules.Combination, _ given: [Int], _ expected: Double) async throws {
        let judge = ScriptedJudge { Self.says(given[($0.sample ?? 1) - 1], 3) }
        let output = try await self.judge(Remark("hello"), by: judge) {
            $0.set(JudgeStep<Remark>.combine, combination)
            $0.set(ModelOptions.samples, given.count)
            $0.set(ModelOptions.temperature, 1)
        }
        #expect(output.elements.first?.value.scores == JudgeScores(["clear": expected, "short": 3]))
        let seeds = given.indices.map {
            Sampling(record: Remark("hello").judgeID, stage: "judged", ordinal: $0 + 1).seed(round: 0)
        }
        #expect(Set(judge.requests.compactMap(\.seed)) == Set(seeds))
    }

    @Test(
        "A judge that never parses makes a dead letter, after one more try",
        arguments: [
            ("I like it.", "answer.no-object"), (#"{"scores":{"clear":4,"short":3}}"#, "answer.misfit"),
            (#"{"reason":"so","scores":{"clear":4}}"#, "answer.misfit"),
            (#"{"reason":"so","scores":{"clear":4,"short":6}}"#, "answer.misfit"),
            (#"{"reason":"so","scores":{"clear":4,"short":2.5}}"#, "answer.misfit"),
            (#"{"reason":"so","scores":{"clear":4,"short":"good"}}"#, "answer.misfit"),
            (#"{"reason":"so","scores":[4,3]}"#, "answer.misfit"), ("", "answer.empty-answer"),
        ])
    func neverParses(text: String, code: String) async throws {
        let judge = ScriptedJudge { _ in text }
        let output = try await self.judge(Remark("hello"), by: judge)
        #expect(output.elements.isEmpty && judge.requests.count == 2)
        #expect(output.notes.letters.map(\.reason) == ["not-judged"] && output.notes.letters.map(\.kind) == [.dead])
        #expect(output.notes.letters[0].message.hasPrefix("1 of 1 judgements cannot be used"))
        #expect(output.notes.counts[code] == 2 && output.notes.counts["repairs"] == 1)
        #expect(judge.requests[1].messages.last?.content.contains("\"scores\"") == true, "it is told the form again")
    }

    @Test("A score out of range is told, and mended in a second turn")
    func mended() async throws {
        let judge = ScriptedJudge { $0.messages.count > 2 ? Self.says(4, 5) : Self.says(4, 9) }
        let output = try await self.judge(Remark("hello"), by: judge)
        #expect(output.elements.first?.value.scores == JudgeScores(["clear": 4, "short": 5]))
        let told = judge.requests[1].messages.last?.content ?? ""
        #expect(told.contains("`scores.short` must be one of 1, 2, 3, 4, 5."))
    }

    @Test("More than half of the opinions have to be usable")
    func half() async throws {
        for (broken, passes) in [(1, true), (2, false)] {
            let judge = ScriptedJudge { ($0.sample ?? 0) <= broken ? "what?" : Self.says(4, 4) }
            let output = try await self.judge(Remark("hello"), by: judge) {
                $0.set(ModelOptions.samples, 4)
                $0.set(ModelOptions.repair, false)
            }
            #expect(output.elements.isEmpty != passes)
            #expect(output.notes.letters.map(\.reason) == (passes ? [] : ["not-judged"]))
            #expect(output.notes.counts["sample-failed.unusable-answer"] == broken)
        }
    }

    @Test(
        "What a topology gets wrong is said with its field",
        arguments: [
            ("criteria", "1 to 16 names"), ("twice", "`clear` is there twice"), ("name", "`Very clear` is no name"),
            ("unexplained", "says nothing about `kind`"), ("scale", "must be above `lowest` (5)"),
            ("threshold", "9.0 is not on the scale of 1 to 5"), ("subject", "hold `{{remark}}`"),
            ("model", "it is missing"),
            ("placeholder", "unknown placeholder `{{query}}`"),
        ])
    func misuse(what: String, message: String) {
        let configuration = self.configuration { configuration in
            switch what {
            case "criteria": configuration.set(JudgeStep<Remark>.criteria, [])
            case "twice": configuration.set(JudgeStep<Remark>.criteria, ["clear", "clear"])
            case "name": configuration.set(JudgeStep<Remark>.criteria, ["Very clear"])
            case "unexplained": configuration.set(JudgeStep<Remark>.criteria, ["clear", "kind"])
            case "scale": configuration.set(JudgeStep<Remark>.lowest, 5)
            case "threshold": configuration.set(JudgeStep<Remark>.threshold, 9)
            case "model": configuration.set(ModelOptions.model, "")
            default:
                var file = Self.rubric
                let other = what == "subject" ? "nothing" : "{{query}}"
                file.content = file.content.replacing("{{remark}}", with: other)
                configuration.set(JudgeStep<Remark>.rubric, file)
            }
        }
        do throws(ConfigurationError) {
            _ = try ConversationOperator<JudgeStep<Remark>>(configuration, OperatorContext(topologyHash: "t"))
            Issue.record("no error")
        } catch {
            #expect(error.message.contains(message), "\(error)")
            #expect(error.field != nil)
        }
    }

    @Test("Several samples at temperature 0 are worth a warning")
    func warning() {
        let warn = JudgeStep<Remark>.specification.warnings
        #expect(warn(self.configuration()).isEmpty)
        #expect(warn(self.configuration { $0.set(ModelOptions.samples, 3) }).map(\.field) == ["samples"])
        let warm = self.configuration {
            $0.set(ModelOptions.samples, 3)
            $0.set(ModelOptions.temperature, 0.5)
        }
        #expect(warn(warm).isEmpty)
    }
}
