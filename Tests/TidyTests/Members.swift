// SPDX-License-Identifier: Apache-2.0

/// A word of code, with what stands around it.
struct Word {
    let text: Substring
    let before: Character?
    /// The first character behind it that is no blank.
    let after: Character?

    /// The words of a line of code.
    static func all(in code: String) -> [Word] {
        var words: [Word] = []
        var index = code.startIndex
        while index < code.endIndex {
            guard code[index].isLetter || code[index] == "_" else {
                index = code.index(after: index)
                continue
            }
            let end = code[index...].firstIndex { !$0.isLetter && !$0.isNumber && $0 != "_" } ?? code.endIndex
            let before = index == code.startIndex ? nil : code[code.index(before: index)]
            words.append(
                Word(text: code[index..<end], before: before, after: code[end...].first { $0 != " " }))
            index = end
        }
        return words
    }
}

/// The properties of the types in a file, as far as a look at words can tell them from all else: a name that stands for
/// anything else in the file as well is left out.
struct Members {
    /// Names that can stand for nothing but a property of an instance.
    private(set) var names: Set<Substring> = []
    private var properties: Set<Substring> = []
    private var others: Set<Substring> = ["error", "set", "newValue", "oldValue"]

    init(of file: SourceFile) {
        var isType = false
        for line in file.lines {
            if line.indentation == 0, let first = line.code.first, first.isLetter || first == "@" {
                let words = Set(Word.all(in: line.code).map(\.text))
                isType = !words.isDisjoint(with: ["struct", "class", "enum", "extension", "actor", "protocol"])
            }
            self.take(line, isInType: isType)
        }
        self.names = self.properties.subtracting(self.others)
    }

    private mutating func take(_ line: SourceFile.Line, isInType: Bool) {
        var words = Word.all(in: line.code)
        let texts = words.map(\.text)
        if isInType, line.indentation == 4, let place = texts.firstIndex(where: { $0 == "let" || $0 == "var" }),
            place + 1 < words.count, Set(texts[..<place]).isDisjoint(with: ["static", "func", "case", "class", "init"])
        {
            self.properties.insert(texts[place + 1])
            words.removeFirst(place + 2)
        } else if let first = texts.firstIndex(where: { ["let", "var", "func", "case"].contains($0) }) {
            // Everything that is bound there, and a little more.
            self.others.formUnion(words[first...].filter { ["=", ",", ")", "(", nil].contains($0.after) }.map(\.text))
            for (word, next) in zip(words, words.dropFirst()) where word.text == "let" || word.text == "var" {
                self.others.insert(next.text)
            }
        }
        // Labels, parameters, captures and what closures and loops bind.
        self.others.formUnion(words.filter { $0.after == ":" || $0.before == "[" || $0.after == "]" }.map(\.text))
        if let last = words.lastIndex(where: { $0.text == "in" }) {
            let from = line.code.contains("for ") ? 0 : words[..<last].lastIndex { $0.before == "{" } ?? 0
            self.others.formUnion(words[from..<last].map(\.text))
        }
    }

    /// The properties that a line names without `self.`.
    func bare(in line: SourceFile.Line) -> [Substring] {
        guard !self.names.isEmpty, line.indentation >= 8 else { return [] }
        return Word.all(in: line.code).filter { word in
            self.names.contains(word.text) && word.before.map { !".$`\\@#".contains($0) } != false
        }.map(\.text)
    }
}
