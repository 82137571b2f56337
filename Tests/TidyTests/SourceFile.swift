// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A Swift file of the tree, line by line.
struct SourceFile {
    /// A line, and the code in it: without comments and with empty literals.
    struct Line {
        let number: Int
        let text: String
        let code: String
        /// Tells whether it belongs to a literal of several lines.
        let isLiteral: Bool

        /// The text of a comment that stands alone on the line.
        var comment: Substring? {
            let rest = self.text.drop { $0 == " " }
            guard !self.isLiteral, rest.hasPrefix("//") else { return nil }
            return rest.drop { $0 == "/" }.drop { $0 == " " }
        }

        var indentation: Int { self.text.prefix { $0 == " " }.count }
    }

    let path: String
    let lines: [Line]

    init(path: String, text: String) {
        var lines: [Line] = []
        var isLiteral = false
        for (index, line) in text.components(separatedBy: "\n").enumerated() {
            let marks = line.components(separatedBy: #"""""#).count - 1
            lines.append(
                Line(
                    number: index + 1, text: line, code: isLiteral ? "" : Self.code(of: line),
                    isLiteral: isLiteral || marks % 2 == 1))
            if marks % 2 == 1 { isLiteral.toggle() }
        }
        self.path = path
        self.lines = lines
    }

    /// The folder of the package.
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// All Swift files of sources and tests.
    static let all: [SourceFile] = ["Sources", "Tests"].flatMap { folder in
        let url = Self.root.appendingPathComponent(folder)
        let paths = FileManager.default.enumerator(atPath: url.path)?.compactMap { $0 as? String } ?? []
        // A manifest begins with the version of its tools.
        return paths.filter { $0.hasSuffix(".swift") && !$0.hasSuffix("Package.swift") }.sorted().compactMap { path in
            let text = try? String(contentsOf: url.appendingPathComponent(path), encoding: .utf8)
            return text.map { SourceFile(path: "\(folder)/\(path)", text: $0) }
        }
    }

    /// Takes the comment away and what literals hold. From a literal with an interpolation on, which may have a literal
    /// in it, nothing is left.
    private static func code(of line: String) -> String {
        let line = line.contains("\\(") ? line.prefix { $0 != "\"" } : line[...]
        var code = ""
        var isText = false
        var previous: Character = " "
        for character in line {
            if character == "\"", previous != "\\" {
                isText.toggle()
            } else if !isText {
                if character == "/", previous == "/" {
                    code.removeLast()
                    break
                }
                code.append(character)
            }
            previous = character
        }
        return code
    }
}
