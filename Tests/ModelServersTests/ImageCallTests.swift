// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import HostileServers
import ModelRequests
import NIOHTTP1
import Records
import Synchronization
import Testing

@testable import ModelServers

/// Requests with images, up to the bytes that a server gets.
@Suite("Images at a server", .timeLimit(.minutes(1)))
struct ImageCallTests {
    /// Answers with the words of the request.
    private static let echo: HostileServer.Script = { .chat($0.prompt) }

    private static func reason(_ failure: ChatFailure) -> RequestFault? {
        if case .request(let reason, _) = failure { reason } else { nil }
    }

    @Test("A server gets the images of a message in order, as data URLs that hold the files' bytes")
    func sent() async throws {
        let world = try MediaWorld()
        let contents = [
            MediaWorld.png(1, count: 300_000), MediaWorld.jpeg, MediaWorld.gif, MediaWorld.webp, MediaWorld.png(2),
        ]
        // A name says nothing of what a file is.
        let images = try contents.enumerated().map { try world.image("frames/\($0).txt", $1) }
        try await withServer(Self.echo, configure: { $0.media = try? world.media }) { server, hostile, _ in
            let answer = try await server.ask(try request("What is it?", showing: images + images.prefix(1)))
            #expect(answer.text == "What is it?")
            let call = try #require(hostile.seen.calls.last)
            let urls = call.imageURLs
            #expect(urls.count == 6)
            for (url, content) in zip(urls, contents + contents.prefix(1)) {
                let format = try #require(ImageContent(content)?.format)
                let head = "data:\(format.rawValue);base64,"
                try #require(url.hasPrefix(head))
                #expect(Data(base64Encoded: String(url.dropFirst(head.count))).map(Bytes.init) == content)
            }
            let parts = try JSONValue(parsing: call.body.utf8)["messages"]?.array?.last?["content"]?.array ?? []
            #expect(parts.map { $0["type"]?.string } == ["text"] + Array(repeating: "image_url", count: 6))
            #expect(!call.body.contains("frames"), "paths are nobody else's business")
            #expect(!call.body.contains(images[0].sha256))
        }
    }

    /// Images that are not sent: how they are named, what is said of them.
    private static func refused(_ world: MediaWorld) throws -> [(MessageImage, RequestFault, says: String)] {
        let file = world.file
        symlink("../secret.png", file("media/link.png"))
        symlink("/etc", file("media/etc"))
        mkfifo(file("media/fifo.png"), 0o600)
        try world.write(Bytes("root:x:0:0".utf8), to: "media/text.png")
        try world.write([], to: "media/empty.png")
        try world.write(MediaWorld.png(0), to: "media/changed.png")
        try world.write(MediaWorld.png(0), to: "media/large.png")
        truncate(file("media/large.png"), off_t(MediaFolder.imageBytesMax + 1))
        let named = { MediaWorld.named($0) }
        return [
            (named("../secret.png"), .imageRefused, "outside"),
            (named("frames/../../secret.png"), .imageRefused, "outside"),
            (named(file("secret.png")), .imageRefused, "outside"), (named("link.png"), .imageRefused, "outside"),
            (named("/etc/passwd"), .imageRefused, "outside"), (named("etc/passwd"), .imageRefused, "outside"),
            (named("/dev/zero"), .imageRefused, "outside"), (named("/proc/self/environ"), .imageRefused, "outside"),
            (named("frames"), .imageRefused, "folder"), (named("fifo.png"), .imageRefused, "FIFO"),
            (named("text.png"), .imageRefused, "PNG, JPEG, WebP and GIF"), (named("empty.png"), .imageRefused, "PNG"),
            (named("large.png"), .imageRefused, "20971521 bytes"), (named("none.png"), .imageMissing, "none.png"),
            (named(""), .imageMissing, "names no file"), (named("a\0.png"), .imageMissing, "zero byte"),
            (MediaWorld.named("changed.png", MediaWorld.png(1)), .imageChanged, ContentHash.sha256(MediaWorld.png(0))),
        ]
    }

    @Test("What is no image of the folder is its request's failure, said plainly, and the server hears nothing of it")
    func refused() async throws {
        let world = try MediaWorld()
        let media = try world.media
        let good = try world.image("good.png", MediaWorld.png(5))
        let cases = try Self.refused(world)
        try await withServer(Self.echo, inFlightMax: 2, configure: { $0.media = media }) { server, hostile, _ in
            for (image, reason, says) in cases {
                let failure = await server.result(try request("a", showing: [good, image]))
                guard case .failure(.request(reason, let message)) = failure else {
                    Issue.record("\(image.path): \(failure)")
                    continue
                }
                #expect(message.contains(says), "\(image.path): \(message)")
                #expect(message.contains(image.path.isEmpty ? image.sha256 : image.path), "\(message)")
                // All but the digest shows beforehand.
                #expect((media.problem(of: image) == nil) == (reason == .imageChanged), "\(image.path)")
            }
            #expect(hostile.seen.chats == 0)
            #expect(server.statistics.calls == 0)
            // So many in a row say nothing of the server: others are asked, and none is everybody's fault.
            #expect(cases.count > ModelRecord.refusalsMax)
            #expect(try await server.ask(request("b", showing: [good])).text == "b")
            #expect(media.problem(of: good) == nil)
        }
    }

    @Test("A file that this user may not read is not sent", .enabled(if: geteuid() != 0, "root may read everything"))
    func noRight() async throws {
        let world = try MediaWorld()
        let image = try world.image("a.png", MediaWorld.png(0))
        chmod(world.file("media/a.png"), 0)
        try await withServer(Self.echo, configure: { $0.media = try? world.media }) { server, _, _ in
            let word = await server.result(try request("a", showing: [image])).word
            #expect(word == "[image-refused]")
        }
    }

    @Test("The images of a request are bounded together")
    func together() async throws {
        let world = try MediaWorld()
        let content = MediaWorld.png(0, count: MediaFolder.imageBytesMax)
        let image = try world.image("large.png", content)
        try await withServer(Self.echo, configure: { $0.media = try? world.media }) { server, hostile, _ in
            let failure = await server.result(try request("a", showing: [image, image, image]))
            #expect(failure.word == "[request-too-large]")
            #expect(hostile.seen.chats == 0)
        }
    }

    @Test("Files are read when a place is free, not before: what is not there yet may come, and what goes is missed")
    func late() async throws {
        let world = try MediaWorld()
        let content = MediaWorld.png(0)
        let leaving = try world.image("leaving.png", content)
        let coming = MediaWorld.named("coming.png", content)
        try await withServer(Self.echo, inFlightMax: 1, configure: { $0.media = try? world.media }) { server, _, _ in
            server.letNobodyIn()
            let first = Task { await server.result(try request("a", showing: [leaving])) }
            let second = Task { await server.result(try request("b", showing: [coming])) }
            try await until { server.statistics.waiting == 2 }
            unlink(world.file("media/leaving.png"))
            try world.write(content, to: "media/coming.png")
            server.state.withLock { $0.letsIn = true }
            // Whoever asks next has the line looked at.
            #expect(try await server.result(request("c")).word == "c")
            #expect(try await first.value.word == "[image-missing]")
            #expect(try await second.value.word == "b")
        }
    }

    @Test("Without a folder of images the run has to end, and no request is at fault")
    func noFolder() async throws {
        try await withServer(Self.echo) { server, hostile, _ in
            let failure = await server.result(try request("a", showing: [MediaWorld.named("a.png")]))
            guard case .failure(.unreadable(let message)) = failure else {
                Issue.record("\(failure)")
                return
            }
            #expect(message.contains("--media") && message.contains("a.png"))
            #expect(hostile.seen.chats == 0)
            #expect(try await server.ask(request("b")).text == "b")
        }
    }

    @Test("A folder that goes away is no request's fault either")
    func goneFolder() async throws {
        let world = try MediaWorld()
        let image = try world.image("a.png", MediaWorld.png(0))
        let media = try world.media
        try FileManager.default.removeItem(atPath: world.file("media"))
        try await withServer(Self.echo, configure: { $0.media = media }) { server, _, _ in
            let word = await server.result(try request("a", showing: [image])).word
            #expect(word == "[unreadable]")
        }
    }

    // MARK: Servers that take none

    private static let refusals: [(Int, String)] = [
        (400, #"{"error":{"message":"Invalid content type. image_url is only supported by certain models."}}"#),
        (400, #"{"object":"error","message":"m is not a multimodal model","type":"BadRequestError","code":400}"#),
        (400, #"{"error":{"message":"At most 0 image(s) may be provided in one request."}}"#),
        (500, #"{"error":{"code":500,"message":"image input is not supported - hint: you may need the mmproj"}}"#),
        (500, #"{"error":{"message":"Failed to parse messages: Unsupported content part type: \"image_url\""}}"#),
        (500, #"{"error":{"message":"can only concatenate str (not \"list\") to str"}}"#),
        (404, #"{"error":{"message":"No endpoints found that support image input","code":404}}"#),
        (422, #"{"detail":[{"loc":["body","messages",0,"content"],"msg":"Input should be a valid string"}]}"#),
        (400, #"{"error":{"message":"x","param":"messages[0].content[1].image_url"}}"#),
        (415, #"{"error":"unsupported image format"}"#),
    ]

    @Test("Servers that take no images say so in many ways; it is the request that they refuse, and the remedy is said")
    func words() throws {
        for (status, body) in Self.refusals {
            func failure(images: Int) -> ChatFailure {
                FailureSorting.failure(
                    status: status, headers: HTTPHeaders(), body: Bytes(body.utf8), images: images, now: 0)
            }
            guard case .request(.imageInput, let message) = failure(images: 2) else {
                Issue.record("\(body): \(failure(images: 2))")
                continue
            }
            #expect(message.contains("2 images") && message.contains("a model that sees"))
            // The same words about a request without one mean something else.
            #expect(Self.reason(failure(images: 0)) != .imageInput)
        }
        for (status, body, label) in [
            (400, "the image has too many tokens for the context length", "context-length"),
            (400, "the image was stopped by the content filter", "content-filter"), (413, "image", "request-too-large"),
            (500, "the engine fell over an image", "status-500"), (503, "no image worker", "unavailable"),
            (401, "image", "status-401"), (404, "The model `image-1` does not exist", "status-404"),
            (400, "Unknown model: image-1", "status-400"), (400, "image-1: invalid API key", "status-400"),
            (429, "images per minute", "rate-limited"),
        ] {
            let failure = FailureSorting.failure(
                status: status, headers: HTTPHeaders(), body: Bytes(body.utf8), images: 1, now: 0)
            #expect(failure.label == label, "\(body)")
        }
    }

    @Test(
        "Where a server answers words and refuses images, those who show some are at fault; nothing is left out for it")
    func refusedByServer() async throws {
        let world = try MediaWorld()
        let image = try world.image("a.png", MediaWorld.png(0))
        try await withServer(
            { $0.imageURLs.isEmpty ? .chat($0.prompt) : .fail(400, "image input is not supported: invalid schema") },
            configure: { $0.media = try? world.media }
        ) { server, hostile, notices in
            var words: [String] = []
            for (prompt, images) in [("a", []), ("b", [image]), ("c", [image]), ("d", [])] {
                words.append(await server.result(try request(prompt, showing: images)).word)
            }
            #expect(words == ["a", "[image-input]", "[image-input]", "d"])
            #expect(hostile.seen.chats == 4, "none is asked again")
            #expect(notices.all.isEmpty)
        }
    }

    @Test("Where it has answered nothing else, the run ends before all records are dead letters")
    func refusedToAll() async throws {
        let world = try MediaWorld()
        let image = try world.image("a.png", MediaWorld.png(0))
        try await withServer({ _ in .fail(400, "not a multimodal model") }, configure: { $0.media = try? world.media })
        {
            server, _, _ in
            let requests = try (0..<20).map { try request("p\($0)", showing: [image]) }
            let words = await withTaskGroup(of: String.self) { group in
                for request in requests { group.addTask { await server.result(request).word } }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(Set(words) == ["[shared]"])
        }
    }
}
