// SPDX-License-Identifier: Apache-2.0

import NarrationGrammar
public import VideoAnnotations

/// A query as the validators see it: its text made regular, with what is known of its window and its source.
public struct Proposal: Sendable {
    /// The question, white space collapsed, with a question mark at its end.
    public let query: String
    /// The name of the template it says it follows; `nil` where it names none.
    public let templateName: String?
    /// The template of that name, if there is one.
    public let template: QueryTemplate?
    /// Narration ids that it names and that its block does not have.
    public let unknownNarrations: [Int]
    /// The span that answers it, in seconds of the video; `nil` where none is known.
    public let window: Interval?
    /// The clip's span, in seconds of the video.
    public let clip: Interval
    /// The block, and the places in it of the narrations that the query is about; `nil` for a query that was not made
    /// from narrations, such as a human one.
    let source: (reading: BlockReading, about: [Int])?
    /// The words of the query with its marks.
    let tokens: [NarrationWord]
    /// The words of the query in small letters, without marks.
    let words: [String]
    /// The words that say what it is about; none where it was not made from narrations, with which they are compared.
    let content: QueryContent

    /// A query that was not made from narrations.
    public init(query: String, templateName: String?, window: Interval?, clip: Interval) {
        self.init(query, templateName, window, clip, source: nil, unknownNarrations: [])
    }

    /// A candidate about a block. Its window reaches from the earliest start to the latest end of the windows of its
    /// narrations, cut to the clip.
    init(_ candidate: Candidate, of reading: BlockReading) {
        let narrations = reading.block.narrations
        let about = narrations.indices.filter { candidate.narrationIDs.contains(narrations[$0].index) }
        let unknown = candidate.narrationIDs.filter { id in !about.contains { narrations[$0].index == id } }
        let windows = about.compactMap { narrations[$0].window }
        var window: Interval?
        if let start = windows.map(\.start).min(), let end = windows.map(\.end).max() {
            window = Interval(start, end).intersection(reading.block.clip.span)
        }
        self.init(
            candidate.query, candidate.template.isEmpty ? nil : candidate.template, window, reading.block.clip.span,
            source: (reading, about), unknownNarrations: unknown.sorted())
    }

    private init(
        _ query: String, _ templateName: String?, _ window: Interval?, _ clip: Interval,
        source: (reading: BlockReading, about: [Int])?, unknownNarrations: [Int]
    ) {
        let query = Self.regular(query)
        self.query = query
        self.templateName = templateName
        self.template = templateName.flatMap(QueryTemplate.init(named:))
        self.source = source
        self.unknownNarrations = unknownNarrations
        self.window = window
        self.clip = clip
        self.tokens = NarrationWord.words(of: query)
        self.words = self.tokens.compactMap { $0 == .mark ? nil : $0.text }
        self.content = QueryContent(source == nil ? [] : self.words)
    }

    /// The indices in their pass of the narrations it is about, in order.
    var narrationIndices: [Int] {
        guard let source = self.source else { return [] }
        return source.about.map { source.reading.block.narrations[$0].index }
    }

    /// The narrations it is about, as they were read.
    var narrations: [NarrationReading] {
        guard let source = self.source else { return [] }
        return source.about.map { source.reading.narrations[$0] }
    }

    /// White space collapsed, quotes around the whole taken off, curly apostrophes straightened, and "?" for whatever
    /// full stop there is or is not at the end. 17 % of the human queries lack it, so that is no fault.
    static func regular(_ query: String) -> String {
        if self.isRegular(query) { return query }
        var text = query.pieces.joined(separator: " ")
        if text.utf8.contains(where: { $0 >= 0x80 }) {
            text = String(text.map { $0 == "\u{2019}" || $0 == "\u{2018}" ? "'" : $0 == "\u{ff1f}" ? "?" : $0 })
        }
        for (opening, closing) in [("\"", "\""), ("\u{201c}", "\u{201d}"), ("'", "'")]
        where text.count > 2 && text.hasPrefix(opening) && text.hasSuffix(closing) {
            text = String(text.dropFirst().dropLast())
        }
        while let last = text.last, last == "." || last == "!" || last == " " { text.removeLast() }
        if text.hasSuffix(" ?") { text = text.dropLast(2) + "?" }
        return text.isEmpty || text.hasSuffix("?") ? text : text + "?"
    }

    /// Tells whether nothing is to be done, as with what rules write: words of letters between single blanks, and "?".
    private static func isRegular(_ query: String) -> Bool {
        var before = UInt8(ascii: " ")
        for byte in query.utf8 {
            let isLetter = UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20
            let isMark = byte == UInt8(ascii: " ") || byte == UInt8(ascii: "?") || byte == UInt8(ascii: "-")
            guard isLetter || isMark && before != UInt8(ascii: " ") && before != UInt8(ascii: "?") else { return false }
            if isLetter, before == UInt8(ascii: "?") { return false }
            before = byte
        }
        return before == UInt8(ascii: "?")
    }

    /// The text by which queries count as the same: its words alone.
    var normalized: String { self.words.joined(separator: " ") }
}
