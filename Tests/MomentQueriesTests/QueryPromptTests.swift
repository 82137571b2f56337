// SPDX-License-Identifier: Apache-2.0

import Dataflow
import ModelRequests
import Records
import Testing
import VideoAnnotations

@testable import MomentQueries

@Suite struct QueryPromptTests {
    private func template(_ content: String) throws(ConfigurationError) -> QueryPrompt {
        try QueryPrompt(FileReference(path: "p.txt", content: content))
    }

    @Test func rendering() throws {
        let template = try self.template(
            """
            A comment with {{anything}}.
            @system

            Be brief.

            @user
            Example
            @assistant
            []
            @user
            {{narration_count}} notes ({{ narration_ids }}):
            {{narrations}}

            """)
        let block = makeBlock(["#C C opens the\ndoor ", "#O A man X waves"], firstIndex: 7)
        #expect(
            template.render(block) == [
                ChatMessage(role: .system, content: "Be brief."), ChatMessage(role: .user, content: "Example"),
                ChatMessage(role: .assistant, content: "[]"),
                ChatMessage(
                    role: .user, content: "2 notes (1, 2):\n[1] (me) opens the door\n[2] (a man) waves"),
            ])
    }

    @Test func constants() throws {
        let template = try self.template("@system\n{{templates}}\n{{schema}}\n@user\n{{narrations}}")
        let system = template.render(makeBlock(["#C C opens the door"]))[0].content
        for name in QueryTemplate.allCases.map(\.rawValue) { #expect(system.contains("- \(name)\n")) }
        #expect(system.hasSuffix(AnswerSchema.promptText))
    }

    @Test(arguments: [
        ("", "p.txt:1: no message"),
        ("just text {{narrations}}", "p.txt:1: no message"),
        ("@user\n{{narrations}}", "p.txt:2: the first message, and no other, must be `@system`"),
        ("@system\na\n@system\nb\n@user\n{{narrations}}", "the first message, and no other"),
        ("@system\n{{narrations}}\n@user\n{{narrations}}", "p.txt:2: the system message must be the same"),
        ("@system\na\n@user\nb", "p.txt:4: the last message must be `@user` and hold `{{narrations}}`"),
        ("@system\na\n@user\n{{narrations}}\n@assistant\nb", "the last message must be `@user`"),
        ("@system\na\n@user\nb\n{{narration}}", "p.txt:5: unknown placeholder `{{narration}}`; valid here: "),
        ("@system\na\n@user\n\n{{narrations", "p.txt:5: `{{` without `}}`"),
    ])
    func errors(content: String, message: String) {
        do {
            _ = try self.template(content)
            Issue.record("no error")
        } catch {
            #expect(error.field == "template")
            #expect(error.message.contains(message), "\(error)")
        }
    }

    @Test func theShippedPrompt() throws {
        let template = try QueryPrompt(try shippedPrompt())
        let first = template.render(makeBlock(["#C C opens the door"], firstIndex: 3))
        let second = template.render(makeBlock(["#C C takes a cup", "#C C fills it"], firstIndex: 9))
        #expect(first.first?.role == .system)
        #expect(first.dropLast() == second.dropLast())
        #expect(first.last?.content.hasSuffix("[1] (me) opens the door") == true)
        #expect(second.last?.content.hasSuffix("[1] (me) takes a cup\n[2] (me) fills it") == true)
        // Its examples are answers of the schema, each passing the validators for the notes it is about.
        for (question, answer) in zip(first.dropLast(), first.dropLast().dropFirst()) where answer.role == .assistant {
            try self.checkExample(question.content, answer.content)
        }
    }

    private func checkExample(_ question: String, _ answer: String) throws {
        var narrations: [Narration] = []
        for line in question.split(separator: "\n") where line.hasPrefix("[") {
            let parts = line.dropFirst().split(separator: "]", maxSplits: 1)
            let text = String(parts[1]).replacing(" (me) ", with: "#C C ").replacing(" (a man) ", with: "#O A man X ")
            narrations.append(
                Narration(
                    videoUID: "v", index: Int(parts[0]) ?? -1, timestampSec: 5, text: String(text),
                    window: Interval(4, 6)))
        }
        let block = Block(
            blockID: "b", videoUID: "v", pass: 1, clip: Clip(clipUID: "c", span: Interval(0, 9)),
            narrations: narrations,
            meanGapSec: nil)
        #expect(narrations.map(\.index) == Array(1...narrations.count))
        let parsed = AnswerParser.parse(answer, finishReason: "stop", ids: 1..<narrations.count + 1)
        #expect(parsed.form == .json && parsed.problems.isEmpty)
        let candidates = parsed.candidates.map {
            Candidate(narrationIDs: $0.ids, template: $0.template, query: $0.query)
        }
        #expect(candidates.count >= 4)
        var configuration = Configuration()
        configuration.set(ValidateOperator.firstWord, .strict)
        var validate = try ValidateOperator(configuration, OperatorContext(topologyHash: "t"))
        let output = run(&validate, [Answer(block: block, promptHash: "p", answerHash: "a", candidates: candidates)])
        #expect(output.notes.letters.map(\.message) == [])
        #expect(output.elements.count == candidates.count)
    }
}
