// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import Records

/// A folder that goes when nobody holds it any more.
final class TestFolder {
    let url: URL

    init() throws {
        self.url = FileManager.default.temporaryDirectory.appending(path: "millrace-lta-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: self.url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: self.url) }

    /// Writes a file.
    /// - Returns: its path.
    func write(_ bytes: Bytes, to name: String) throws -> String {
        let file = self.url.appending(path: name)
        try Data(bytes).write(to: file)
        return file.path
    }

    func write(_ text: String, to name: String) throws -> String { try self.write(Bytes(text.utf8), to: name) }

    /// A taxonomy of so many invented words.
    static func taxonomy(verbs: Int, nouns: Int) -> Bytes {
        func list(_ word: String, _ count: Int) -> JSONValue { .array((0..<count).map { .string("\(word)\($0)") }) }
        return JSONValue.object([
            JSONValue.Member("verbs", list("verb", verbs)), JSONValue.Member("nouns", list("noun", nouns)),
        ]).bytes
    }
}
