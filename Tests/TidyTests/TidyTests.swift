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

    @Test("A comment begins with what something is or does, and asks nothing")
    func comments() {
        let words: Set<Substring> = ["What", "Whether", "How", "Which", "Where", "Why", "Who"]
        var before: (path: String, isComment: Bool) = ("", false)
        self.check("begins with a question word") { file, line in
            defer { before = (file.path, line.comment?.isEmpty == false) }
            guard let comment = line.comment, before.path != file.path || !before.isComment else { return false }
            return words.contains(comment.prefix { $0.isLetter })
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
