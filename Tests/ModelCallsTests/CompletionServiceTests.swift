// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import HostileServers
import ModelAnswerCache
import ModelRequests
import ModelServers
import Records
import Synchronization
import Testing

@testable import ModelCalls

/// Servers and cache together, in one process and as if in two.
@Suite("Kept and asked", .timeLimit(.minutes(2)))
struct CompletionServiceTests {
    private let folder = FileManager.default.temporaryDirectory
        .appendingPathComponent("millrace-completions-\(UUID().uuidString)").path

    private func request(_ prompt: String) throws -> ChatRequest {
        try ChatRequest(model: "m-1", messages: [ChatMessage(role: .user, content: prompt)], maxTokens: 16)
    }

    private func service(_ change: (inout CompletionService.Options) -> Void = { _ in }) -> CompletionService {
        var options = CompletionService.Options(cacheFolder: self.folder, environment: [:])
        change(&options)
        return CompletionService(options)
    }

    /// Answers the probe well, and everything else by a script.
    private func server(_ script: @escaping @Sendable (Call) -> Reply) async throws -> HostileServer {
        try await HostileServer { call in
            if !call.path.hasSuffix("/chat/completions") { return .fail(404) }
            return call.isProbe ? .chat(#"{"colour":"teal"}"#) : script(call)
        }
    }

    @Test("Nothing is sent and nothing created before somebody asks; one server is one source, however it is spelled")
    func lazy() async throws {
        let hostile = try await self.server { .chat($0.prompt) }
        let service = self.service()
        #expect(!FileManager.default.fileExists(atPath: self.folder))
        let source = try service.source(for: ModelEndpoint(url: hostile.url))
        let again = try service.source(for: ModelEndpoint(url: hostile.url))
        #expect(source as AnyObject === again as AnyObject)
        #expect(throws: ModelEndpointProblem.self) {
            try service.source(for: ModelEndpoint(url: hostile.url + "/v1", inFlightMax: 3))
        }
        #expect(source.kept(try self.request("a")) == nil)
        #expect(hostile.seen.calls.isEmpty)
        await service.shutdown()
        await hostile.stop()
    }

    @Test("Equal requests at a time share a call; later ones are kept, and the cost is the caller's alone")
    func shared() async throws {
        let hostile = try await self.server { .after(0.05, .chat("\($0.number)")) }
        let service = self.service()
        let source = try service.source(for: ModelEndpoint(url: hostile.url))
        let request = try self.request("a")
        let completions = try await withThrowingTaskGroup(of: Completion.self) { group in
            for _ in 0..<10 { group.addTask { try await source.complete(request) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(Set(completions.map(\.answer.text)) == ["1"])
        #expect(completions.count { $0.call != nil } == 1)
        #expect(source.kept(request)?.answer.text == "1")
        #expect(hostile.seen.chats == 2, "the probe and the call")
        await service.shutdown()
        await hostile.stop()
    }

    @Test("Of two processes that ask the same, the first stored answer is both's, and the other call is a duplicate")
    func twoProcesses() async throws {
        let hostile = try await self.server { .after($0.number % 2 == 0 ? 0.1 : 0.2, .chat("answer \($0.number)")) }
        let services = [self.service(), self.service()]
        let request = try self.request("a")
        let endpoint = ModelEndpoint(url: hostile.url)
        let completions = try await withThrowingTaskGroup(of: Completion.self) { group in
            for service in services {
                let source = try service.source(for: endpoint)
                group.addTask { try await source.complete(request) }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(Set(completions.map(\.answer.text)).count == 1)
        let calls = completions.compactMap(\.call)
        // The slower one may have found the answer of the other before it asked.
        #expect(calls.count { $0.isDuplicate } == calls.count - 1)
        for service in services { await service.shutdown() }
        await hostile.stop()
    }

    @Test("A kept body that is no answer is asked for again, once, and said", arguments: ["{}", "", "<html>", "[1"])
    func unreadable(_ body: String) async throws {
        let hostile = try await self.server { .chat("\($0.number)") }
        let request = try self.request("a")
        let cache = try ResponseCache(folder: self.folder)
        _ = try cache.insert(
            CacheEntry(key: CacheKey(request.key), model: "m-1", storedAt: 0, answer: Bytes(body.utf8)))
        cache.close()
        let notices = Mutex<[CompletionNotice]>([])
        let service = self.service { $0.notify = { notice in notices.withLock { $0.append(notice) } } }
        let source = try service.source(for: ModelEndpoint(url: hostile.url))
        #expect(source.kept(request) == nil)
        for _ in 0..<3 { #expect(try await source.complete(request).answer.text == "1") }
        #expect(source.kept(request)?.answer.text == "1")
        #expect(hostile.seen.chats == 2, "the probe and the call")
        let warnings = notices.withLock { $0 }.count {
            if case .warning(let text) = $0 { text.contains("damaged") } else { false }
        }
        #expect(warnings == 1)
        #expect(service.unreadableAnswers == 1)
        await service.shutdown()
        await hostile.stop()
    }

    @Test("A cache that is full ends the run with its reason; the request is not at fault")
    func full() async throws {
        let hostile = try await self.server { _ in
            // Drawn at random, so that compression does not help.
            .chat((0..<50_000).map { _ in String(UInt64.random(in: 0...UInt64.max), radix: 36) }.joined())
        }
        let service = self.service { $0.cacheBytesMax = 200_000 }
        let source = try service.source(for: ModelEndpoint(url: hostile.url))
        let isHalted = Mutex(false)
        service.onHalt { isHalted.withLock { $0 = true } }
        let request = try self.request("a")
        let asking = Task { try await source.complete(request) }
        while !isHalted.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(5)) }
        guard case .failed(let reason)? = service.halt else {
            Issue.record("the reason is the cache's")
            return
        }
        #expect(reason.contains("no space left"))
        asking.cancel()
        await #expect(throws: CompletionFailure.cancelled) { try await asking.value }
        await service.shutdown()
        await hostile.stop()
    }

    // MARK: Kills

    /// The most lines of the journals that the calls of a process had begun and not ended, seen as calls arrived.
    private static func openCalls(in folder: String) -> Int {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.filter { $0.hasPrefix("calls-") }.reduce(0) { count, name in
            let text = (try? String(contentsOfFile: folder + "/" + name, encoding: .utf8)) ?? ""
            return count + text.split(whereSeparator: \.isWhitespace).count
        }
    }

    @Test("A call keeps its place until its answer is stored: a kill finds no more begun than may be in flight")
    func placeUntilStored() async throws {
        let most = Mutex(0)
        let hostile = try await self.server { [folder] call in
            let open = Self.openCalls(in: folder)
            most.withLock { $0 = max($0, open) }
            return .chat(call.prompt)
        }
        let service = self.service()
        let source = try service.source(for: ModelEndpoint(url: hostile.url, inFlightMax: 2))
        let requests = try (0..<100).map { try self.request("question \($0)") }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for request in requests { group.addTask { _ = try await source.complete(request) } }
            try await group.waitForAll()
        }
        #expect(hostile.seen.chats == 101, "the probe and the calls")
        #expect(most.withLock { $0 } == 2, "begun and not stored, of two in flight")
        #expect(Self.openCalls(in: self.folder) == 0)
        await service.shutdown()
        await hostile.stop()
    }

    // MARK: Budgets

    @Test("A budget counts every request that the server gets: the probe, retries and witnesses among them")
    func everyRequestCounts() async throws {
        // Each request is failed twice before it is answered, and one of them is never answered.
        let attempts = Mutex<[String: Int]>([:])
        let hostile = try await self.server { call in
            if call.isWitness { return .chat("OK") }
            let number = attempts.withLock { attempts in
                attempts[call.prompt, default: 0] += 1
                return attempts[call.prompt] ?? 0
            }
            return call.prompt == "bad" || number <= 2 ? .fail(500) : .chat("well")
        }
        let path = self.folder + "/budget.json"
        let budget = try Budget(BudgetLimits(calls: 25), path: path)
        let service = self.service {
            $0.budget = budget
            $0.clock = .system(speed: 20)
        }
        let isHalted = Mutex(false)
        service.onHalt { isHalted.withLock { $0 = true } }
        let source = try service.source(for: ModelEndpoint(url: hostile.url, inFlightMax: 4))
        let requests = try ["bad"].map(self.request) + (0..<12).map { try self.request("question \($0)") }
        let tasks = requests.map { request in Task { try? await source.complete(request) } }
        while !isHalted.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(5)) }
        #expect(hostile.seen.chats == 25)
        #expect(budget.spent.calls == 25)
        guard case .budgetSpent(let message)? = service.halt else {
            Issue.record("it is the budget that ends it")
            return
        }
        #expect(message.contains("25 calls"))
        for task in tasks { task.cancel() }
        for task in tasks { _ = await task.value }
        await service.shutdown()
        #expect(hostile.seen.chats == 25, "nor is anything sent at the end")
        #expect(hostile.seen.calls.contains { $0.isProbe })
        await hostile.stop()
    }

    @Test("What cannot be sent costs nothing; a refusal costs a call and no tokens")
    func costs() async throws {
        let gone = try ReservedPort()
        let budget = try Budget(BudgetLimits(calls: 5, tokens: 10_000), path: self.folder + "/budget.json")
        let waits = Mutex(0)
        let service = self.service {
            $0.budget = budget
            $0.clock = .system(speed: 100)
            $0.onWaits = { seen in waits.withLock { $0 += seen.count } }
        }
        let source = try service.source(for: ModelEndpoint(url: gone.url))
        let request = try self.request("a")
        let asking = Task { try? await source.complete(request) }
        while waits.withLock({ $0 }) < 20 { try await Task.sleep(for: .milliseconds(5)) }
        #expect(budget.spent.calls <= 1, "one may be on its way just now")
        #expect(service.halt == nil)
        asking.cancel()
        await service.shutdown()
        #expect(budget.spent.calls <= 1, "one was on its way when it was cancelled")
        budget.close(hasEnded: true)

        let other = try Budget(BudgetLimits(calls: 100, tokens: 10_000), path: self.folder + "/budget.json")
        let hostile = try await self.server { call in call.number < 4 ? .fail(500) : .chat("well") }
        let next = self.service {
            $0.budget = other
            $0.clock = .system(speed: 100)
        }
        _ = try await next.source(for: ModelEndpoint(url: hostile.url)).complete(request)
        #expect(other.spent.calls == hostile.seen.chats && hostile.seen.chats >= 3)
        // The probe and the answer, at ten tokens each by the server's count.
        #expect(other.spent.tokens == 20, "what was refused cost none")
        await next.shutdown()
        await hostile.stop()
    }

    // MARK: Waiting

    /// Time that passes when a test says so.
    private final class ManualTime: Sendable {
        private let seconds = Mutex(0.0)

        func set(_ seconds: Double) { self.seconds.withLock { $0 = seconds } }

        var clock: ModelClock {
            ModelClock(
                now: { self.seconds.withLock { $0 } },
                sleep: { duration in
                    let due = self.seconds.withLock { $0 } + duration
                    while self.seconds.withLock({ $0 }) < due { try await Task.sleep(for: .milliseconds(2)) }
                }, random: { 0.5 })
        }
    }

    @Test("A server that is away is said again at growing intervals, and given up after the longest wait")
    func waiting() async throws {
        let gone = try ReservedPort()
        let time = ManualTime()
        let said = Mutex<[String]>([])
        let service = self.service {
            $0.clock = time.clock
            $0.waitSecondsMax = 600
            $0.notify = { notice in
                if case .warning(let text) = notice { said.withLock { $0.append(text) } }
            }
        }
        let isHalted = Mutex(false)
        service.onHalt { isHalted.withLock { $0 = true } }
        let source = try service.source(for: ModelEndpoint(url: gone.url))
        let request = try self.request("a")
        let asking = Task { try await source.complete(request) }
        for (count, seconds) in [0.0, 61, 121, 241, 481].enumerated() {
            time.set(seconds)
            while said.withLock({ $0.count }) <= count { try await Task.sleep(for: .milliseconds(2)) }
        }
        #expect(!isHalted.withLock { $0 })
        time.set(600)
        while !isHalted.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(2)) }
        guard case .failed(let reason)? = service.halt else {
            Issue.record("the wait ends the run")
            return
        }
        #expect(
            reason.contains("for 10 min: no connection to \(gone.url)") && reason.contains("--max-wait"), "\(reason)")
        let texts = said.withLock { $0 }
        #expect(texts.first?.contains("does not answer: no connection") == true, "\(texts)")
        let again = texts.dropFirst().map { $0.prefix { $0 != "," } }
        #expect(
            again.allSatisfy { $0.hasPrefix("still waiting for the model server \(gone.url)") } && again.count == 4,
            "\(texts)")
        #expect(service.waits.first?.message.contains("no connection") == true)
        asking.cancel()
        await #expect(throws: CompletionFailure.cancelled) { try await asking.value }
        await service.shutdown()
    }

    @Test("A server that goes down later is waited for with its last words, and no more once it answers")
    func outage() async throws {
        let isWell = Mutex(true)
        let hostile = try await self.server { _ in
            isWell.withLock { $0 } ? .chat("well") : .fail(401, "Unauthorized key")
        }
        let service = self.service { $0.clock = .system(speed: 100) }
        let source = try service.source(for: ModelEndpoint(url: hostile.url))
        _ = try await source.complete(try self.request("first"))
        #expect(service.waits.isEmpty)
        isWell.withLock { $0 = false }
        let request = try self.request("second")
        let asking = Task { try await source.complete(request) }
        while service.waits.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
        #expect(service.waits.first?.message.contains("401") == true, "\(service.waits)")
        isWell.withLock { $0 = true }
        #expect(try await asking.value.answer.text == "well")
        #expect(service.waits.isEmpty)
        await service.shutdown()
        await hostile.stop()
    }
}
