// SPDX-License-Identifier: Apache-2.0

import Codecs
import Conversations
import Dataflow
import Records
import Testing
import VideoAnnotations

@testable import MomentQueries

@Suite struct PromptAndLLMTests {
    private func prompt() throws -> PromptOperator {
        var configuration = Configuration()
        configuration.set(PromptOperator.template, try shippedPrompt())
        return try PromptOperator(configuration, OperatorContext(topologyHash: "t"))
    }

    @Test func promptKeepsTheBlock() throws {
        var step = try self.prompt()
        let block = makeBlock(["#C C opens the door"])
        let output = run(&step, [block])
        #expect(output.elements.map(\.value.block) == [block])
        #expect(output.elements.first?.key == Bytes("video".utf8))
        #expect(output.elements.first?.origin == 7)
        #expect(output.elements.first?.value.promptHash.count == 64)
    }

    @Test func anUnreadableTemplateIsAConfigurationError() {
        var configuration = Configuration()
        configuration.set(PromptOperator.template, FileReference(path: "x.txt", content: "nothing"))
        #expect(throws: ConfigurationError.self) {
            try PromptOperator(configuration, OperatorContext(topologyHash: "t"))
        }
    }

    @Test func rulesAnswerAtOnce() async throws {
        var prompt = try self.prompt()
        let block = makeBlock(["#C C opens the drawer", "#C C looks around"], firstIndex: 4)
        let prompted = run(&prompt, [block]).elements[0]
        let step = try ConversationOperator<QueryStep>(Configuration(), OperatorContext(topologyHash: "t"))
        var output = Collector<Answer>(step: "llm")
        let rest = step.begin(prompted, until: nil, into: &output)
        #expect(rest == nil)
        let answer = output.elements[0].value
        #expect(answer.candidates == RuleWriter().write(about: block).candidates)
        #expect(answer.gaps == [AnswerGap(narrationID: 5, reason: "no-object")])
        #expect(answer.promptHash == prompted.value.promptHash)
        #expect(answer.answerHash == ContentHash.sha256(Candidate.json(answer.candidates)))
        #expect(output.notes.counts == ["no-query.no-object": 1])
        #expect(output.elements[0].origin == prompted.origin)

        var later = Collector<Answer>(step: "llm")
        try await step.answer(prompted, into: &later)
        #expect(later.elements.map(\.value) == [answer])
    }

    @Test func registration() {
        var registry = OperatorRegistry()
        registerMomentQueries(in: &registry)
        #expect(registry.names == ["balance", "format", "judge", "llm", "prompt", "validate"])
        let types = registry.overloads.map { "\($0.input.name) → \($0.output.name)" }
        #expect(
            types == [
                "block → prompt", "prompt → answer", "answer → query", "query → query", "query → query",
                "query → sample",
                "narration → sample",
            ])
        #expect(registry.overloads.map(\.isAsynchronous) == [false, true, false, true, false, false, false])
        #expect(registry.overloads.map(\.specification.isStateful) == [false, false, true, false, true, false, true])
        for field in registry.overloads.flatMap(\.specification.fields) { #expect(!field.help.isEmpty) }
    }
}
