// SPDX-License-Identifier: Apache-2.0

/// The words by which two narrations are told to be about one thing or one activity: what is done and to what, without
/// the small words, who acts, and the endings of plurals. Words are kept as hashes (FNV-1a): every narration is read.
struct MomentWords: Sendable {
    private var words: [UInt64] = []

    /// Reads a narration's text, tags and all.
    init(_ text: String) {
        var word: [UInt8] = []
        for byte in text.utf8.dropFirst(NarrationTag(in: text).textOffset) {
            if Self.isLetter(byte) {
                word.append(0x41...0x5a ~= byte ? byte | 0x20 : byte)
            } else {
                self.add(word)
                word.removeAll(keepingCapacity: true)
            }
        }
        self.add(word)
    }

    /// Tells whether two share a word.
    func isAbout(_ other: MomentWords) -> Bool { other.words.contains { self.words.contains($0) } }

    /// Takes another's words, too.
    mutating func add(_ other: MomentWords) {
        for word in other.words where !self.words.contains(word) { self.words.append(word) }
    }

    private mutating func add(_ word: [UInt8]) {
        guard word.count > 2, !Self.small.contains(Self.hash(word[...])) else { return }
        let hash = Self.hash(Self.withoutEnding(word))
        if !self.words.contains(hash) { self.words.append(hash) }
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        0x61...0x7a ~= byte || 0x41...0x5a ~= byte || byte >= 0x80
    }

    /// "plates" and "plate", "washes" and "wash"; a glass stays one.
    private static func withoutEnding(_ word: [UInt8]) -> ArraySlice<UInt8> {
        guard word.count > 3, word.last == UInt8(ascii: "s"), !word.ends(with: "ss") else { return word[...] }
        let stem = word.dropLast()
        return self.sibilants.contains { stem.ends(with: $0) } ? stem.dropLast() : stem
    }

    private static let sibilants: [StaticString] = ["she", "che", "xe", "sse", "zze"]

    private static func hash(_ word: ArraySlice<UInt8>) -> UInt64 {
        word.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 }
    }

    private static let small: Set<UInt64> = {
        let words = """
            the and with from into onto for off out down back its his her him she this that these those over under some \
            another other then while them their there left right hand hands both one two around through towards toward \
            top inside beside between person man woman lady continue continues still again
            """
        return Set(words.utf8.split(separator: UInt8(ascii: " ")).map { Self.hash(Array($0)[...]) })
    }()
}

extension BidirectionalCollection<UInt8> {
    fileprivate func ends(with text: StaticString) -> Bool {
        text.withUTF8Buffer { self.suffix($0.count).elementsEqual($0) }
    }
}
