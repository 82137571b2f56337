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
        let file = try AnnotationFile(lenient: bytes)
        var queries: [HumanQuery] = []
        var oddities: [Oddity: Int] = [:]
        for video in file.videos {
            for clip in video.clips {
                for query in clip.annotations.flatMap(\.queries) {
                    let human = HumanQuery(query, of: clip, in: video)
                    for oddity in Self.oddities(of: human, hasQuery: query.namesText) {
                        oddities[oddity, default: 0] += 1
                    }
                    queries.append(human)
                }
            }
        }
        self.queries = queries
        self.oddities = oddities
        self.clips = file.videos.reduce(0) { $0 + $1.clips.count }
        self.videos = file.videos.count
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

extension HumanQuery {
    fileprivate init(_ query: AnnotationFile.Query, of clip: AnnotationFile.Clip, in video: AnnotationFile.Video) {
        self.init(
            videoUID: video.uid, clipUID: clip.uid,
            clip: Interval(clip.ownStart ?? 0, clip.ownEnd ?? clip.end - clip.start), query: query.text,
            template: query.template)
        if let start = query.start, let end = query.end { self.window = Interval(start, end) }
    }
}
