// SPDX-License-Identifier: Apache-2.0

import Codecs
import Conversations
import Dataflow
import Foundation
import ModelRequests
import Records
import Synchronization
import Testing
import VideoAnnotations

@testable import MomentQueries

/// A judge of queries that says what it is told to, and notes what it was shown.
private final class ScriptedJudge: CompletionSource, CompletionProvider {
    private let answer: ChatAnswer
    private let log = Mutex<[ChatRequest]>([])

    init(_ text: String) throws {
        var json = JSONWriter()
        json.beginObject()
        json.key("choices")
        json.beginArray()
        json.beginObject()
        json.key("message")
        ChatMessage(role: .assistant, content: text).write(to: &json)
        json.field("finish_reason", "stop")
        json.endObject()
        json.endArray()
        json.endObject()
        self.answer = try ChatAnswer(parsing: json.bytes)
    }

    var requests: [ChatRequest] { self.log.withLock { $0 } }
    func source(for endpoint: ModelEndpoint) -> any CompletionSource { self }
    func kept(_ request: ChatRequest) -> Completion? { nil }

    func complete(_ request: ChatRequest, record: Int) async throws(CompletionFailure) -> Completion {
        self.log.withLock { $0.append(request) }
        return Completion(self.answer, call: ModelCall())
    }
}

/// `validate` → `judge` → `format`.
@Suite struct JudgedQueryTests {
    private static let scores = #"{"reason":"fine","scores":{"natural":4,"specific":5,"grounded":3}}"#

    private let block = makeBlock(
        ["#C C takes a red cup", "#C C puts the knife in the drawer", "#C C washes a plate"], firstIndex: 20)

    private func queries(carrying: Bool?, others: Bool = false) throws -> [Query] {
        var configuration = Configuration()
        configuration.set(ValidateOperator.carryOthers, others)
        if let carrying { configuration.set(ValidateOperator.carryNarrations, carrying) }
        var step = try ValidateOperator(configuration, OperatorContext(topologyHash: "t"))
        let candidate = Candidate(
            narrationIDs: [21], template: QueryTemplate.whereDidIPut.rawValue, query: "Where did I put the knife?")
        let answer = Answer(block: self.block, promptHash: "p", answerHash: "a", candidates: [candidate])
        return run(&step, [answer]).elements.map(\.value)
    }

    private static func shippedRubric(_ name: String = "judge-query") throws -> FileReference {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let path = "topologies/prompts/\(name).txt"
        return FileReference(
            path: path, content: try String(contentsOf: root.appending(path: path), encoding: .utf8))
    }

    private func judge(
        _ query: Query, by judge: ScriptedJudge, _ change: (inout Configuration) -> Void = { _ in }
    ) async throws -> Collector<Query> {
        var configuration = Configuration()
        configuration.set(JudgeStep<Query>.rubric, try Self.shippedRubric())
        configuration.set(JudgeStep<Query>.criteria, ["natural", "specific", "grounded"])
        configuration.set(ModelOptions.model, "m")
        change(&configuration)
        var context = OperatorContext(topologyHash: "t")
        context.services.set(judge, as: (any CompletionProvider).self)
        var output = Collector<Query>(step: "judge")
        try await ConversationOperator<JudgeStep<Query>>(configuration, context).answer(element(query), into: &output)
        return output
    }

    private func samples(_ queries: [Query]) throws -> [Sample] {
        var format = try FormatQueryOperator(Configuration(), OperatorContext(topologyHash: "t"))
        return run(&format, queries).elements.map(\.value)
    }

    @Test("The shipped rubric shows the judge the narrations that the window covers, and no others")
    func shownNarrations() async throws {
        let query = try #require(try self.queries(carrying: true).first)
        #expect(query.narrations == ["(me) puts the knife in the drawer"])
        #expect(try roundTrip(query) == query)
        let judge = try ScriptedJudge(Self.scores)
        let output = try await self.judge(query, by: judge)
        #expect(output.elements.count == 1 && judge.requests.count == 1)
        let shown = judge.requests[0].messages.last?.content ?? ""
        #expect(shown == "Narrated:\n- (me) puts the knife in the drawer\n\nQuestion: Where did I put the knife?")
        var wide = query
        wide.window = Interval(0, 480)
        wide.narrations = ["(me) takes a red cup", "(me) washes a plate"]
        _ = try await self.judge(wide, by: judge)
        #expect(
            judge.requests[1].messages.last?.content.contains("- (me) takes a red cup\n- (me) washes a plate") == true)
    }

    @Test("The rubric of moments shows what was narrated around the window, too, and wants a query that says it")
    func shownOthers() async throws {
        let moment = try Self.shippedRubric("judge-moment")
        let change = { (configuration: inout Configuration) in
            configuration.set(JudgeStep<Query>.rubric, moment)
            configuration.set(JudgeStep<Query>.criteria, ["answerable", "unique", "natural"])
        }
        let query = try #require(try self.queries(carrying: true, others: true).first)
        #expect(query.others == ["(me) takes a red cup", "(me) washes a plate"])
        #expect(try roundTrip(query) == query)
        let judge = try ScriptedJudge(#"{"reason":"fine","scores":{"natural":4,"answerable":5,"unique":3}}"#)
        let output = try await self.judge(query, by: judge, change)
        #expect(output.elements.first?.value.scores?.values == ["natural": 4, "answerable": 5, "unique": 3])
        let shown = judge.requests.first?.messages.last?.content ?? ""
        #expect(shown.contains("moment (2.0 seconds):\n- (me) puts the knife in the drawer\n"))
        #expect(shown.contains("around it:\n- (me) takes a red cup\n- (me) washes a plate\n"))

        let without = try #require(try self.queries(carrying: true).first)
        let failed = try await self.judge(without, by: judge, change)
        #expect(failed.elements.isEmpty && failed.notes.letters.first?.message.contains("carry-others") == true)
        var alone = query
        alone.others = []
        _ = try await self.judge(alone, by: judge, change)
        #expect(judge.requests.last?.messages.last?.content.contains("around it:\nnothing\n") == true)
    }

    @Test(
        "A query that carries none is no record for a rubric that shows them: nobody is asked, and the remedy is said")
    func noNarrations() async throws {
        let judge = try ScriptedJudge(Self.scores)
        for query in try self.queries(carrying: nil) + self.queries(carrying: false) {
            let text = String(decoding: query.json, as: UTF8.self)
            #expect(query.narrations == nil && !text.contains("narrations\":[\""))
            let output = try await self.judge(query, by: judge)
            #expect(output.elements.isEmpty && output.notes.letters.map(\.reason) == ["no-narrations"])
            #expect(output.notes.letters[0].kind == .dead)
            #expect(output.notes.letters[0].message.contains("`carry-narrations: true`"))
        }
        #expect(judge.requests.isEmpty)
        // A rubric that does not show them judges it.
        let query = try #require(try self.queries(carrying: nil).first)
        let output = try await self.judge(query, by: judge) { configuration in
            var rubric = configuration[JudgeStep<Query>.rubric]
            rubric.content = rubric.content.replacing("{{narrations}}", with: "")
            configuration.set(JudgeStep<Query>.rubric, rubric)
        }
        #expect(output.elements.count == 1)
    }

    @Test("Scores travel into the sample; where no judge stood in the way there is no such field")
    func scoresInSamples() async throws {
        let plain = try self.queries(carrying: nil)
        let unjudged = try #require(try self.samples(plain).first)
        let bytes = String(decoding: unjudged.json, as: UTF8.self)
        #expect(unjudged.scores == nil && !bytes.contains("scores") && !bytes.contains("narrations\":[\""))
        let query = try #require(try self.queries(carrying: true).first)
        #expect(try self.samples([query]).map(\.json) == [unjudged.json], "nor do narrations reach a sample")
        let judged = try await self.judge(query, by: try ScriptedJudge(Self.scores)).elements.map(\.value)
        let sample = try #require(try self.samples(judged).first)
        #expect(sample.scores == JudgeScores(["natural": 4, "specific": 5, "grounded": 3]))
        #expect(try roundTrip(sample) == sample)
        let text = String(decoding: sample.json, as: UTF8.self)
        let field = #""scores":{"grounded":3.0,"natural":4.0,"specific":5.0},"#
        #expect(text.contains(field) && text.replacing(field, with: "") == bytes, "all else is the same")
        #expect(try NLQSample(line: sample.json).query == "Where did I put the knife?", "and the export reads it")
    }

    @Test("A judge that never parses makes a dead letter, and no sample")
    func neverParses() async throws {
        let query = try #require(try self.queries(carrying: true).first)
        let judge = try ScriptedJudge("Lovely question!")
        let output = try await self.judge(query, by: judge)
        #expect(output.elements.isEmpty && output.notes.letters.map(\.reason) == ["not-judged"])
        #expect(output.notes.letters.map(\.kind) == [.dead] && judge.requests.count == 2)
        #expect(try self.samples(output.elements.map(\.value)).isEmpty)
    }

    @Test("A query below the threshold goes to the rejects with its scores, its narrations and no sample")
    func rejected() async throws {
        let query = try #require(try self.queries(carrying: true).first)
        let output = try await self.judge(query, by: try ScriptedJudge(Self.scores)) {
            $0.set(JudgeStep<Query>.threshold, 3.5)
        }
        let letter = try #require(output.notes.letters.first)
        #expect(output.elements.isEmpty && letter.kind == .rejected && letter.reason == "low-score")
        let value = letter.value.map { String(decoding: $0, as: UTF8.self) } ?? ""
        #expect(value.contains(#""grounded":3.0"#) && value.contains("puts the knife"))
    }
}
