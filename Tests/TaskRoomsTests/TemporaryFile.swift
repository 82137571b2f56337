// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation

/// A file of this run of the tests; all of them are removed when it ends.
struct TemporaryFile {
    let path: String

    init(_ bytes: Bytes) throws {
        try FileManager.default.createDirectory(at: Self.root, withIntermediateDirectories: true)
        self.path = Self.root.appending(path: UUID().uuidString).path
        try Data(bytes).write(to: URL(fileURLWithPath: self.path))
    }

    init(_ text: String) throws { try self.init(Bytes(text.utf8)) }

    private static let root: URL = {
        let name = "reading-tests-\(ProcessInfo.processInfo.processIdentifier)"
        atexit { try? FileManager.default.removeItem(at: TemporaryFile.root) }
        return FileManager.default.temporaryDirectory.appending(path: name)
    }()
}
