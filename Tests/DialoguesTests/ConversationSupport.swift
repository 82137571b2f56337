// SPDX-License-Identifier: Apache-2.0

import Codecs
import Conversations
import Dataflow
import ModelRequests
import Testing

@testable import Dialogues

extension ChatAnswer {
    /// The answer of a server that says a text.
    init(saying text: String, finishReason: String = "stop") throws {
        let body = JSONValue.members([
            (
                "choices",
                .array([
                    .members([
                        ("message", .members([("role", .string("assistant")), ("content", .string(text))])),
                        ("finish_reason", .string(finishReason)),
                    ])
                ])
            )
        ])
        try self.init(parsing: body.bytes)
    }
}

/// Holds a conversation with answers that are made of requests.
struct HeldConversation<Talk: Conversation> {
    private(set) var talk: Talk
    private(set) var requests: [ChatRequest] = []

    /// - Parameter answer: the answer to a request, by its number.
    init(_ talk: Talk, _ answer: (ChatRequest, Int) throws -> String) throws {
        var open = OpenConversation(talk)
        while let question = open.takeUnsent() {
            self.requests.append(question.request)
            let text = try answer(question.request, question.number)
            open.take(.answer(try ChatAnswer(saying: text)), to: question.number)
        }
        self.talk = open.talk
        #expect(open.isOver)
        #expect(Set(self.requests.map(\.seed)).count == self.requests.count, "two requests have the same seed")
    }
}

/// Configurations of steps.
enum StepConfiguration {
    static func model(_ values: (inout Configuration) -> Void = { _ in }) -> Configuration {
        var configuration = Configuration()
        configuration.set(Speaker.field, .openai)
        configuration.set(ModelOptions.model, "m")
        configuration.set(ModelOptions.temperature, 0.5)
        values(&configuration)
        return configuration
    }

    static func file(_ name: String, _ content: String) -> FileReference? {
        FileReference(path: name, content: content)
    }

    static var context: OperatorContext {
        var context = OperatorContext(topologyHash: "t")
        context.stage = "stage"
        return context
    }
}
