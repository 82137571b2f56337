// SPDX-License-Identifier: Apache-2.0

import Codecs
import Fuzzing
import ModelRequests
import Records
import Testing

@Suite("Images in messages")
struct ImageMessageTests {
    private func record(_ message: ChatMessage) -> String {
        var json = JSONWriter()
        message.write(to: &json)
        return String(decoding: json.bytes, as: UTF8.self)
    }

    private func read(_ bytes: some Sequence<UInt8>) throws(JSONError) -> ChatMessage {
        try JSONScanner.scan(bytes) { json throws(JSONError) in try ChatMessage(json: &json) }
    }

    private static let digest = String(repeating: "0a", count: 32)
    private static func image(_ path: String, _ sha256: String = Self.digest) throws -> MessageImage {
        try #require(MessageImage(path: path, sha256: sha256))
    }

    @Test("A record names an image by path and digest, a key by its digest alone; a request without one is as ever")
    func forms() throws {
        let message = ChatMessage(
            role: .user, parts: [.text("What \"is\" "), .text("this?"), .image(try Self.image("a/b.png")), .text("")])
        #expect(message.content == "What \"is\" this?")
        #expect(message.images.map(\.path) == ["a/b.png"])
        #expect(
            self.record(message)
                == #"{"role":"user","content":[{"type":"text","text":"What \"is\" this?"},"#
                + #"{"type":"image","path":"a/b.png","sha256":"\#(Self.digest)"}]}"#)
        #expect(try self.read(self.record(message).utf8) == message)
        let request = try ChatRequest(model: "m", messages: [message])
        #expect(
            String(decoding: request.canonical, as: UTF8.self)
                == #"{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"What \"is\" this?"},"#
                + #"{"type":"image","sha256":"\#(Self.digest)"}]}]}"#)
        // The key is kept for ever in caches.
        #expect(request.key == ContentHash.sha256(request.canonical))
        let plain = ChatMessage(role: .user, parts: [.text("a"), .text(""), .text("b")])
        #expect(plain == ChatMessage(role: .user, content: "ab"))
        #expect(self.record(plain) == #"{"role":"user","content":"ab"}"#)
        #expect(self.record(ChatMessage(role: .user, parts: [])) == #"{"role":"user","content":""}"#)
    }

    @Test("The path makes no difference to a key; the digest, the order and the words do")
    func keys() throws {
        func key(_ parts: [MessagePart]) throws -> String {
            try ChatRequest(model: "m", messages: [ChatMessage(role: .user, parts: parts)]).key
        }
        let other = String(repeating: "0b", count: 32)
        let first = MessagePart.image(try Self.image("a.png"))
        let moved = MessagePart.image(try Self.image("../elsewhere/b.gif", Self.digest.uppercased()))
        let second = MessagePart.image(try Self.image("a.png", other))
        #expect(try key([.text("x"), first]) == key([.text("x"), moved]))
        let keys = try [
            [.text("x"), first], [.text("x"), second], [first, .text("x")], [first], [.text("x")],
            [.text("x"), first, second],
            [.text("x"), second, first], [.text("x"), first, first],
        ].map(key)
        #expect(Set(keys).count == keys.count)
    }

    @Test("A digest is 64 hexadecimal digits")
    func digests() {
        for digest in ["", "0a", Self.digest + "0", Self.digest.dropLast() + "g", Self.digest.dropLast() + " "] {
            #expect(MessageImage(path: "a", sha256: String(digest)) == nil)
        }
        #expect(MessageImage(path: "a", sha256: Self.digest.uppercased())?.sha256 == Self.digest)
    }

    @Test(
        "Parts of another shape are refused, with their place",
        arguments: [
            #"{"type":"image","path":"a"}"#, #"{"type":"image","path":"a","sha256":"00"}"#, #"{"type":"text"}"#,
            #"{"type":"image_url","image_url":{"url":"data:image/png;base64,"}}"#, #"{"text":"a"}"#, #""a""#, "[]",
            #"{"type":"image","path":1,"sha256":"00"}"#, "null", "{}",
        ])
    func misshapen(part: String) {
        let error = #expect(throws: JSONError.self) { try self.read(#"{"role":"user","content":[\#(part)]}"#.utf8) }
        #expect((error?.offset ?? 0) >= 26)
    }

    @Test("First bytes tell the format, and nothing else does")
    func signatures() {
        let formats: [(Bytes, ImageFormat)] = [
            (MediaWorld.png(0), .png), (MediaWorld.jpeg, .jpeg), (MediaWorld.gif, .gif), (MediaWorld.webp, .webp),
        ]
        for (bytes, format) in formats {
            #expect(ImageContent(bytes)?.format == format)
            #expect(ImageFormat(firstBytes: bytes.prefix(ImageFormat.signatureBytes)) == format)
            for count in 0..<3 { #expect(ImageFormat(firstBytes: bytes.prefix(count)) == nil) }
        }
        for text in ["", "PNG", "root:x:0:0:root:/root:/bin/sh", "RIFF1234WAVE", "<svg/>", "BM", "%PDF-1.7"] {
            #expect(ImageFormat(firstBytes: text.utf8) == nil)
        }
    }

    @Test("An image counts as many tokens; a request without one counts as ever")
    func tokens() throws {
        let image = try Self.image("a.png")
        #expect(try request("abcdefgh").promptBytes == 8)
        let shown = try request("abcdefgh", showing: [image, image])
        #expect(shown.promptBytes == 8 + 2 * 4 * MessageImage.estimatedTokens)
        #expect(shown.imageCount == 2)
    }

    @Test("Messages that are almost right are refused or read, and what is read is written as it is read")
    func fuzz() throws {
        let image = #"{"type":"image","path":"a/b","sha256":"\#(Self.digest)"}"#
        let seeds = [
            #"{"role":"user","content":"a"}"#,
            #"{"role":"user","content":[{"type":"text","text":"a\n"},\#(image)]}"#,
            #"{"content":[\#(image),{"type":"text","text":""}],"role":"system"}"#,
        ]
        for input in Fuzz("chat-message", seeds: seeds, tokens: .json) {
            guard let message = try? self.read(input.bytes) else {
                try #require(!input.isSeed, "\(input)")
                continue
            }
            try #require(try self.read(self.record(message).utf8) == message, "\(input)")
        }
    }
}
