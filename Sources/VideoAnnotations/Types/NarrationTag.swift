// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
    import Glibc
#endif

/// The tags of a narration's text: who acts (`#C`, `#O`), whether the annotator was unsure, whether it is a summary.
///
/// Annotators typed the tags by hand, so they come in many spellings: `#C`, `# C`, `#c`, `#CC`; `#O`, `#Oman`, `# A`,
/// `#Person`; `#unsure`, `# unsure`, `#Usure`, `#EUnsure`, `#nsure`, `#unusre`. Who acts is read from the start of the
/// text, past white space; unsure is looked for behind every `#`, because it mostly stands in for the word that the
/// annotator was unsure of (`#C C picks a #unsure`).
public struct NarrationTag: Hashable, Sendable {
    /// The meaning of the tag at the start of a text.
    public enum Kind: Hashable, Sendable {
        /// There is no tag.
        case none
        /// `#C`: the camera wearer acts.
        case cameraWearer
        /// `#O`, or any tag that is none of the rest: somebody else acts.
        case other
        /// `#unsure`: the annotator could not tell what happens.
        case unsure
        /// `#summary`: the text is about minutes of video, not about a moment.
        case summary
    }

    /// The meaning of the tag at the start.
    public let kind: Kind
    /// Tells whether any tag of the text says unsure.
    public let isUnsure: Bool
    /// Tells whether the text says nothing: it is empty, white space, or a tag alone.
    public let isBlank: Bool
    /// The offset of the text after the tag, past white space, in UTF-8 bytes. A tag that is a word of the sentence
    /// (`# A man walks`, `#Person X`) loses its `#` alone, a tag that is glued to one (`#Oman X`) its letter too.
    public let textOffset: Int

    /// Tells whether the text is a summary.
    public var isSummary: Bool { self.kind == .summary }

    /// Reads the tags of a text.
    public init(in text: String) {
        let tag = text.utf8.withContiguousStorageIfAvailable { NarrationTag(bytes: $0) }
        self = tag ?? Array(text.utf8).withUnsafeBufferPointer { NarrationTag(bytes: $0) }
    }

    /// Reads the tags of a text in UTF-8.
    public init(bytes text: UnsafeBufferPointer<UInt8>) {
        var position = Self.skipBlanks(in: text, from: 0)
        var kind = Kind.none
        if position < text.count, text[position] == Self.hash {
            let start = Self.start(in: text, at: position)
            kind = start.kind
            position = start.textOffset
        }
        self.kind = kind
        self.textOffset = position
        self.isBlank = Self.isBlank(text, from: position)
        self.isUnsure = kind == .unsure || Self.unsureTag(in: text, from: position)
    }

    /// The text after the tag at the start.
    public func text(of text: String) -> Substring {
        text[text.utf8.index(text.startIndex, offsetBy: self.textOffset)...]
    }
}

// MARK: The tag at the start

extension NarrationTag {
    private static let hash = UInt8(ascii: "#")

    /// The tag whose `#` is at a position.
    private static func start(in text: UnsafeBufferPointer<UInt8>, at hash: Int) -> (kind: Kind, textOffset: Int) {
        let word = self.word(in: text, afterHashAt: hash)
        let behind = self.skipPunctuation(in: text, from: word.upperBound)
        switch word.count {
        case 0: return (.none, word.lowerBound)
        case 1 where self.lowercased(text[word.lowerBound]) == UInt8(ascii: "c"): return (.cameraWearer, behind)
        case 1 where self.lowercased(text[word.lowerBound]) == UInt8(ascii: "o"): return (.other, behind)
        default: break
        }
        if self.saysUnsure(text, word, isTag: word.lowerBound == hash + 1) { return (.unsure, behind) }
        if self.saysSummary(text, word) { return (.summary, behind) }
        if text[word].allSatisfy({ self.lowercased($0) == UInt8(ascii: "c") }) {
            return (.cameraWearer, self.startAfterRun(in: text, word, behind))
        }
        if self.hasPrefix("camera", text, word) { return (.cameraWearer, word.lowerBound) }
        return (.other, self.isGluedOther(text, word) ? word.lowerBound + 1 : word.lowerBound)
    }

    /// `#CC picks` is `#C C picks` without the blank; in `#CC C picks` the second letter is the tag's.
    private static func startAfterRun(
        in text: UnsafeBufferPointer<UInt8>, _ run: Range<Int>, _ behind: Int
    ) -> Int {
        let next = self.letters(in: text, from: behind)
        let isWearer = next.count == 1 && self.lowercased(text[next.lowerBound]) == UInt8(ascii: "c")
        return isWearer ? behind : run.upperBound - 1
    }

    /// Tells whether a word is the letter of `#O` glued to a word for a person: `Oman`, `OMan`, `OX`.
    private static func isGluedOther(_ text: UnsafeBufferPointer<UInt8>, _ word: Range<Int>) -> Bool {
        guard self.lowercased(text[word.lowerBound]) == UInt8(ascii: "o") else { return false }
        let rest = word.dropFirst()
        let first = text[rest.lowerBound]
        if text[word.lowerBound] == UInt8(ascii: "O"), first != self.lowercased(first) {
            // A capital before small letters, or alone, begins a word; all capitals (`OLD`) are one word.
            if rest.count == 1 { return true }
            if text[rest.lowerBound + 1] == self.lowercased(text[rest.lowerBound + 1]) { return true }
        }
        let person = rest.map { self.lowercased(text[$0]) }
        return self.persons.contains { $0.elementsEqual(person) }
    }

    private static let persons: [[UInt8]] = [
        "man", "men", "woman", "women", "lady", "ladies", "person", "people", "boy", "boys", "girl", "girls", "child",
        "children", "kid", "kids", "guy", "baby",
    ].map { Array($0.utf8) }

    private static func saysSummary(_ text: UnsafeBufferPointer<UInt8>, _ word: Range<Int>) -> Bool {
        self.hasPrefix("summary", text, word) || self.isNear(self.summaryWord, text, word, distance: 1)
    }

    private static let summaryWord = Array("summary".utf8)
}

// MARK: Unsure

extension NarrationTag {
    /// Tells whether a tag behind a position says unsure. Most texts have no second `#`, and `memchr` says so quickly.
    private static func unsureTag(in text: UnsafeBufferPointer<UInt8>, from start: Int) -> Bool {
        guard let base = text.baseAddress else { return false }
        var position = start
        while position < text.count, let found = memchr(base + position, Int32(self.hash), text.count - position) {
            let hash = UnsafeRawPointer(base).distance(to: UnsafeRawPointer(found))
            let word = self.word(in: text, afterHashAt: hash)
            if self.saysUnsure(text, word, isTag: word.lowerBound == hash + 1) { return true }
            position = hash + 1
        }
        return false
    }

    /// Tells whether the word of a tag means "unsure": it begins with it, or is at most two Levenshtein edits from it.
    ///
    /// A word right after `#` is a tag whatever it is, so nearness is enough. After blanks it may be a word of the
    /// sentence (`# ensures that`), so the ordinary words that are as near are left out.
    private static func saysUnsure(_ text: UnsafeBufferPointer<UInt8>, _ word: Range<Int>, isTag: Bool) -> Bool {
        if self.hasPrefix("unsure", text, word) { return true }
        guard self.isNear(self.unsureWord, text, word, distance: 2) else { return false }
        if isTag { return true }
        let lowercase = word.map { self.lowercased(text[$0]) }
        return !self.ordinaryWords.contains { $0.elementsEqual(lowercase) }
    }

    private static let unsureWord = Array("unsure".utf8)

    /// English words that two edits lead to "unsure".
    private static let ordinaryWords: [[UInt8]] = [
        "assure", "ensue", "ensure", "ensured", "ensures", "injure", "insure", "insured", "insurer", "insures", "inure",
        "sure", "undue", "unsafe", "unsee", "unsung", "untune",
    ].map { Array($0.utf8) }

    /// Tells whether Levenshtein's distance to a word of small letters is within a bound.
    private static func isNear(
        _ target: [UInt8], _ text: UnsafeBufferPointer<UInt8>, _ word: Range<Int>, distance: Int
    ) -> Bool {
        guard abs(word.count - target.count) <= distance else { return false }
        return withUnsafeTemporaryAllocation(of: Int.self, capacity: target.count + 1) { row in
            for column in row.indices { row.initializeElement(at: column, to: column) }
            for (line, byte) in text[word].enumerated() {
                let letter = self.lowercased(byte)
                var diagonal = row[0]
                row[0] = line + 1
                for (column, other) in target.enumerated() {
                    let substitution = diagonal + (letter == other ? 0 : 1)
                    diagonal = row[column + 1]
                    row[column + 1] = min(substitution, diagonal + 1, row[column] + 1)
                }
            }
            return row[target.count] <= distance
        }
    }
}

// MARK: Bytes

extension NarrationTag {
    /// The letters that a `#` is followed by, past blanks; empty where something else follows.
    private static func word(in text: UnsafeBufferPointer<UInt8>, afterHashAt hash: Int) -> Range<Int> {
        self.letters(in: text, from: self.skipBlanks(in: text, from: hash + 1))
    }

    private static func letters(in text: UnsafeBufferPointer<UInt8>, from start: Int) -> Range<Int> {
        var end = start
        while end < text.count, UInt8(ascii: "a")...UInt8(ascii: "z") ~= self.lowercased(text[end]) { end += 1 }
        return start..<end
    }

    private static func hasPrefix(_ prefix: StaticString, _ text: UnsafeBufferPointer<UInt8>, _ word: Range<Int>)
        -> Bool
    {
        let count = prefix.utf8CodeUnitCount
        guard word.count >= count else { return false }
        for index in 0..<count where self.lowercased(text[word.lowerBound + index]) != prefix.utf8Start[index] {
            return false
        }
        return true
    }

    /// Letters become small; other bytes may become something else that is no letter.
    private static func lowercased(_ byte: UInt8) -> UInt8 { byte | 0x20 }

    private static func skipBlanks(in text: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
        var position = start
        while position < text.count, self.isBlank(text[position]) { position += 1 }
        return position
    }

    /// Past the blanks and marks that separate a tag from its text: `#C, C picks`, `#unsure: a box`.
    private static func skipPunctuation(in text: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
        var position = start
        while position < text.count {
            switch text[position] {
            case UInt8(ascii: ","), UInt8(ascii: "."), UInt8(ascii: ":"), UInt8(ascii: ";"), UInt8(ascii: "-"):
                position += 1
            case let byte where self.isBlank(byte): position += 1
            default: return position
            }
        }
        return position
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || 0x09...0x0d ~= byte }

    /// Tells whether only white space is left. ASCII decides nearly always; other texts are asked scalar by scalar.
    private static func isBlank(_ text: UnsafeBufferPointer<UInt8>, from start: Int) -> Bool {
        let position = self.skipBlanks(in: text, from: start)
        guard position < text.count else { return true }
        if text[position] < 0x80 { return false }
        let rest = String(decoding: text[position...], as: UTF8.self)
        return rest.unicodeScalars.allSatisfy(\.properties.isWhitespace)
    }
}
