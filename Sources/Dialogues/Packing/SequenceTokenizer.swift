// SPDX-License-Identifier: Apache-2.0

/// A token of a text.
public struct SequenceToken: Hashable, Sendable {
    /// Its number in the vocabulary.
    public var id: Int
    /// Its place in the text, in UTF-8 bytes.
    public var range: Range<Int>

    /// Creates a token.
    public init(id: Int, range: Range<Int>) {
        self.id = id
        self.range = range
    }
}

/// Counts and finds the tokens of the texts in a training sequence.
public protocol SequenceTokenizer: Sendable {
    /// The tokens of a text, special ones recognised, none added.
    func tokens(of text: String) -> [SequenceToken]
    /// The number of tokens that are put around a text where the model begins one: that of its beginning.
    var addedCount: Int { get }
}

extension SequenceTokenizer {
    /// The number of tokens of a text.
    /// - Parameter added: counts those that are put around it, too.
    func count(_ text: String, added: Bool = false) -> Int {
        self.tokens(of: text).count + (added ? self.addedCount : 0)
    }
}

/// Special texts in a text, found from left to right, the longest at each place.
struct SpecialTexts: Sendable {
    private let texts: [(bytes: [UInt8], id: Int)]
    private let firstBytes: Set<UInt8>

    /// Prepares the search; empty texts are passed over.
    init(_ texts: [(text: String, id: Int)]) {
        self.texts = texts.map { (Array($0.text.utf8), $0.id) }.filter { !$0.bytes.isEmpty }
            .sorted { $0.bytes.count > $1.bytes.count }
        self.firstBytes = Set(self.texts.map { $0.bytes[0] })
    }

    /// The special text that begins at a place.
    func match(_ bytes: [UInt8], at place: Int) -> (id: Int, count: Int)? {
        guard self.firstBytes.contains(bytes[place]) else { return nil }
        for text in self.texts where bytes.count - place >= text.bytes.count {
            if bytes[place..<place + text.bytes.count].elementsEqual(text.bytes) { return (text.id, text.bytes.count) }
        }
        return nil
    }

    /// The pieces of a text: special ones with their number, and what is between them.
    func pieces(of bytes: [UInt8]) -> [(range: Range<Int>, id: Int?)] {
        var pieces: [(Range<Int>, Int?)] = []
        var start = 0
        var place = 0
        while place < bytes.count {
            guard let found = self.match(bytes, at: place) else {
                place += 1
                continue
            }
            if start < place { pieces.append((start..<place, nil)) }
            pieces.append((place..<place + found.count, found.id))
            place += found.count
            start = place
        }
        if start < bytes.count { pieces.append((start..<bytes.count, nil)) }
        return pieces
    }
}

/// Words, numbers and single signs as tokens: near enough to count by where no model's tokenizer is at hand. Special
/// texts, two line feeds together, runs of ASCII letters, digits and apostrophes, and any other character that is not
/// white space are a token each.
public struct WordTokens: SequenceTokenizer {
    private let special: SpecialTexts

    /// Creates a tokenizer.
    /// - Parameter more: special texts beside those of LLaMA 3 and `<image>`.
    public init(special more: [String] = []) {
        let texts = Self.specialTexts + more.filter { !$0.isEmpty && !Self.specialTexts.contains($0) }
        self.special = SpecialTexts(texts.enumerated().map { ($0.element, $0.offset) })
    }

    private static let specialTexts = [
        "<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<image>",
    ]

    /// The beginning of the text.
    public var addedCount: Int { 1 }

    /// The tokens of a text. Numbers are those of special texts; all others have -1.
    public func tokens(of text: String) -> [SequenceToken] {
        let bytes = Array(text.utf8)
        var tokens: [SequenceToken] = []
        for piece in self.special.pieces(of: bytes) {
            if let id = piece.id {
                tokens.append(SequenceToken(id: id, range: piece.range))
            } else {
                Self.add(piece.range, of: bytes, to: &tokens)
            }
        }
        return tokens
    }

    private static func add(_ range: Range<Int>, of bytes: [UInt8], to tokens: inout [SequenceToken]) {
        var place = range.lowerBound
        while place < range.upperBound {
            var end = place
            while end < range.upperBound, Self.isOfWord(bytes[end]) { end += 1 }
            if end == place {
                let isPair = bytes[place] == 0x0a && place + 1 < range.upperBound && bytes[place + 1] == 0x0a
                end = isPair ? place + 2 : place + Self.width(bytes[place])
                end = min(end, range.upperBound)
                guard isPair || !Self.isSpace(bytes[place..<end]) else {
                    place = end
                    continue
                }
            }
            tokens.append(SequenceToken(id: -1, range: place..<end))
            place = end
        }
    }

    private static func isOfWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "'"):
            true
        default: false
        }
    }

    private static func width(_ first: UInt8) -> Int { first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4 }

    private static func isSpace(_ bytes: ArraySlice<UInt8>) -> Bool {
        String(decoding: bytes, as: UTF8.self).unicodeScalars.allSatisfy(PythonText.isSpace)
    }
}
