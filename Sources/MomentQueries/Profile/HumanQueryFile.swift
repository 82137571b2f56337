// SPDX-License-Identifier: Apache-2.0

public import Codecs
import NarrationGrammar
import Records
import VideoAnnotations

/// A query of an annotation file as somebody wrote it.
struct HumanQuery: Hashable, Sendable {
    var videoUID: String
    var clipUID: String
    /// The clip, in seconds of itself: from 0.
    var clip: Interval
    /// The text as it is; `nil` where there is none.
    var query: String?
    /// The name of the template as it is; `nil` where there is none.
    var template: String?
    /// The answer, in seconds of the clip; `nil` where it is missing.
    var window: Interval?
}

/// An annotation file in the official format of Natural Language Queries, read as its authors left it: what is missing
/// or odd is counted and lived with, and only what is no such file at all is an error.
///
/// Times are read in seconds: the files' frames are wrong for a quarter of the queries.
public struct HumanQueryFile: Sendable {
    /// An oddity of a query.
    public enum Oddity: String, CaseIterable, Sendable {
        /// The key `query` is missing.
        case missingQuery = "missing-query"
        /// The query is null, empty, white space, or no text.
        case emptyQuery = "empty-query"
        /// The template is null or missing.
        case missingTemplate = "missing-template"
        /// The template is none of the 13.
        case unknownTemplate = "unknown-template"
        /// The text has a curly apostrophe or quote.
        case curlyQuote = "curly-quote"
        /// The text has white space at an end, twice in a row, or before its question mark, or a line break.
        case oddSpacing = "odd-spacing"
        /// The text does not end in a question mark.
        case noQuestionMark = "no-question-mark"
        /// The text does not begin with a capital letter.
        case noCapital = "no-capital"
        /// A time of the window is missing or no number.
        case missingWindow = "missing-window"
        /// The window has no length.
        case emptyWindow = "empty-window"
        /// The window ends before it starts.
        case reversedWindow = "reversed-window"
        /// The window is not wholly in its clip.
        case windowOutsideClip = "window-outside-clip"
    }

    /// The queries, in the file's order.
    let queries: [HumanQuery]
    /// The count of each oddity.
    public let oddities: [Oddity: Int]
    /// The number of clips.
    public let clips: Int
    /// The number of videos.
    public let videos: Int
    /// The number of queries.
    public var count: Int { self.queries.count }

    /// Reads a file.
    /// - Throws: `JSONError` where it is no JSON, or not of this format.
    public init(parsing bytes: UnsafeBufferPointer<UInt8>) throws(JSONError) {
        var parser = HumanQueryParser()
        var json = JSONScanner(bytes)
        try parser.file(&json)
        try json.finish()
        guard parser.hasVideos else {
            throw JSONError(
                "expected an annotation file of Natural Language Queries: an object with `videos`", offset: 0)
        }
        self.queries = parser.queries
        self.clips = parser.clips
        self.videos = parser.videos
        var oddities: [Oddity: Int] = [:]
        for (query, hasQuery) in zip(parser.queries, parser.hasQuery) {
            for oddity in Self.oddities(of: query, hasQuery: hasQuery) { oddities[oddity, default: 0] += 1 }
        }
        self.oddities = oddities
    }

    /// Returns the profile of the queries; those without text are left out.
    public func profile() -> QueryProfile {
        var profile = QueryProfile()
        for query in self.queries {
            guard let text = query.query, !text.pieces.isEmpty else { continue }
            profile.add(text, template: query.template, video: query.videoUID, seconds: query.window?.length)
        }
        return profile
    }

    private static func oddities(of query: HumanQuery, hasQuery: Bool) -> [Oddity] {
        var found: [Oddity] = []
        if let text = query.query, !text.pieces.isEmpty {
            found += self.oddities(of: text)
        } else {
            found.append(hasQuery ? .emptyQuery : .missingQuery)
        }
        if let name = query.template, !name.pieces.isEmpty {
            if QueryTemplate(named: name) == nil { found.append(.unknownTemplate) }
        } else {
            found.append(.missingTemplate)
        }
        guard let window = query.window else { return found + [.missingWindow] }
        if window.length < 0 { found.append(.reversedWindow) }
        if window.length == 0 { found.append(.emptyWindow) }
        let slack = 1e-4
        if window.start < query.clip.start - slack || window.end > query.clip.end + slack {
            found.append(.windowOutsideClip)
        }
        return found
    }

    private static func oddities(of text: String) -> [Oddity] {
        var found: [Oddity] = []
        if text.contains(where: { "\u{2018}\u{2019}\u{201c}\u{201d}".contains($0) }) { found.append(.curlyQuote) }
        let regular = text.pieces.joined(separator: " ")
        if regular != text || regular.hasSuffix(" ?") { found.append(.oddSpacing) }
        if !regular.hasSuffix("?") { found.append(.noQuestionMark) }
        if let first = regular.first, !first.isUppercase { found.append(.noCapital) }
        return found
    }
}

/// Reads the nested lists of an annotation file. A value of another type than it should be counts as missing.
private struct HumanQueryParser {
    var queries: [HumanQuery] = []
    /// Tells for each query whether it has the key `query`, whatever it holds.
    var hasQuery: [Bool] = []
    var clips = 0
    var videos = 0
    var hasVideos = false

    mutating func file(_ json: inout JSONScanner) throws(JSONError) {
        try json.beginObject()
        while let key = try json.nextKey() {
            guard key == "videos" else {
                try json.skip()
                continue
            }
            self.hasVideos = true
            try json.beginArray()
            while try json.nextElement() { try self.video(&json) }
        }
    }

    private mutating func video(_ json: inout JSONScanner) throws(JSONError) {
        self.videos += 1
        let first = self.queries.count
        var uid = ""
        try json.beginObject()
        while let key = try json.nextKey() {
            if key == "video_uid" {
                uid = try Self.text(&json) ?? ""
            } else if key == "clips" {
                try json.beginArray()
                while try json.nextElement() { try self.clip(&json) }
            } else {
                try json.skip()
            }
        }
        for index in first..<self.queries.count { self.queries[index].videoUID = uid }
    }

    private mutating func clip(_ json: inout JSONScanner) throws(JSONError) {
        self.clips += 1
        let first = self.queries.count
        var uid = ""
        var seconds: [String: Double] = [:]
        try json.beginObject()
        while let key = try json.nextKey() {
            if key == "clip_uid" {
                uid = try Self.text(&json) ?? ""
            } else if key == "annotations" {
                try json.beginArray()
                while try json.nextElement() { try self.annotation(&json) }
            } else if Self.times.contains(key.text) {
                let name = key.text
                seconds[name] = try Self.number(&json)
            } else {
                try json.skip()
            }
        }
        let start = seconds["clip_start_sec"] ?? 0
        let length = (seconds["video_end_sec"] ?? .infinity) - (seconds["video_start_sec"] ?? 0)
        for index in first..<self.queries.count {
            self.queries[index].clipUID = uid
            self.queries[index].clip = Interval(start, seconds["clip_end_sec"] ?? length)
        }
    }

    private mutating func annotation(_ json: inout JSONScanner) throws(JSONError) {
        try json.beginObject()
        while let key = try json.nextKey() {
            guard key == "language_queries" else {
                try json.skip()
                continue
            }
            try json.beginArray()
            while try json.nextElement() { try self.query(&json) }
        }
    }

    private mutating func query(_ json: inout JSONScanner) throws(JSONError) {
        var query = HumanQuery(videoUID: "", clipUID: "", clip: Interval(0, 0))
        var hasQuery = false
        var seconds: [String: Double] = [:]
        try json.beginObject()
        while let key = try json.nextKey() {
            if key == "query" {
                hasQuery = true
                query.query = try Self.text(&json)
            } else if key == "template" {
                query.template = try Self.text(&json)
            } else if Self.times.contains(key.text) {
                let name = key.text
                seconds[name] = try Self.number(&json)
            } else {
                try json.skip()
            }
        }
        if let start = seconds["clip_start_sec"], let end = seconds["clip_end_sec"] {
            query.window = Interval(start, end)
        }
        self.queries.append(query)
        self.hasQuery.append(hasQuery)
    }

    private static let times: Set<String> = ["clip_start_sec", "clip_end_sec", "video_start_sec", "video_end_sec"]

    private static func text(_ json: inout JSONScanner) throws(JSONError) -> String? {
        if try json.kind() == .string { return try json.string() }
        try json.skip()
        return nil
    }

    private static func number(_ json: inout JSONScanner) throws(JSONError) -> Double? {
        guard try json.kind() == .number else {
            try json.skip()
            return nil
        }
        let number = try json.double()
        return number.isFinite ? number : nil
    }
}
