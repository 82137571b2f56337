// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// The code of the tutorial is that of the package that it speaks of, which is compiled and tested with the rest.
@Suite("Tutorial") struct TutorialTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// The blocks of code behind a line that links the file they show.
    private static func blocks() throws -> [(path: String, code: String)] {
        let text = try String(
            contentsOf: Self.root.appendingPathComponent("ops/tutorial.md"), encoding: .utf8)
        let pattern = try Regex(#"\]\(\.\./(Tests/Tutorial/[^)]+)\)[^\n]*\n\n```swift\n((?s).*?)\n```"#)
        return text.matches(of: pattern).map { match in
            (String(match.output[1].substring ?? ""), String(match.output[2].substring ?? ""))
        }
    }

    @Test("Each block is the file that is named in front of it, and no file is left out")
    func same() throws {
        let blocks = try Self.blocks()
        for (path, code) in blocks {
            var text = try String(contentsOf: Self.root.appendingPathComponent(path), encoding: .utf8)
            // The licence is the file's own.
            text = text.replacing("// SPDX-License-Identifier: Apache-2.0\n\n", with: "")
            #expect(code + "\n" == text, "\(path)")
        }
        let folder = Self.root.appendingPathComponent("Tests/Tutorial").path
        let files = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
        // A folder of a build by hand is no part of it.
        let sources = files.filter { $0.hasSuffix(".swift") && !$0.hasPrefix(".build") }
        #expect(blocks.map(\.path).sorted() == sources.map { "Tests/Tutorial/\($0)" }.sorted())
        #expect(!blocks.isEmpty)
    }
}
