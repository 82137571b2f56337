// SPDX-License-Identifier: Apache-2.0

/// Words with what is known of each of them, found by their bytes.
///
/// Reading and judging texts is looking up words, dozens of times a narration. A dictionary of strings spends most of
/// that on a hash that an attacker cannot foresee, and on canonical equivalence; these words are written in this
/// program, and no text adds to them, so a hash of a word's ends does. Words are compared whole.
public struct WordTable<Value: Sendable>: Sendable {
    // Members that every lookup runs can be inlined, so that they are compiled for the values of each table.

    @usableFromInline
    struct Entry: Sendable {
        @usableFromInline let word: String
        @usableFromInline var value: Value
    }

    @usableFromInline var entries: [Entry] = []
    /// For each hash the number of the first entry that it may be, from 1, and 0 where there is none; entries that
    /// collide are in the slots behind.
    @usableFromInline var slots: [UInt16] = [0, 0]

    /// The most words that a table may have.
    static var countMax: Int { Int(UInt16.max) }

    /// Begins with no words.
    public init() {}

    /// Knows the words of a list; of a word that is there twice, the last value.
    public init(_ words: [(String, Value)]) {
        for (word, value) in words { self[word] = value }
    }

    /// Finds what is known of a word, or sets it; a value cannot be taken back.
    @inlinable
    public subscript(word: String) -> Value? {
        get { self.number(of: word).map { self.entries[$0].value } }
        set {
            guard let newValue else { preconditionFailure("a word is never forgotten") }
            self.set(newValue, for: word)
        }
    }

    /// Tells whether a word is known.
    @inlinable
    public func contains(_ word: String) -> Bool { self.number(of: word) != nil }

    @inlinable
    func number(of word: String) -> Int? {
        let mask = self.slots.count - 1
        var slot = WordHash.hash(word) & mask
        while self.slots[slot] > 0 {
            let number = Int(self.slots[slot]) - 1
            if self.entries[number].word == word { return number }
            slot = (slot + 1) & mask
        }
        return nil
    }

    @usableFromInline
    mutating func set(_ value: Value, for word: String) {
        if let number = self.number(of: word) {
            self.entries[number].value = value
        } else {
            self.append(Entry(word: word, value: value))
        }
    }

    private mutating func append(_ entry: Entry) {
        precondition(self.entries.count < Self.countMax, "the words are counted by 16 bits")
        self.entries.append(entry)
        if self.entries.count * 4 > self.slots.count {
            self.slots = Array(repeating: 0, count: self.slots.count * 4)
            for number in self.entries.indices { self.place(number) }
        } else {
            self.place(self.entries.count - 1)
        }
    }

    private mutating func place(_ number: Int) {
        let mask = self.slots.count - 1
        var slot = WordHash.hash(self.entries[number].word) & mask
        while self.slots[slot] > 0 { slot = (slot + 1) & mask }
        self.slots[slot] = UInt16(number + 1)
    }
}

/// Some words; see `WordTable`.
public struct WordSet: Sendable, ExpressibleByArrayLiteral {
    private let table: WordTable<Bool>

    /// Takes words.
    public init(_ words: [String]) { self.table = WordTable(words.map { ($0, true) }) }

    /// Takes words.
    public init(arrayLiteral words: String...) { self.init(words) }

    /// Takes the words of a text, between blanks and line breaks.
    public init(wordsOf text: String) { self.init(text.split(whereSeparator: \.isWhitespace).map(String.init)) }

    /// Tells whether a word is one of them.
    public func contains(_ word: String) -> Bool { self.table.contains(word) }
}

/// The hash of `WordTable`.
@usableFromInline
enum WordHash {
    /// A hash of a word's length, its first eight bytes and its last eight.
    @usableFromInline
    static func hash(_ word: String) -> Int {
        word.utf8.withContiguousStorageIfAvailable { self.hash($0) }
            ?? Array(word.utf8).withUnsafeBufferPointer { self.hash($0) }
    }

    private static func hash(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
        var first: UInt64 = 0
        var last: UInt64 = 0
        let raw = UnsafeRawBufferPointer(bytes)
        if bytes.count >= 8 {
            first = raw.loadUnaligned(fromByteOffset: 0, as: UInt64.self)
            last = raw.loadUnaligned(fromByteOffset: bytes.count - 8, as: UInt64.self)
        } else {
            for byte in bytes { first = first << 8 | UInt64(byte) }
        }
        // Multipliers of xxHash and splitmix64: the high bits of such a product depend on all bits of its factor.
        let mixed = (first &+ UInt64(bytes.count)) &* 0x9e37_79b1_85eb_ca87 &+ last &* 0xc2b2_ae3d_27d4_eb4f
        return Int(truncatingIfNeeded: ((mixed ^ (mixed >> 29)) &* 0xbf58_476d_1ce4_e5b9) >> 33)
    }
}
