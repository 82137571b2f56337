// SPDX-License-Identifier: Apache-2.0

import Foundation
import HostileServers

/// A model server that puts photos into words by their bytes, and rates those by their number; it counts what it is
/// asked.
final class CaptionModel: Sendable {
    /// Bytes that begin as an image does, and say which photo they are.
    static func image(_ photo: String) -> [UInt8] {
        [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a] + Array(photo.utf8)
    }

    /// The photo that the model has no rating for.
    static let unrated = "a2/3"

    private let server: HostileServer

    init(delay: Double = 0) async throws {
        self.server = try await HostileServer { call in
            if !call.path.hasSuffix("/chat/completions") { return .fail(404) }
            if call.isProbe { return .chat(#"{"colour":"teal"}"#) }
            if call.isWitness { return .chat("OK") }
            let reply = Reply.chat(Self.answer(to: call))
            return delay > 0 ? .after(delay, reply) : reply
        }
    }

    private static func answer(to call: Call) -> String {
        guard let image = call.imageURLs.first else {
            if call.prompt.contains(" \(Self.unrated) ") { return "very" }
            return #"{"liveliness":\#(call.prompt.split(separator: " ").count % 10)}"#
        }
        let data = image.split(separator: ",").last.flatMap { Data(base64Encoded: String($0)) } ?? Data()
        let photo = String(decoding: data.dropFirst(8), as: UTF8.self)
        let trees = photo.utf8.reduce(0) { ($0 * 31 + Int($1)) % 7 }
        return "Photo \(photo) shows" + String(repeating: " a tree", count: trees + 1)
    }

    /// The environment that makes a run ask this server.
    var environment: [String: String] { ["LLM_BASE_URL": "http://127.0.0.1:\(self.server.port)/v1"] }

    /// The questions that it was asked, in their order, without probes and witnesses.
    var questions: [Call] {
        self.server.seen.calls.filter { $0.path.hasSuffix("/chat/completions") && !$0.isProbe && !$0.isWitness }
    }

    func stop() async { await self.server.stop() }
}
