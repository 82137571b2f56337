// SPDX-License-Identifier: Apache-2.0

import Testing

/// The style that no formatter knows, over the whole tree.
@Suite("Tidy") struct TidyTests {
    /// Reports each line with a fault.
    private func check(_ fault: String, _ hasFault: (SourceFile, SourceFile.Line) -> Bool) {
        #expect(SourceFile.all.count > 500)
        for file in SourceFile.all {
            for line in file.lines where hasFault(file, line) {
                Issue.record("\(file.path):\(line.number): \(fault): \(line.text)")
            }
        }
    }

    @Test("Files begin with their licence and an empty line")
    func licence() {
        for file in SourceFile.all {
            #expect(file.lines[0].text == "// SPDX-License-Identifier: Apache-2.0", "\(file.path)")
            #expect(file.lines[1].text.isEmpty, "\(file.path)")
        }
    }

    @Test("Lines have at most 120 characters, but for texts")
    func length() {
        self.check("is longer than 120 characters") { _, line in
            guard line.text.count > 120, !line.isLiteral else { return false }
            let hasText = line.text.contains("\"") || line.text.contains("#/")
            return line.comment != nil || !hasText
        }
    }

    /// Sources that may be longer than others, each with the reason.
    private static let longFiles: [String: String] = [:]

    @Test("A file of the sources has at most 350 lines, or a reason to be longer")
    func fileLength() {
        for file in SourceFile.all where file.path.hasPrefix("Sources/") {
            // Behind the last line end stands an empty line.
            let isLong = file.lines.count - 1 > 350
            let words = "\(file.path) has \(file.lines.count - 1) lines: part it where it has a seam"
            #expect(
                isLong == (Self.longFiles[file.path] != nil), isLong ? "\(words)" : "\(file.path) needs no exception")
        }
    }

    @Test("An import is internal and says nothing, or says that it is more")
    func imports() {
        self.check("says what goes without saying: write `import`") { _, line in
            ["internal import", "private import", "fileprivate import"].contains { line.code.contains($0) }
        }
    }

    @Test("A property of an instance is named with `self.`")
    func selves() {
        var members: (path: String, of: Members)?
        self.check("names a property without `self.`") { file, line in
            if members?.path != file.path { members = (file.path, Members(of: file)) }
            return members?.of.bare(in: line).isEmpty == false
        }
    }

    private static let questionWords: Set<Substring> = ["What", "Whether", "How", "Which", "Where", "Why", "Who"]

    @Test("A help text begins with what something is or does, and asks nothing")
    func help() {
        self.check("begins with a question word") { _, line in
            ["help: \"", "ArgumentHelp(\"", "abstract: \"", "summary: \""].contains { mark in
                guard let place = line.text.firstRange(of: mark) else { return false }
                return Self.questionWords.contains(line.text[place.upperBound...].prefix { $0.isLetter })
            }
        }
    }

    @Test("A comment begins with what something is or does, and asks nothing")
    func comments() {
        var before: (path: String, isComment: Bool) = ("", false)
        self.check("begins with a question word") { file, line in
            defer { before = (file.path, line.comment?.isEmpty == false) }
            guard let comment = line.comment, before.path != file.path || !before.isComment else { return false }
            return Self.questionWords.contains(comment.prefix { $0.isLetter })
        }
    }

    @Test("The checks find what they are made for")
    func checksThemselves() {
        let file = SourceFile(
            path: "x",
            text: """
                struct Point {
                    let abscissa: Int
                    var ordinate = 0 // abscissa
                    func sum(ordinate: Int) -> Int {
                        print("abscissa")
                        return abscissa + ordinate + self.abscissa
                    }
                }
                """)
        let members = Members(of: file)
        #expect(members.names == ["abscissa"], "the other is a parameter, too")
        #expect(file.lines.filter { !members.bare(in: $0).isEmpty }.map(\.number) == [6])
        #expect(SourceFile(path: "x", text: "  /// How it is").lines[0].comment == "How it is")
    }
}
