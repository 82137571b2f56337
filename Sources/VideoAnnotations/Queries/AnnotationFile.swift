// SPDX-License-Identifier: Apache-2.0

public import Codecs
import Records

/// The reason why an annotation or prediction file is refused.
public struct AnnotationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// File, place, what is wrong and what to do.
    public var message: String

    /// Says what is wrong with the file, in words for the user.
    public init(_ message: String) { self.message = message }

    /// The message as it is printed.
    public var description: String { self.message }
}

/// Natural Language Queries in Ego4D's official format: `nlq_train.json`, `nlq_val.json`, `nlq_test_unannotated.json`
/// (EGO4D/docs, `docs/data/annotations-schemas.md`). Times are seconds; those of queries count from the clip's start.
///
/// The one reader of this format: for exclusion lists, profiles, training and evaluation alike.
public struct AnnotationFile: Hashable, Sendable {
    /// One query.
    public struct Query: Hashable, Sendable {
        /// The start of the answer; `nil` in a file without answers.
        public var start: Double?
        /// The end of the answer.
        public var end: Double?
        /// The start of the answer in the video.
        public var videoStart: Double?
        /// Tells whether the file has a key for the text, whatever it holds.
        public var namesText = false
        /// The text; a few queries of the official files have none.
        public var text: String?
        /// The template that it was written by.
        public var template: String?
    }

    /// The queries that one annotator wrote for a clip.
    public struct Annotation: Hashable, Sendable {
        /// The annotation's id.
        public var uid: String
        /// The queries; predictions name them by their place here.
        public var queries: [Query]
    }

    /// A clip of a video.
    public struct Clip: Hashable, Sendable {
        /// The clip's id.
        public var uid: String
        /// The clip's start in the video.
        public var start: Double
        /// The clip's end in the video.
        public var end: Double
        /// The times at which the clip says that it starts and ends by its own clock, if it does.
        public var ownStart, ownEnd: Double?
        /// Its annotations.
        public var annotations: [Annotation]
    }

    /// A video.
    public struct Video: Hashable, Sendable {
        /// The video's id.
        public var uid: String
        /// Its clips.
        public var clips: [Clip]
    }

    /// The videos, in the file's order.
    public var videos: [Video]

    /// The number of queries, those without text included.
    public var queryCount: Int {
        self.videos.reduce(0) { count, video in
            video.clips.reduce(count) { count, clip in clip.annotations.reduce(count) { $0 + $1.queries.count } }
        }
    }

    /// Reads a file, every value of which must be sound.
    /// - Parameters:
    ///   - bytes: its content.
    ///   - path: what to call it in errors.
    /// - Throws: `AnnotationError` with the line, where it is no JSON, a key is missing or a time is no number. Lists
    ///   that are null hold nothing, and a query with one time of two has no answer.
    public init(_ bytes: Bytes, path: String) throws(AnnotationError) {
        var parser = AnnotationParser(isLenient: false)
        let text = bytes.withoutByteOrderMark
        do {
            try JSONScanner.scan(text) { json throws(JSONError) in try parser.file(&json) }
        } catch {
            throw AnnotationError("\(path), line \(Self.line(of: error.offset, in: text)): \(error.message)")
        }
        guard let videos = parser.videos else {
            throw AnnotationError(
                "\(path) has no key \"videos\": is it a Natural Language Queries file, such as nlq_train.json?")
        }
        self.videos = videos
    }

    /// Reads a file as its authors left it: a value of another type than it should be, or no number, is missing; names
    /// that are missing are empty, a clip without times is endless.
    /// - Throws: `JSONError` where it is no JSON, or not of this format.
    public init(lenient bytes: UnsafeBufferPointer<UInt8>) throws(JSONError) {
        var parser = AnnotationParser(isLenient: true)
        var json = JSONScanner(bytes)
        try parser.file(&json)
        try json.finish()
        guard let videos = parser.videos else {
            throw JSONError(
                "expected an annotation file of Natural Language Queries: an object with `videos`", offset: 0)
        }
        self.videos = videos
    }

    /// The line of a byte, from one on.
    public static func line(of offset: Int, in bytes: Bytes) -> Int {
        bytes.prefix(offset).reduce(1) { $1 == 0x0a ? $0 + 1 : $0 }
    }
}

extension AnnotationFile.Video {
    /// Reads one of a file's videos as `AnnotationFile.init(lenient:)` does.
    public init(lenient bytes: Bytes) throws(JSONError) {
        let parser = AnnotationParser(isLenient: true)
        self = try JSONScanner.scan(bytes) { json throws(JSONError) in try parser.video(&json) }
    }

    /// The queries of all its clips, in order.
    public var queries: [AnnotationFile.Query] { self.clips.flatMap { $0.annotations.flatMap(\.queries) } }
}

/// Reads the nested lists of an annotation file.
private struct AnnotationParser {
    /// Tells whether odd values count as missing, and missing ones are lived with.
    let isLenient: Bool
    var videos: [AnnotationFile.Video]?

    init(isLenient: Bool) { self.isLenient = isLenient }

    mutating func file(_ json: inout JSONScanner) throws(JSONError) {
        try json.beginObject()
        while let key = try json.nextKey() {
            if key == "videos" {
                self.videos = try self.list(&json) { json throws(JSONError) in try self.video(&json) }
            } else {
                try json.skip()
            }
        }
    }

    func video(_ json: inout JSONScanner) throws(JSONError) -> AnnotationFile.Video {
        var uid: String?
        var clips: [AnnotationFile.Clip]?
        try json.beginObject()
        while let key = try json.nextKey() {
            if key == "video_uid" {
                uid = try self.text(&json)
            } else if key == "clips" {
                clips = try self.list(&json) { json throws(JSONError) in try self.clip(&json) }
            } else {
                try json.skip()
            }
        }
        return AnnotationFile.Video(
            uid: try self.require(uid, or: "", "video_uid", of: "a video", json),
            clips: try self.require(clips, or: [], "clips", of: "a video", json))
    }

    private func clip(_ json: inout JSONScanner) throws(JSONError) -> AnnotationFile.Clip {
        var uid: String?
        var start, end, ownStart, ownEnd: Double?
        var annotations: [AnnotationFile.Annotation]?
        try json.beginObject()
        while let key = try json.nextKey() {
            if key == "clip_uid" {
                uid = try self.text(&json)
            } else if key == "video_start_sec" {
                start = try self.time(&json)
            } else if key == "video_end_sec" {
                end = try self.time(&json)
            } else if key == "clip_start_sec" {
                ownStart = try self.optionalTime(&json)
            } else if key == "clip_end_sec" {
                ownEnd = try self.optionalTime(&json)
            } else if key == "annotations" {
                annotations = try self.list(&json) { json throws(JSONError) in try self.annotation(&json) }
            } else {
                try json.skip()
            }
        }
        return AnnotationFile.Clip(
            uid: try self.require(uid, or: "", "clip_uid", of: "a clip", json),
            start: try self.require(start, or: 0, "video_start_sec", of: "a clip", json),
            end: try self.require(end, or: .infinity, "video_end_sec", of: "a clip", json), ownStart: ownStart,
            ownEnd: ownEnd, annotations: try self.require(annotations, or: [], "annotations", of: "a clip", json))
    }

    private func annotation(_ json: inout JSONScanner) throws(JSONError) -> AnnotationFile.Annotation {
        var uid: String?
        var queries: [AnnotationFile.Query]?
        try json.beginObject()
        while let key = try json.nextKey() {
            if key == "annotation_uid" {
                uid = try self.text(&json)
            } else if key == "language_queries" {
                queries = try self.list(&json) { json throws(JSONError) in try self.query(&json) }
            } else {
                try json.skip()
            }
        }
        return AnnotationFile.Annotation(
            uid: try self.require(uid, or: "", "annotation_uid", of: "an annotation", json),
            queries: try self.require(queries, or: [], "language_queries", of: "an annotation", json))
    }

    private func query(_ json: inout JSONScanner) throws(JSONError) -> AnnotationFile.Query {
        var query = AnnotationFile.Query()
        try json.beginObject()
        while let key = try json.nextKey() {
            if key == "clip_start_sec" {
                query.start = try self.time(&json)
            } else if key == "clip_end_sec" {
                query.end = try self.time(&json)
            } else if key == "video_start_sec" {
                query.videoStart = try self.optionalTime(&json)
            } else if key == "query" {
                query.namesText = true
                query.text = try self.text(&json)
            } else if key == "template" {
                query.template = try self.text(&json)
            } else {
                try json.skip()
            }
        }
        return query
    }

    // MARK: Values

    private func list<Element>(
        _ json: inout JSONScanner, _ element: (inout JSONScanner) throws(JSONError) -> Element
    ) throws(JSONError) -> [Element] {
        var elements: [Element] = []
        if try json.isNull() { return elements }
        try json.beginArray()
        while try json.nextElement() { elements.append(try element(&json)) }
        return elements
    }

    private func require<Value>(
        _ value: Value?, or other: Value, _ key: String, of owner: String, _ json: JSONScanner
    ) throws(JSONError) -> Value {
        if let value { return value }
        if self.isLenient { return other }
        throw JSONError("\(owner) ends here and has no \"\(key)\", or null", offset: json.offset)
    }

    private func text(_ json: inout JSONScanner) throws(JSONError) -> String? {
        guard self.isLenient, try json.kind() != .string else { return try json.stringOrNull() }
        try json.skip()
        return nil
    }

    private func time(_ json: inout JSONScanner) throws(JSONError) -> Double? {
        if self.isLenient { return try self.optionalTime(&json) }
        if try json.isNull() { return nil }
        let time = try json.double()
        guard time.isFinite else { throw JSONError("a time is no number", offset: json.offset) }
        return time
    }

    /// A time that nothing is refused for.
    private func optionalTime(_ json: inout JSONScanner) throws(JSONError) -> Double? {
        guard try json.kind() == .number else {
            try json.skip()
            return nil
        }
        let time = try json.double()
        return time.isFinite ? time : nil
    }
}
