// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Foundation
import ModelRequests
import Testing
import VideoAnnotations

@testable import MomentQueries

@Suite struct QueryWishesTests {
    private static let texts = [
        "#C C puts the red cup in the drawer", "#C C looks around", "#C C picks up his phone",
        "#C C gives the knife to the man", "#C C breaks two eggs",
    ]
    private let wishes = QueryWishes(.humanTrain)

    private func reading(_ id: String, _ texts: [String] = texts) -> BlockReading {
        BlockReading(makeBlock(texts, id: id))
    }

    private static func prompt() throws -> FileReference {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let content = try String(contentsOf: root.appending(path: "topologies/prompts/nlq-wishes.txt"), encoding: .utf8)
        return FileReference(path: "prompts/nlq-wishes.txt", content: content)
    }

    private func step(_ change: (inout Configuration) throws -> Void) throws -> PromptOperator {
        var configuration = Configuration()
        try change(&configuration)
        return try PromptOperator(configuration, OperatorContext(topologyHash: "t"))
    }

    @Test("A wish is of a template that the note supports; notes that support none have none")
    func supported() {
        for number in 0..<60 {
            let wishes = self.wishes.wishes(for: self.reading("b\(number)"))
            #expect(wishes.map(\.id) == [1, 3, 4, 5])
            #expect(self.wishes.wishes(for: self.reading("b\(number)")) == wishes)
            let people: Set<QueryTemplate> = [.whoDidIInteractWith, .whoDidITalkTo, .whenDidIInteract]
            #expect(wishes.filter { people.contains($0.template) }.allSatisfy { $0.id == 4 })
            #expect(wishes.filter { $0.template == .howMany }.allSatisfy { $0.id == 5 })
            #expect(wishes.filter { $0.template == .whereIsMyObject }.allSatisfy { $0.id == 3 })
            #expect(wishes.allSatisfy { !$0.isPresent || !$0.saysI })
        }
    }

    @Test("Wishes come by the reference's shares, and their forms by people's")
    func shares() {
        var templates: [QueryTemplate: Int] = [:]
        var without = 0
        for number in 0..<3_000 {
            guard let wish = self.wishes.wishes(for: self.reading("b\(number)", [Self.texts[0]])).first else {
                continue
            }
            templates[wish.template, default: 0] += 1
            if !wish.saysI { without += 1 }
        }
        let human = ComparedQueries.templates(of: .humanTrain)
        let all = templates.keys.reduce(0) { $0 + (human[$1] ?? 0) }
        #expect(templates.count > 5)
        for (template, count) in templates {
            #expect(abs(Double(count) / 3_000 - (human[template] ?? 0) / all) < 0.04, "\(template)")
        }
        #expect(600..<1_200 ~= without)
    }

    @Test("The prompt names them, the schema allows no other template, and the record keeps them")
    func prompted() throws {
        var step = try self.step {
            $0.set(PromptOperator.template, try Self.prompt())
            $0.set(PromptOperator.draws, .people)
        }
        let prompted = try #require(run(&step, [makeBlock(Self.texts)]).elements.first?.value)
        let shown = prompted.messages.last?.content ?? ""
        for wish in self.wishes.wishes(for: prompted.reading) { #expect(shown.contains("\n" + wish.line)) }
        let templates = try #require(prompted.templates)
        #expect(!templates.isEmpty && templates.count < 5)
        #expect(try roundTrip(prompted) == prompted)
        let schema = AnswerSchema().json(ids: prompted.ids, templates: templates)
        for template in QueryTemplate.allCases {
            #expect(schema.contains("\"\(template.rawValue)\"") == templates.contains(template))
        }
        // Nothing can be asked: nothing is wished for, and any template may be named in the empty list.
        let silent = try #require(run(&step, [makeBlock(["#C C looks around"])]).elements.first?.value)
        #expect(silent.messages.last?.content.hasSuffix("none: answer with an empty list") == true)
        #expect(silent.templates == QueryTemplate.allCases)
    }

    @Test("Off, prompts, records and schemas are what they were")
    func off() throws {
        var step = try self.step { $0.set(PromptOperator.template, try shippedPrompt()) }
        let prompted = try #require(run(&step, [makeBlock(Self.texts)]).elements.first?.value)
        #expect(prompted.templates == nil && !String(decoding: prompted.json, as: UTF8.self).contains("\"templates\""))
        #expect(AnswerSchema().json(ids: 1..<3, templates: nil) == AnswerSchema().json(ids: 1..<3))
    }

    @Test("A prompt without a place for them is refused, as is a reference that nothing uses")
    func refused() throws {
        let plain = try shippedPrompt()
        let error = #expect(throws: ConfigurationError.self) {
            try self.step {
                $0.set(PromptOperator.template, plain)
                $0.set(PromptOperator.draws, .people)
            }
        }
        #expect(error?.message.contains("{{wishes}}") == true)
        #expect(throws: ConfigurationError.self) {
            try self.step { $0.set(PromptOperator.template, try Self.prompt()) }
        }
        #expect(throws: ConfigurationError.self) {
            try self.step {
                $0.set(PromptOperator.template, plain)
                $0.set(PromptOperator.reference, FileReference(path: "r", content: "{}"))
            }
        }
    }
}
