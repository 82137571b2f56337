// SPDX-License-Identifier: Apache-2.0

/// Cuts a text into the words that LLaMA 3's byte pairs are joined within, as its pattern does:
/// contractions; letters with one sign in front; up to three digits; signs with a blank in front and line breaks
/// behind; white space up to its last line break; white space up to its last character before a word (`pattern`).
enum LlamaSplit {
    /// The pattern as `tokenizer.json` has it.
    static let pattern =
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

    private enum Kind {
        case letter
        case number
        /// `\r` or `\n`.
        case lineBreak
        /// White space but for line breaks.
        case space
        case sign
    }

    private struct Unit {
        let kind: Kind
        let scalar: Unicode.Scalar
        /// The place behind it, in UTF-8 bytes.
        let end: Int
    }

    /// The words of a text, in UTF-8 bytes, without gaps.
    static func words(of text: some StringProtocol) -> [Range<Int>] {
        var units: [Unit] = []
        var end = 0
        for scalar in text.unicodeScalars {
            end += UTF8.width(scalar)
            units.append(Unit(kind: self.kind(scalar), scalar: scalar, end: end))
        }
        var words: [Range<Int>] = []
        var place = 0
        var start = 0
        while place < units.count {
            place = max(self.end(of: units, from: place), place + 1)
            words.append(start..<units[place - 1].end)
            start = units[place - 1].end
        }
        return words
    }

    private static func kind(_ scalar: Unicode.Scalar) -> Kind {
        switch scalar.value {
        case 0x0a, 0x0d: return .lineBreak
        case 0x61...0x7a, 0x41...0x5a: return .letter
        case 0x30...0x39: return .number
        case 0x20: return .space
        default: break
        }
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: return .letter
        case .decimalNumber, .letterNumber, .otherNumber: return .number
        default: return scalar.properties.isWhitespace ? .space : .sign
        }
    }

    /// The end of the word that begins at a place: the first alternative of the pattern that fits.
    private static func end(of units: [Unit], from place: Int) -> Int {
        func run(_ from: Int, _ isOf: (Kind) -> Bool) -> Int {
            var end = from
            while end < units.count, isOf(units[end].kind) { end += 1 }
            return end
        }
        if let end = self.contraction(units, place) { return end }
        let first = units[place].kind
        let isPrefix = first == .space || first == .sign
        let letters = isPrefix ? place + 1 : place
        let lettersEnd = run(letters) { $0 == .letter }
        if lettersEnd > letters { return lettersEnd }
        if first == .number { return min(run(place) { $0 == .number }, place + 3) }
        let signs = units[place].scalar == " " ? place + 1 : place
        let signsEnd = run(signs) { $0 == .sign }
        if signsEnd > signs { return run(signsEnd) { $0 == .lineBreak } }
        // Only white space is left. Up to its last line break, or all but its last character before a word.
        let end = run(place) { $0 == .space || $0 == .lineBreak }
        if let last = units[place..<end].lastIndex(where: { $0.kind == .lineBreak }) { return last + 1 }
        return end == units.count || end == place + 1 ? end : end - 1
    }

    private static let contractions: [[Unicode.Scalar]] = ["s", "t", "re", "ve", "m", "ll", "d"].map {
        Array($0.unicodeScalars)
    }

    private static func contraction(_ units: [Unit], _ place: Int) -> Int? {
        guard units[place].scalar == "'" else { return nil }
        for letters in self.contractions where place + letters.count < units.count {
            let written = units[(place + 1)...(place + letters.count)].map { self.folded($0.scalar) }
            if written == letters { return place + 1 + letters.count }
        }
        return nil
    }

    /// Without case; the long s is an s.
    private static func folded(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        switch scalar.value {
        case 0x41...0x5a: Unicode.Scalar(UInt8(scalar.value) + 0x20)
        case 0x17f: "s"
        default: scalar
        }
    }
}
