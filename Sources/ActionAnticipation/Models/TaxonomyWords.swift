// SPDX-License-Identifier: Apache-2.0

/// One of a taxonomy's lists as a model reads and writes it: `put_(place,_leave,_drop)` is "put", and "place", "leave"
/// and "drop" mean it, too.
struct TaxonomyWords: Sendable {
    /// The way in which a word was found.
    enum Match: String, Hashable {
        /// It is the entry, its first word, or one of its kin.
        case exact
        /// Its meaning is nearest, by the sentence encoder.
        case nearest
        /// Nothing says what it is.
        case none
    }

    /// The first words of the entries, in their order.
    let heads: [String]
    private let places: [String: Int]

    init(_ entries: [String]) {
        var places: [String: Int] = [:]
        let parts = entries.map(Self.words)
        // An entry's own text and first word count before another's kin.
        for (place, entry) in entries.enumerated() { places[Self.plain(entry)] = places[Self.plain(entry)] ?? place }
        for (place, words) in parts.enumerated() {
            if let head = words.first { places[head] = places[head] ?? place }
        }
        for (place, words) in parts.enumerated() {
            for word in words.dropFirst() { places[word] = places[word] ?? place }
        }
        self.heads = zip(entries, parts).map { $1.first ?? $0 }
        self.places = places
    }

    /// The place of a word that the list has.
    func place(of word: String) -> Int? { self.places[Self.plain(word)] }

    /// The words of an entry: the first, then its kin in brackets.
    static func words(_ entry: String) -> [String] {
        let parts = entry.split(separator: "(", maxSplits: 1, omittingEmptySubsequences: false)
        let kin = parts.count > 1 ? parts[1].split(whereSeparator: { $0 == "," || $0 == ")" || $0 == "(" }) : []
        return ([parts[0]] + kin).map { self.plain(String($0)) }.filter { !$0.isEmpty }
    }

    /// Lower case, one blank between words, none around.
    static func plain(_ text: String) -> String {
        text.lowercased().split(whereSeparator: { $0 == "_" || $0.isWhitespace }).joined(separator: " ")
    }
}
