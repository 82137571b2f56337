// SPDX-License-Identifier: Apache-2.0

import Chat
import Foundation
import HostileServers
import Synchronization
import Testing

@testable import Completions

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
}
