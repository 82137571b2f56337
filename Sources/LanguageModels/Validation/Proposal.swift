// SPDX-License-Identifier: Apache-2.0

public import Narrations

/// A query as the validators see it: its text made regular, with what is known of its window and its source.
public struct Proposal: Sendable {
    /// The question, white space collapsed, with a question mark at its end.
    public let query: String
    /// The name of the template it says it follows; `nil` where it names none.
    public let templateName: String?
    /// The template of that name, if there is one.
    public let template: QueryTemplate?
    /// The narrations it is about; `nil` for a query that was not made from narrations, such as a human one.
    public let narrations: [Narration]?
    /// Narration ids that it names and that its block does not have.
    public let unknownNarrations: [Int]
    /// The span that answers it, in seconds of the video; `nil` where none is known.
    public let window: Interval?
    /// The clip's span, in seconds of the video.
    public let clip: Interval
    /// The cleaned texts of those narrations.
    let texts: [NarrationText]
    /// The words of the query in small letters, without marks.
    let words: [String]

    /// Makes a proposal of what a writer or an annotator wrote.
    public init(
        query: String, templateName: String?, narrations: [Narration]?, unknownNarrations: [Int] = [],
        window: Interval?, clip: Interval
    ) {
        let query = Self.regular(query)
        self.query = query
        self.templateName = templateName
        self.template = templateName.flatMap(QueryTemplate.init(named:))
        self.narrations = narrations
        self.texts = (narrations ?? []).map { NarrationText($0.text) }
        self.unknownNarrations = unknownNarrations
        self.window = window
        self.clip = clip
        self.words = NarrationWord.plainWords(of: query)
    }

    /// White space collapsed, and "?" for whatever full stop there is or is not at the end. 17 % of the human queries
    /// lack it, so that is no fault.
    static func regular(_ query: String) -> String {
        let words = query.pieces
        var text = words.joined(separator: " ")
        while let last = text.last, last == "." || last == "!" || last == " " { text.removeLast() }
        if text.hasSuffix(" ?") { text = text.dropLast(2) + "?" }
        return text.isEmpty || text.hasSuffix("?") ? text : text + "?"
    }

    /// The text by which queries count as the same: its words alone.
    var normalized: String { self.words.joined(separator: " ") }
}
