// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import HostileServers
import ModelRequests
import ModelServers
import Records
import Synchronization
import Testing

@testable import ModelCalls

/// Requests with images, and the answers that are kept of them.
@Suite("Images kept and asked", .timeLimit(.minutes(2)))
struct CompletionImageTests {
    private let folder = FileManager.default.temporaryDirectory
        .appendingPathComponent("millrace-images-\(UUID().uuidString)").path
    private static let png: Bytes = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 1, 2, 3]

    private func media() throws -> MediaFolder {
        try FileManager.default.createDirectory(atPath: self.folder + "/media", withIntermediateDirectories: true)
        return try MediaFolder(path: self.folder + "/media")
    }

    private func write(_ name: String, _ bytes: Bytes = Self.png) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: self.folder + "/media/" + name))
    }

    private func request(_ prompt: String, _ paths: String...) throws -> ChatRequest {
        let images = paths.compactMap { MessageImage(path: $0, sha256: ContentHash.sha256(Self.png)) }
        return try ChatRequest(
            model: "m-1", messages: [ChatMessage(role: .user, parts: [.text(prompt)] + images.map { .image($0) })],
            maxTokens: 16)
    }

    private func service(media: MediaFolder?, budget: Budget? = nil) -> CompletionService {
        var options = CompletionService.Options(cacheFolder: self.folder + "/cache", environment: [:])
        options.media = media
        options.budget = budget
        return CompletionService(options)
    }

    /// Answers with the number of the images it was shown, after some seconds.
    private func server(seconds: Double = 0) async throws -> HostileServer {
        try await HostileServer { call in
            if !call.path.hasSuffix("/chat/completions") { return .fail(404) }
            return call.isProbe ? .chat("a sea") : .after(seconds, .chat("\(call.imageURLs.count) images"))
        }
    }

    @Test(
        "A kept answer needs no file, no folder and no server, whatever the path; a file that is gone is missed by a call"
    )
    func kept() async throws {
        let media = try self.media()
        try self.write("a.png")
        let hostile = try await self.server()
        let first = self.service(media: media)
        var source = try first.source(for: ModelEndpoint(url: hostile.url))
        #expect(try await source.complete(self.request("x", "a.png", "a.png")).answer.text == "2 images")
        await first.shutdown()
        let asked = hostile.seen.chats

        try FileManager.default.removeItem(atPath: self.folder + "/media")
        let second = self.service(media: nil)
        source = try second.source(for: ModelEndpoint(url: hostile.url))
        let moved = try self.request("x", "/elsewhere/b.png", "c.png")
        #expect(source.kept(moved)?.answer.text == "2 images")
        #expect(try await source.complete(moved).call == nil)
        await second.shutdown()
        #expect(hostile.seen.chats == asked)

        let third = self.service(media: try self.media())
        source = try third.source(for: ModelEndpoint(url: hostile.url))
        let fresh = try self.request("y", "a.png")
        #expect(source.kept(fresh) == nil)
        let failure = await #expect(throws: CompletionFailure.self) { try await source.complete(fresh) }
        guard case .request("image-missing", let message, _)? = failure else {
            Issue.record("\(String(describing: failure))")
            return
        }
        #expect(message.contains("a.png") && message.contains(ContentHash.sha256(Self.png)))
        #expect(third.halt == nil)
        await third.shutdown()
        await hostile.stop()
    }

    @Test("Who shares a call shares its answer, and not the failure to find another's file")
    func shared() async throws {
        let media = try self.media()
        try self.write("a.png")
        let hostile = try await self.server(seconds: 0.05)
        let service = self.service(media: media)
        let source = try service.source(for: ModelEndpoint(url: hostile.url, inFlightMax: 1))
        let paths = ["none.png", "a.png", "gone.png", "a.png", "../out.png", "a.png"]
        let words = try await withThrowingTaskGroup(of: (Int, String).self) { group in
            for (index, path) in paths.enumerated() {
                let request = try self.request("x", path)
                group.addTask {
                    do throws(CompletionFailure) {
                        return (index, try await source.complete(request).answer.text)
                    } catch {
                        guard case .request(let reason, _, _) = error else { return (index, "cancelled") }
                        return (index, reason)
                    }
                }
            }
            return try await group.reduce(into: Array(repeating: "", count: paths.count)) { $0[$1.0] = $1.1 }
        }
        // A path that leads nowhere is no fault where the answer has come by then.
        for (path, word) in zip(paths, words) {
            let isThere = path == "a.png"
            #expect(isThere ? word == "1 images" : ["1 images", "image-missing"].contains(word), "\(path): \(word)")
        }
        #expect(hostile.seen.chats == 2, "the probe and the call")
        await service.shutdown()
        await hostile.stop()
    }

    @Test("A run without a folder of images ends with the remedy when one is wanted; nothing is lost, nobody at fault")
    func noFolder() async throws {
        let hostile = try await self.server()
        let service = self.service(media: nil)
        let isHalted = Mutex(false)
        service.onHalt { isHalted.withLock { $0 = true } }
        let source = try service.source(for: ModelEndpoint(url: hostile.url))
        let request = try self.request("x", "a.png")
        let asking = Task { try await source.complete(request) }
        while !isHalted.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(5)) }
        guard case .failed(let reason)? = service.halt else {
            Issue.record("the run ends")
            return
        }
        #expect(reason.contains("--media") && reason.contains("MILLRACE_MEDIA") && reason.contains("goes on from here"))
        asking.cancel()
        await #expect(throws: CompletionFailure.cancelled) { try await asking.value }
        await service.shutdown()
        await hostile.stop()
    }

    @Test("A budget holds the tokens of images, and counts no call for one that is not sent")
    func budget() async throws {
        let media = try self.media()
        try self.write("a.png")
        let hostile = try await self.server()
        let words = try self.request("x")
        let shown = try self.request("x", "a.png", "a.png")
        #expect(CallLedger.estimate(of: shown) - CallLedger.estimate(of: words) == 2 * MessageImage.estimatedTokens)
        let budget = try Budget(BudgetLimits(calls: 10, tokens: 1000), path: self.folder + "/budget.json")
        let service = self.service(media: media, budget: budget)
        let isHalted = Mutex(false)
        service.onHalt { isHalted.withLock { $0 = true } }
        let source = try service.source(for: ModelEndpoint(url: hostile.url))
        _ = try await source.complete(words)
        #expect(budget.spent == (2, 20))
        await #expect(throws: CompletionFailure.self) { try await source.complete(self.request("x", "none.png")) }
        #expect(budget.spent == (2, 20))
        let asking = Task { try await source.complete(shown) }
        while !isHalted.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(5)) }
        guard case .budgetSpent? = service.halt else {
            Issue.record("two images do not fit")
            return
        }
        #expect(budget.spent == (2, 20))
        asking.cancel()
        _ = try? await asking.value
        await service.shutdown()
        await hostile.stop()
        budget.close(hasEnded: true)
    }

    @Test("A plan counts images and what they cost, and finds those that would not be sent")
    func plan() throws {
        let media = try self.media()
        try self.write("a.png")
        try self.write("text.png", Bytes("no image".utf8))
        let planner = try CompletionPlanner(cacheFolder: self.folder + "/cache", media: media)
        let source = planner.source(for: ModelEndpoint(url: "http://127.0.0.1:1"))
        for _ in 0..<2 {
            for request in try [self.request("x", "a.png", "text.png", "none.png"), self.request("y", "a.png")] {
                #expect(source.kept(request) == nil)
                source.foresee([request], further: 0...0)
            }
        }
        #expect(planner.plan.calls == 2)
        #expect(planner.plan.images == 4)
        #expect(planner.plan.promptBytes == 2 + 4 * 4 * MessageImage.estimatedTokens)
        #expect(planner.plan.imagesRefused == 2)
        #expect(planner.plan.imageProblem?.contains("text.png") == true)
        #expect(!planner.plan.needsMedia)
        planner.close()
        let blind = try CompletionPlanner(cacheFolder: self.folder + "/cache")
        blind.source(for: ModelEndpoint(url: "http://127.0.0.1:1"))
            .foresee([try self.request("y", "a.png")], further: 0...0)
        #expect(blind.plan.needsMedia && blind.plan.imagesRefused == 0)
        blind.close()
    }
}
