// SPDX-License-Identifier: Apache-2.0

import Codecs
import Conversations
import Dataflow
import Foundation
import HostileServers
import ModelAnswerCache
import ModelRequests
import ModelServers
import Records
import Synchronization
import Testing

@testable import ModelCalls

/// A word, as a record.
private struct Word: StreamValue {
    static let typeName = "word"
    static let schemaVersion = 1
    var text: String

    init(_ text: String) { self.text = text }
    init(json: inout JSONScanner) throws(JSONError) { self.text = try json.string() }
    func write(to json: inout JSONWriter) { json.value(self.text) }
}

/// A vote of several about a word, asked all at once. The first may end it, by an answer or by being refused.
private struct Vote: Conversation {
    let word: String
    private(set) var outcome = Outcome<Word>()
    let counts: [String: Int] = [:]
    let callsToCome = 0...0
    private var votes: [String] = []
    private let onEnd: @Sendable () -> Void

    static let voters = 40

    init(_ word: String, onEnd: @escaping @Sendable () -> Void) {
        self.word = word
        self.onEnd = onEnd
    }

    mutating func begin() -> Turn {
        .asks((0..<Self.voters).compactMap { try? Self.request("\(self.word) \($0)") })
    }

    mutating func take(_ reply: Conversations.Reply) -> Turn {
        switch reply {
        case .refused(let failure):
            self.outcome.failure = failure
            self.onEnd()
            return .ends
        case .answer(let answer):
            if answer.text == "stop" {
                self.outcome.failure = RequestFailure(reason: "stopped", message: "one vote is enough")
                self.onEnd()
                return .ends
            }
            self.votes.append(answer.text)
            if self.votes.count == Self.voters { self.outcome.outputs = [Word(self.votes.joined(separator: ","))] }
            return .asks([])
        }
    }

    static func request(_ text: String) throws(JSONError) -> ChatRequest {
        try ChatRequest(model: "m-1", messages: [ChatMessage(role: .user, content: text)], maxTokens: 16)
    }
}

/// So many rounds about a word, one request each. It ends with what they were asked for without, where that is
/// anything.
private struct Rounds: Conversation {
    let word: String
    let rounds: Int
    private(set) var outcome = Outcome<Word>()
    let counts: [String: Int] = [:]
    private var round = 0

    init(_ word: String, rounds: Int) {
        self.word = word
        self.rounds = rounds
    }

    var callsToCome: ClosedRange<Int> { 0...self.rounds - self.round }

    mutating func begin() -> Turn { self.ask() }

    mutating func take(_ reply: Conversations.Reply) -> Turn {
        self.round += 1
        if case .answer(let answer) = reply, !answer.omitted.isEmpty {
            self.outcome.outputs.append(Word(answer.omitted.joined(separator: " ")))
        }
        return self.round < self.rounds ? self.ask() : .ends
    }

    private func ask() -> Turn { (try? Vote.request("\(self.word) \(self.round)")).map { .asks([$0]) } ?? .ends }
}

/// The word is the number of rounds and the record's number: `3 0`.
private struct RoundsStep: ConversationStep {
    static let specification = OperatorSpecification(name: "rounds", summary: "Asks.", fields: ModelEndpoint.fields)

    init(_ configuration: Configuration, _ context: OperatorContext) {}

    func conversation(about word: Word) -> Rounds {
        Rounds(word.text, rounds: Int(word.text.split(separator: " ").first ?? "") ?? 0)
    }
}

private struct VoteStep: ConversationStep {
    static let specification = OperatorSpecification(name: "vote", summary: "Votes.", fields: ModelEndpoint.fields)
    private static let ends = Mutex<Set<String>>([])

    init(_ configuration: Configuration, _ context: OperatorContext) {}

    func conversation(about word: Word) -> Vote {
        Vote(word.text) { Self.ends.withLock { _ = $0.insert(word.text) } }
    }

    static func hasEnded(_ word: String) -> Bool { Self.ends.withLock { $0.contains(word) } }
    static func end(_ word: String) { Self.ends.withLock { _ = $0.insert(word) } }
}

/// Conversations in front of a real server and a real cache.
@Suite("Conversations that are served", .timeLimit(.minutes(2)))
struct ServedConversationTests {
    /// The way in which a conversation comes to an early end.
    enum End: String, CaseIterable {
        case ownDecision, refusal, cancellation
    }

    private let folder = FileManager.default.temporaryDirectory
        .appendingPathComponent("millrace-served-\(UUID().uuidString)").path

    private func service(_ change: (inout CompletionService.Options) -> Void = { _ in }) -> CompletionService {
        var options = CompletionService.Options(cacheFolder: self.folder, environment: [:])
        change(&options)
        return CompletionService(options)
    }

    private func server(_ script: @escaping @Sendable (Call) -> HostileServers.Reply) async throws -> HostileServer {
        try await HostileServer { call in
            if !call.path.hasSuffix("/chat/completions") { return .fail(404) }
            return call.isProbe ? .chat(#"{"colour":"teal"}"#) : script(call)
        }
    }

    private func step<Step: ConversationStep>(
        _ type: Step.Type = VoteStep.self, _ service: CompletionService, _ url: String, inFlight: Int = 3
    ) throws -> ConversationOperator<Step> {
        var context = OperatorContext(topologyHash: "t")
        context.services.set(service, as: (any CompletionProvider).self)
        var configuration = Configuration()
        configuration.set(ModelEndpoint.url, url)
        configuration.set(ModelEndpoint.inFlight, inFlight)
        return try ConversationOperator(configuration, context)
    }

    private func prompts(_ hostile: HostileServer) -> [String] {
        hostile.seen.calls.filter { $0.path.hasSuffix("/chat/completions") && !$0.isProbe && !$0.isWitness }
            .map(\.prompt)
    }

    @Test("One that ends early sends nothing more, and keeps the answers to what it has sent", arguments: End.allCases)
    func endsEarly(_ end: End) async throws {
        let word = "\(end) \(UUID().uuidString)"
        // The first voter's question, which comes in any order, brings the end once all places are taken; from then on
        // the others are answered when the end has come.
        let place = Mutex<(server: HostileServer?, hasFirstCome: Bool, sentBefore: Int)>((nil, false, 0))
        let hostile = try await self.server { call in
            guard call.prompt.hasSuffix(" 0"), end != .cancellation else {
                let mayHang = end == .cancellation || place.withLock { $0.hasFirstCome }
                return mayHang ? .when({ VoteStep.hasEnded(word) }, .chat("yes")) : .chat("yes")
            }
            place.withLock { $0.hasFirstCome = true }
            let areTaken: @Sendable () -> Bool = {
                place.withLock { place in
                    guard let seen = place.server?.seen else { return false }
                    // The probe is one of the chats.
                    place.sentBefore = seen.chats - 1
                    return seen.busy == 3 || place.sentBefore == Vote.voters
                }
            }
            return .when(areTaken, end == .refusal ? .fail(400, "no such thing") : .chat("stop"))
        }
        place.withLock { $0.server = hostile }
        let service = self.service()
        let step = try self.step(VoteStep.self, service, hostile.url)
        let element = Element(key: nil, value: Word(word), origin: 0)
        let talking = Task {
            var output = Collector<Word>(step: "vote")
            try await step.answer(element, into: &output)
            return output.notes.letters.map(\.reason)
        }
        if end == .cancellation {
            while hostile.seen.busy < 3 { try await Task.sleep(for: .milliseconds(2)) }
            service.beginNoMore()
            talking.cancel()
            // The conversation is back only when what it has sent is.
            #expect(hostile.seen.busy == 3)
            VoteStep.end(word)
            await #expect(throws: CancellationError.self) { try await talking.value }
        } else {
            #expect(try await talking.value == [end == .refusal ? "bad-request" : "stopped"])
        }
        let sent = self.prompts(hostile)
        // The place of the first voter's question comes free before the end has come.
        let most = end == .cancellation ? 3 : place.withLock { $0.sentBefore } + 1
        #expect(sent.count >= 3 && sent.count <= most && Set(sent).count == sent.count, "\(sent), of \(most)")
        #expect(service.callsUnderWay == 0)
        await service.shutdown()
        await hostile.stop()

        // The second run asks for all of them, and finds those that were sent.
        let other = try await self.server { _ in .chat("yes") }
        let next = self.service()
        let source = try next.source(for: ModelEndpoint(url: other.url))
        for voter in 0..<Vote.voters { _ = try await source.complete(try Vote.request("\(word) \(voter)")) }
        // A refusal is no answer, and is not kept.
        let kept = end == .refusal ? sent.filter { !$0.hasSuffix(" 0") } : sent
        #expect(Set(self.prompts(other)).isDisjoint(with: kept))
        #expect(self.prompts(other).count == Vote.voters - kept.count)
        await next.shutdown()
        await other.stop()
    }

    @Test("The parts that a server refuses are told with the answer: asked for, shared, kept, and in a replay")
    func omitted() async throws {
        let hostile = try await self.server { call in
            if call.body.contains(#""seed""#) { return .fail(400, "Unsupported parameter: seed") }
            if call.body.contains("response_format") { return .fail(400, "response_format is not supported") }
            return .chat(#"{"a":1}"#)
        }
        let schema = #"{"type":"object","properties":{"a":{"type":"integer"}}}"#
        let plain = try Vote.request("plain")
        let rich = try ChatRequest(
            model: "m-1", messages: [ChatMessage(role: .user, content: "rich")], schema: schema, maxTokens: 16, seed: 5)
        let key = try CacheKey(rich.key)
        let service = self.service()
        let source = try service.source(for: ModelEndpoint(url: hostile.url))
        async let first = source.complete(rich)
        async let second = source.complete(rich)
        #expect(try await first.answer.omitted == ["seed", "response_format"])
        #expect(try await second.answer.omitted == ["seed", "response_format"])
        #expect(source.kept(rich)?.answer.omitted == ["seed", "response_format"])
        #expect(try await source.complete(plain).answer.omitted == [], "it had none of them")
        let asked = hostile.seen.chats
        await service.shutdown()

        // Another process finds them kept, under the key of the whole request.
        let next = self.service()
        let replay = try next.source(for: ModelEndpoint(url: hostile.url))
        #expect(try await replay.complete(rich).answer.omitted == ["seed", "response_format"])
        let planner = try CompletionPlanner(cacheFolder: self.folder)
        let planned = planner.source(for: ModelEndpoint(url: hostile.url)).kept(rich)
        #expect(planned?.answer.omitted == ["seed", "response_format"])
        planner.close()
        await next.shutdown()
        #expect(hostile.seen.chats == asked)
        let cache = try ResponseCache(folder: self.folder)
        #expect(try cache.entry(key)?.request == rich.canonical)
        let file = self.folder + "/export.jsonl"
        _ = try cache.export(to: file)
        cache.close()
        #expect(try String(contentsOfFile: file, encoding: .utf8).contains(#""omitted":["seed","response_format"]"#))
        await hostile.stop()
    }

    @Test("A conversation reads in an answer what it was asked for without")
    func omittedInConversation() async throws {
        let hostile = try await self.server { call in
            call.body.contains("max_tokens") || call.body.contains("max_completion_tokens")
                ? .fail(400, "Unsupported parameter: max_tokens, max_completion_tokens") : .chat("yes")
        }
        for _ in 0..<2 {
            let service = self.service()
            let step = try self.step(RoundsStep.self, service, hostile.url)
            var output = Collector<Word>(step: "rounds")
            try await step.answer(Element(key: nil, value: Word("1 0"), origin: 0), into: &output)
            #expect(output.elements.map(\.value.text) == ["max_tokens"])
            await service.shutdown()
        }
        await hostile.stop()
    }

    @Test("The oldest record is served first: its later rounds go before the first rounds of younger ones")
    func oldestFirst() async throws {
        let rounds = [3, 1, 4, 2, 5, 1]
        let line = Mutex<ServerSource?>(nil)
        // The requests of each record that the server has not seen.
        let left = Mutex(rounds)
        let hostile = try await self.server { call in
            // Each call is answered once all other conversations that are not over stand in line with their next.
            let record = call.prompt.split(separator: " ").dropFirst().first.flatMap { Int($0) }
            let others = left.withLock { left in
                if let record { left[record] -= 1 }
                return left.indices.count { left[$0] > 0 && $0 != record }
            }
            return .when({ line.withLock { $0?.waiting } == others }, .chat("on"))
        }
        let service = self.service()
        let step = try self.step(RoundsStep.self, service, hostile.url, inFlight: 1)
        let source = try #require(
            try service.source(for: ModelEndpoint(url: hostile.url, inFlightMax: 1)) as? ServerSource)
        line.withLock { $0 = source }
        let blocker = Task { try await source.complete(try Vote.request("blocker")) }
        while source.underWay == 0 { try await Task.sleep(for: .milliseconds(2)) }
        // They begin in order, and come to the server in another.
        var begun: [Remainder<Word>] = []
        for (record, count) in rounds.enumerated() {
            let element = Element(key: nil, value: Word("\(count) \(record)"), origin: Int64(record))
            var output = Collector<Word>(step: "rounds")
            begun.append(try #require(step.begin(element, until: nil, into: &output)))
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for rest in begun.reversed() {
                group.addTask {
                    var output = Collector<Word>(step: "rounds")
                    try await rest.finish(into: &output)
                }
            }
            try await group.waitForAll()
        }
        _ = try await blocker.value
        // A place that comes free is taken before the conversation that had it can ask again.
        var expected = ["blocker"]
        var asked = rounds.map { _ in 0 }
        var last: Int?
        func isOpen(_ record: Int) -> Bool { asked[record] < rounds[record] }
        while let next = rounds.indices.first(where: { isOpen($0) && $0 != last })
            ?? last.flatMap({ isOpen($0) ? $0 : nil })
        {
            expected.append("\(rounds[next]) \(next) \(asked[next])")
            asked[next] += 1
            last = next
        }
        #expect(self.prompts(hostile) == expected)
        #expect(expected.firstIndex(of: "3 0 1") == 3, "the first one's second round goes before the third's first")
        await service.shutdown()
        await hostile.stop()
    }

    @Test("The end of a run waits for what was sent as long as it may, and then cuts it")
    func bounded() async throws {
        let isReleased = Mutex(false)
        let hostile = try await self.server { call in
            call.prompt == "hangs" ? .hang : .when({ isReleased.withLock { $0 } }, .chat("late"))
        }
        let slept = Mutex<[Double]>([])
        var clock = ModelClock.system()
        clock.sleep = { seconds in
            // The time is over when the test has seen what it wants to.
            if seconds > 4 { slept.withLock { $0.append(seconds) } }
            while seconds > 4, !isReleased.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(2)) }
            if seconds <= 4 { try await Task.sleep(for: .seconds(seconds)) }
        }
        let service = self.service { [clock] in
            $0.clock = clock
            $0.endSecondsMax = 5
        }
        let source = try service.source(for: ModelEndpoint(url: hostile.url, inFlightMax: 1))
        let asking = Task { try await source.complete(try Vote.request("hangs")) }
        while hostile.seen.busy < 1 || service.callsUnderWay < 1 { try await Task.sleep(for: .milliseconds(2)) }
        let ending = Task { await service.shutdown() }
        while slept.withLock({ $0.isEmpty }) { try await Task.sleep(for: .milliseconds(2)) }
        #expect(service.callsUnderWay == 1, "it is waited for")
        isReleased.withLock { $0 = true }
        await ending.value
        await #expect(throws: CompletionFailure.cancelled) { try await asking.value }
        #expect(slept.withLock { $0.first.map { $0 > 4 && $0 <= 5 } } == true)
        await hostile.stop()
    }
}
