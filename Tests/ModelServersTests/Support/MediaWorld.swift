// SPDX-License-Identifier: Apache-2.0

import Codecs
import DurableFiles
import Foundation
import ModelRequests
import ModelServers
import Records

/// A folder of images, with a secret beside it.
final class MediaWorld: Sendable {
    let path: String

    init() throws {
        self.path = FileManager.default.temporaryDirectory.appendingPathComponent("media-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(
            atPath: self.path + "/media/frames", withIntermediateDirectories: true)
        try self.write(Self.png(0), to: "secret.png")
    }

    deinit { try? FileManager.default.removeItem(atPath: self.path) }

    var media: MediaFolder { get throws { try MediaFolder(path: self.path + "/media") } }

    func file(_ name: String) -> String { self.path + "/" + name }

    func write(_ bytes: Bytes, to name: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: self.file(name)))
    }

    /// Writes an image into the folder of images.
    /// - Returns: how a message names it.
    func image(_ name: String, _ bytes: Bytes) throws -> MessageImage {
        try self.write(bytes, to: "media/" + name)
        return Self.named(name, bytes)
    }

    /// The name of an image that may or may not be there.
    static func named(_ path: String, _ bytes: Bytes = MediaWorld.png(0)) -> MessageImage {
        // A digest is always one.
        MessageImage(path: path, sha256: ContentHash.sha256(bytes)) ?? { preconditionFailure() }()
    }

    /// Bytes that begin as an image does and go on as none would, each byte among them.
    static func png(_ number: Int, count: Int = 1_000) -> Bytes {
        [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
            + (0..<max(0, count - 8)).map { UInt8(truncatingIfNeeded: $0 &* (number &* 2 + 1)) }
    }

    static let jpeg: Bytes = [0xff, 0xd8, 0xff, 0xe0, 0, 16] + Bytes("JFIF".utf8)
    static let gif = Bytes("GIF89a, and more".utf8)
    static let webp = Bytes("RIFF".utf8) + [9, 9, 9, 9] + Bytes("WEBPVP8 ".utf8)
}

/// A request that says one thing, and shows some.
func request(_ prompt: String, showing images: [MessageImage]) throws -> ChatRequest {
    try ChatRequest(
        model: "m-1",
        messages: [ChatMessage(role: .user, parts: [.text(prompt)] + images.map { .image($0) })], temperature: 0,
        maxTokens: 64)
}
