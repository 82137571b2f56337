// SPDX-License-Identifier: Apache-2.0

/// Words as NLTK's `word_tokenize` cuts them, which the official code uses for GloVe text (nltk/nltk,
/// `nltk/tokenize/destructive.py`): marks stand alone, and "where's" is two words, "don't" is "do" and "n't".
public enum WordTokenizer {
    private static let alone: Set<Character> = [
        "?", "!", ";", "@", "#", "$", "%", "&", "(", ")", "[", "]", "{", "}", "<", ">", "«", "»", "“", "”", "‘", "’",
    ]
    private static let closing: Set<Character> = [")", "]", "}", ">", "\"", "'", "»", "”", "’"]
    private static let endings = ["'ll", "'re", "'ve", "n't", "'s", "'m", "'d"]
    private static let contractions = [
        "cannot": 3, "gimme": 3, "gonna": 3, "gotta": 3, "lemme": 3, "wanna": 3, "'tis": 2, "'twas": 2, "d'ye": 2,
        "more'n": 4,
    ]

    /// The words of a text, which is lower-case already.
    public static func words(_ text: String) -> [String] {
        let chunks = text.split(whereSeparator: \.isWhitespace)
        return chunks.enumerated().flatMap { index, chunk in
            self.pieces(Array(chunk), isLast: index == chunks.count - 1).flatMap { self.splitWord($0) }
        }
    }

    /// Sets marks apart within a run without blanks.
    private static func pieces(_ chunk: [Character], isLast: Bool) -> [String] {
        var pieces: [String] = []
        var word = ""
        var index = 0
        func finish() {
            if !word.isEmpty { pieces.append(word) }
            word = ""
        }
        while index < chunk.count {
            let character = chunk[index]
            let run = chunk[index...].prefix { $0 == character }.count
            if character == "\"" {
                finish()
                pieces.append(pieces.isEmpty ? "``" : "''")
            } else if self.alone.contains(character) {
                finish()
                pieces.append(String(character))
            } else if (character == "." || character == "-") && run > 1 {
                finish()
                let count = character == "-" ? 2 : run
                pieces.append(String(repeating: character, count: count))
                index += count - 1
            } else if character == "," || character == ":" {
                let next = index + 1 < chunk.count ? chunk[index + 1] : " "
                if next.isNumber { word.append(character) } else { finish() }
                if !next.isNumber { pieces.append(String(character)) }
            } else if character == ".", isLast, chunk[(index + 1)...].allSatisfy({ self.closing.contains($0) }) {
                finish()
                pieces.append(".")
            } else {
                word.append(character)
            }
            index += 1
        }
        finish()
        return pieces
    }

    /// Sets endings like 's apart.
    private static func splitWord(_ word: String) -> [String] {
        if let count = self.contractions[word] { return [String(word.prefix(count)), String(word.dropFirst(count))] }
        for ending in self.endings where word.hasSuffix(ending) && word.count > ending.count {
            return self.splitWord(String(word.dropLast(ending.count))) + [ending]
        }
        if word.count > 1, word != "''", word.hasSuffix("'") { return [String(word.dropLast()), "'"] }
        return [word]
    }
}
