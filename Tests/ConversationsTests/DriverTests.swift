// SPDX-License-Identifier: Apache-2.0

import Codecs
import Conversations
import Dataflow
import ModelRequests
import Records
import Synchronization
import Testing

/// `llm` for notes: a debate about each.
private struct DebateStep: ConversationStep {
    static let specification = OperatorSpecification(
        name: "llm", summary: "Debates.", fields: [ModelOptions.model] + ModelEndpoint.fields)

    init(_ configuration: Configuration, _ context: OperatorContext) {}

    func conversation(about note: Note) -> Debate { Debate(note.text) }
}

/// `llm` for another type, with a field of its own; it asks nobody.
private struct EchoStep: ConversationStep {
    static let word = Field("word", default: "so", help: "The word to say.")
    static let specification = OperatorSpecification(name: "llm", summary: "Echoes.", fields: [Self.word])
    let word: String

    init(_ configuration: Configuration, _ context: OperatorContext) { self.word = configuration[Self.word] }

    var asksModel: Bool { false }

    func conversation(about number: Number) -> Said { Said(Note("\(number.value) \(self.word)")) }
}

private struct Number: StreamValue {
    static let typeName = "number"
    static let schemaVersion = 1
    var value = 0

    init(_ value: Int) { self.value = value }
    init(json: inout JSONScanner) throws(JSONError) { self.value = try json.int() }
    func write(to json: inout JSONWriter) { json.value(self.value) }
}

/// A conversation that asks nothing.
private struct Said: Conversation {
    var outcome = Outcome<Note>()
    let counts = ["said": 1]
    let callsToCome = 0...0

    init(_ note: Note) { self.outcome.outputs = [note] }
    mutating func begin() -> Turn { .asks([]) }
    mutating func take(_ reply: Reply) -> Turn { .ends }
}

/// Answers by the oracle; some answers are kept, and the others come in an order that threads and chance decide.
private final class OracleSource: CompletionSource, CompletionProvider {
    struct Log {
        var looked = 0
        var asked = 0
        var cancelled = 0
        var foreseen: [(missing: [ChatRequest], further: ClosedRange<Int>)] = []
    }

    let log = Mutex(Log())
    let isKept: @Sendable (ChatRequest) -> Bool

    init(isKept: @escaping @Sendable (ChatRequest) -> Bool = { _ in false }) { self.isKept = isKept }

    func source(for endpoint: ModelEndpoint) -> any CompletionSource { self }

    func kept(_ request: ChatRequest) -> Completion? {
        self.log.withLock { $0.looked += 1 }
        guard self.isKept(request), case .answer(let text) = Oracle.say(to: request) else { return nil }
        return Completion(.saying(text))
    }

    func complete(_ request: ChatRequest, record: Int) async throws(CompletionFailure) -> Completion {
        self.log.withLock { $0.asked += 1 }
        for _ in 0..<Int.random(in: 0..<20) { await Task.yield() }
        if Task.isCancelled {
            self.log.withLock { $0.cancelled += 1 }
            throw .cancelled
        }
        switch Oracle.say(to: request) {
        case .answer(let text): return Completion(.saying(text), call: self.isKept(request) ? nil : ModelCall())
        case .refusal: throw .refused(reason: "bad-request", message: "no", ModelCall())
        case .failure: throw .request(reason: "timeout", message: "late", ModelCall())
        }
    }

    func foresee(_ missing: [ChatRequest], further: ClosedRange<Int>) {
        self.log.withLock { $0.foreseen.append((missing, further)) }
    }
}

/// Answers some requests by the oracle, fails one, and holds the others until nobody waits for them.
private final class HeldSource: CompletionSource, CompletionProvider {
    let log = Mutex<(asked: [String], cancelled: Int)>(([], 0))
    private let answers: Set<String>
    private let failing: String?

    init(answers: Set<String>, failing: String? = nil) {
        self.answers = answers
        self.failing = failing
    }

    func source(for endpoint: ModelEndpoint) -> any CompletionSource { self }
    func kept(_ request: ChatRequest) -> Completion? { nil }

    func complete(_ request: ChatRequest, record: Int) async throws(CompletionFailure) -> Completion {
        self.log.withLock { $0.asked.append(request.key) }
        if request.key == self.failing { throw .request(reason: "timeout", message: "late", ModelCall()) }
        if self.answers.contains(request.key), case .answer(let text) = Oracle.say(to: request) {
            return Completion(.saying(text), call: ModelCall())
        }
        try? await Task.sleep(for: .seconds(3600))
        self.log.withLock { $0.cancelled += 1 }
        throw .cancelled
    }
}

@Suite("The driver of conversations", .timeLimit(.minutes(2))) struct DriverTests {
    private func step(_ source: (any CompletionProvider)?) throws -> ConversationOperator<DebateStep> {
        var context = OperatorContext(topologyHash: "t")
        if let source { context.services.set(source, as: (any CompletionProvider).self) }
        return try ConversationOperator(Configuration(), context)
    }

    private func note(_ text: String) -> Element<Note> { Element(key: Bytes("k".utf8), value: Note(text), origin: 3) }

    /// The result without a driver.
    private func expected(_ topic: String) -> OpenConversation<Debate> {
        var open = OpenConversation(Debate(topic))
        while let question = open.takeUnsent() {
            switch Oracle.say(to: question.request) {
            case .answer(let text): open.take(.answer(.saying(text)), to: question.number)
            case .refusal, .failure:
                open.take(.refused(RequestFailure(reason: "bad-request", message: "no")), to: question.number)
            }
        }
        return open
    }

    @Test("Kept, asked for, or some of each, on or off the thread: the same comes of it", arguments: 0..<40)
    func theSame(topic: Int) async throws {
        let text = "debate \(topic)"
        let expected = self.expected(text)
        for share in ["", "0123", "0123456789abcdef"] {
            let source = OracleSource { request in request.key.last.map(share.contains) ?? false }
            for deadline in [nil, ContinuousClock.now - .seconds(1)] {
                let step = try self.step(source)
                var output = Collector<Note>(step: "llm")
                if let rest = step.begin(self.note(text), until: deadline, into: &output) {
                    output = Collector<Note>(step: "llm")
                    try await rest.finish(into: &output)
                }
                #expect(output.elements.map(\.value) == expected.talk.outcome.outputs)
                #expect(output.elements.allSatisfy { $0.origin == 3 && $0.key == Bytes("k".utf8) })
                let letters = output.notes.letters.map { "\($0.kind) \($0.reason) \($0.message)" }
                let rejects = expected.talk.outcome.rejects.map { "rejected \($0.reason) \($0.message)" }
                let dead = expected.talk.outcome.failure.map { ["dead \($0.reason) \($0.message)"] } ?? []
                #expect(letters == rejects + dead)
                for (code, count) in expected.talk.counts { #expect(output.notes.counts[code] == count) }
                if expected.talk.outcome.failure == nil {
                    let heard = ["calls", "cache-hits"].map { output.notes.counts[$0] ?? 0 }.reduce(0, +)
                    #expect(heard == expected.talk.asked.count - expected.talk.outcome.rejects.count)
                }
            }
        }
    }

    @Test("All open requests are with the source at a time: calls are bounded behind it")
    func allOpen() async throws {
        let source = OracleSource()
        let step = try self.step(source)
        var output = Collector<Note>(step: "llm")
        let rest = step.begin(self.note("open"), until: nil, into: &output)
        #expect(rest != nil)
        let foreseen = source.log.withLock { $0.foreseen }
        #expect(foreseen.map(\.missing.count) == [4] && foreseen[0].further.lowerBound == 1)
        #expect(source.log.withLock { $0.asked } == 0, "nothing is sent before its turn")
    }

    @Test("A conversation that ends while requests are open asks no more, and tells those who are asked")
    func endsEarly() async throws {
        let topic = try #require(
            (0..<2_000).map { "early \($0)" }.first { topic in
                let talk = self.expected(topic).talk
                return talk.outcome.failure?.reason == "stopped" && talk.said.count < talk.asked.count
                    && talk.outcome.rejects.isEmpty
            })
        let talk = self.expected(topic).talk
        let source = HeldSource(answers: Set(talk.asked.prefix(talk.said.count)))
        var output = Collector<Note>(step: "llm")
        try await self.step(source).answer(self.note(topic), into: &output)
        let letters = output.notes.letters.map { "\($0.reason): \($0.message)" }
        #expect(output.elements.isEmpty && letters == ["stopped: \(talk.said.last ?? "")"])
        let log = source.log.withLock { $0 }
        // All that was said is asked for, and of the rest nothing that the talk did not want.
        #expect(Set(log.asked).count == log.asked.count && Set(log.asked).isSubset(of: talk.asked))
        #expect(Set(log.asked).isSuperset(of: talk.asked.prefix(talk.said.count)))
        #expect(log.asked.count > talk.said.count, "some were open")
        #expect(log.cancelled == log.asked.count - talk.said.count, "and each was told that nobody waits")
        #expect(output.notes.counts["calls"] == talk.said.count)
    }

    @Test("A failure that it cannot go on from ends a conversation: what is open beside it is told so")
    func endsByFailure() async throws {
        var debate = Debate("failing")
        guard case .asks(let requests) = debate.begin() else {
            Issue.record("a debate asks")
            return
        }
        let source = HeldSource(answers: [], failing: requests[0].key)
        var output = Collector<Note>(step: "llm")
        try await self.step(source).answer(self.note("failing"), into: &output)
        #expect(output.elements.isEmpty && output.notes.letters.map(\.reason) == ["timeout"])
        let log = source.log.withLock { $0 }
        #expect(Set(log.asked) == Set(requests.map(\.key)) && log.cancelled == 3)
        #expect(output.notes.counts["calls"] == nil)
    }

    @Test("A step says how many calls its conversations may yet make: those that are open, and those that may follow")
    func callsToCome() async throws {
        let source = HeldSource(answers: [])
        let step = try self.step(source)
        #expect(step.callsToCome == 0...0)
        var output = Collector<Note>(step: "llm")
        let rests = try ["one", "two"].map { text in
            try #require(step.begin(self.note(text), until: nil, into: &output))
        }
        // Four voices each, and a sum with up to six rounds of two before it.
        #expect(step.callsToCome == 10...34)
        let talking = rests.map { rest in
            Task {
                var output = Collector<Note>(step: "llm")
                try await rest.finish(into: &output)
            }
        }
        while source.log.withLock({ $0.asked.count }) < 8 { await Task.yield() }
        #expect(step.callsToCome == 10...34, "asked is not answered")
        talking[0].cancel()
        await #expect(throws: CancellationError.self) { try await talking[0].value }
        #expect(step.callsToCome == 5...17)
        talking[1].cancel()
        await #expect(throws: CancellationError.self) { try await talking[1].value }
        #expect(step.callsToCome == 0...0)
    }

    @Test("Kept answers bring the range down as they are heard, and the end to nothing")
    func callsToComeEnd() async throws {
        let expected = self.expected("ranged")
        let step = try self.step(OracleSource { request in expected.talk.asked.first == request.key })
        var output = Collector<Note>(step: "llm")
        let rest = try #require(step.begin(self.note("ranged"), until: nil, into: &output))
        #expect(step.callsToCome.lowerBound >= 4 && step.callsToCome.upperBound <= 17)
        try await rest.finish(into: &output)
        #expect(step.callsToCome == 0...0)
    }

    @Test("A step that asks nobody needs no server; one that does says so where there is none")
    func noServer() throws {
        let echo = try ConversationOperator<EchoStep>(Configuration(), OperatorContext(topologyHash: "t"))
        #expect(echo.inFlightMax == 1 && echo.askedAheadMax == 0)
        var said = Collector<Note>(step: "llm")
        let rest = echo.begin(Element(key: nil, value: Number(5), origin: 0), until: nil, into: &said)
        #expect(rest == nil && said.elements.map(\.value.text) == ["5 so"] && said.notes.counts == ["said": 1])
        var output = Collector<Note>(step: "llm")
        #expect(try self.step(nil).begin(self.note("a"), until: nil, into: &output) == nil)
        #expect(output.notes.letters.map(\.reason) == ["no-server"])
        #expect(output.notes.letters.first?.message == "only `run` and `replay` ask a model")
    }

    @Test("Steps of one name are overloads by their input, with fields of their own")
    func overloads() {
        var registry = OperatorRegistry()
        registry.register(conversation: DebateStep.self)
        registry.register(conversation: EchoStep.self)
        #expect(registry.names == ["llm"])
        #expect(registry.overloads.map { "\($0.input.name) → \($0.output.name)" } == ["note → note", "number → note"])
        #expect(registry.overloads.map { $0.specification.fields.map(\.name).first } == ["model", "word"])
    }

    @Test("Cancelled, a conversation throws, whatever was on its way")
    func cancelled() async throws {
        let source = OracleSource()
        let step = try self.step(source)
        let note = self.note("cancelled")
        let task = Task { () async throws -> Int in
            var output = Collector<Note>(step: "llm")
            while !Task.isCancelled { await Task.yield() }
            try await step.answer(note, into: &output)
            return output.elements.count
        }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }
}
