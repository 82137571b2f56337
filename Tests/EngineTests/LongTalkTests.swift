// SPDX-License-Identifier: Apache-2.0

import Codecs
import Conversations
import Dataflow
import ModelRequests
import RecordLog
import RecordLogTesting
import Records
import Synchronization
import Testing
import Topologies

@testable import Engine

/// Knows every answer, and counts what is looked up and which conversations begin.
private final class Library: CompletionSource, CompletionProvider {
    struct Account {
        var looked = 0
        /// The times that the conversation about a number has begun.
        var begun: [Int: Int] = [:]
        /// Talks go on for as long as it is shut.
        var isOpen = false
        /// Called once so much has been looked up.
        var alarm: (at: Int, body: @Sendable () -> Void)?
    }

    static let all = Mutex<[String: Library]>([:])
    let account = Mutex(Account())
    private let answer: ChatAnswer

    init() throws {
        self.answer = try ChatAnswer(
            parsing: Bytes(
                #"{"choices":[{"message":{"role":"assistant","content":"go on"},"finish_reason":"stop"}]}"#.utf8))
    }

    func source(for endpoint: ModelEndpoint) -> any CompletionSource { self }

    func kept(_ request: ChatRequest) -> Completion? {
        let alarm = self.account.withLock { account -> (@Sendable () -> Void)? in
            account.looked += 1
            guard let alarm = account.alarm, account.looked >= alarm.at else { return nil }
            account.alarm = nil
            return alarm.body
        }
        alarm?()
        return Completion(self.answer)
    }

    func complete(_ request: ChatRequest, record: Int) async throws(CompletionFailure) -> Completion {
        throw .cancelled
    }
}

/// A talk about a number of as many rounds as are wanted, or of as many as there are until the library opens.
private struct LongTalk: Conversation {
    let number: Int
    let rounds: Int?
    let library: Library
    private var heard = 0
    var outcome = Outcome<Number>()
    let counts: [String: Int] = [:]
    let callsToCome = 0...0

    init(_ number: Int, rounds: Int?, _ library: Library) {
        self.number = number
        self.rounds = rounds
        self.library = library
        library.account.withLock { $0.begun[number, default: 0] += 1 }
    }

    mutating func begin() -> Turn { self.ask() }

    mutating func take(_ reply: Reply) -> Turn {
        self.heard += 1
        let isOver = self.rounds.map { self.heard >= $0 } ?? self.library.account.withLock { $0.isOpen }
        guard isOver else { return self.ask() }
        self.outcome.outputs = [Number(self.number)]
        return .ends
    }

    private func ask() -> Turn {
        let message = ChatMessage(role: .user, content: "\(self.number) \(self.heard)")
        return (try? ChatRequest(model: "m", messages: [message])).map { .asks([$0]) } ?? .ends
    }
}

private struct LongTalkStep: ConversationStep {
    static let library = Field("library", default: "", help: "Place of the answers.")
    static let rounds = Field<Int?>("rounds", default: nil, help: "Rounds of a talk.")
    static let specification = OperatorSpecification(
        name: "talk", summary: "Talks.", fields: [Self.library, Self.rounds] + ModelEndpoint.fields)
    let library: Library
    let rounds: Int?

    init(_ configuration: Configuration, _ context: OperatorContext) throws(ConfigurationError) {
        guard let library = Library.all.withLock({ $0[configuration[Self.library]] }) else {
            throw ConfigurationError("no such library", field: "library")
        }
        self.library = library
        self.rounds = configuration[Self.rounds]
    }

    func conversation(about number: Number) -> LongTalk { LongTalk(number.value, rounds: self.rounds, self.library) }
}

/// Replays of conversations whose answers are all kept: there is nothing to wait for, and a task must not forget to
/// listen.
@Suite("Long conversations of kept answers") struct LongTalkTests {
    private func run(
        _ name: String, rounds: Int?, records: Int, _ world: EngineWorld
    ) throws -> (engine: Engine, library: Library) {
        let library = try Library()
        Library.all.withLock { $0[name] = library }
        var registry = numbersRegistry
        registry.register(conversation: LongTalkStep.self)
        let text = """
            name: talking
            partitions: 1
            stages:
              only:
                from: input
                steps: [{ talk: { library: \(name), in-flight: 2\(rounds.map { ", rounds: \($0)" } ?? "") } }]
                to: output
            """
        let topology = try Topology.parse(text, file: "t", registry: registry, environment: [:]) { _ in "" }.topology
        try world.fill("input", with: 1...records)
        let engine = world.engine(topology) {
            $0.services.set(library, as: (any CompletionProvider).self)
            $0.untilIdle = rounds != nil
        }
        return (engine, library)
    }

    @Test("One that never ends gives the task's thread back, and is stopped where it stands", .timeLimit(.minutes(4)))
    func endless() async throws {
        let world = EngineWorld()
        let (engine, library) = try self.run("endless", rounds: nil, records: 50, world)
        async let run: Void = EngineWorld.run(engine)
        // Two at a time, and two that wait their turn.
        try await EngineWorld.wait("several walk") {
            library.account.withLock { $0.begun.count >= 4 && $0.looked > 2_000 }
        }
        engine.stop()
        try await run
        #expect(try world.values("output").isEmpty)
        #expect(library.account.withLock { $0.begun.values.allSatisfy { $0 == 1 } }, "none began twice")
    }

    @Test("One that goes on elsewhere goes on from where it stood", .timeLimit(.minutes(4)))
    func goesOn() async throws {
        let world = EngineWorld()
        let (engine, library) = try self.run("goes-on", rounds: nil, records: 8, world)
        async let run: Void = EngineWorld.run(engine)
        try await EngineWorld.wait("several walk") {
            library.account.withLock { $0.begun.count >= 4 && $0.looked > 2_000 }
        }
        library.account.withLock { $0.isOpen = true }
        try await EngineWorld.wait("all are told") { try world.values("output").count == 8 }
        engine.stop()
        try await run
        #expect(try world.values("output") == (1...8).map { "{\"value\":\($0)}" })
        #expect(library.account.withLock { $0.begun } == Dictionary(uniqueKeysWithValues: (1...8).map { ($0, 1) }))
    }

    @Test("Many short ones are stopped between two of them", .timeLimit(.minutes(4)))
    func many() async throws {
        let world = EngineWorld()
        let (engine, library) = try self.run("many", rounds: 100, records: 4_000, world)
        library.account.withLock { $0.alarm = (at: 20_000, body: { engine.stop() }) }
        try await EngineWorld.run(engine)
        let begun = library.account.withLock { $0.begun.count }
        #expect(begun >= 200 && begun < 4_000, "\(begun)")
        // Finished records are committed, in order.
        let told = try world.values("output")
        #expect(!told.isEmpty && told.count <= begun)
        #expect(told == told.indices.map { "{\"value\":\($0 + 1)}" })
    }
}
