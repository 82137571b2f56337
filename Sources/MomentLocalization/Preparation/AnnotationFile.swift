// SPDX-License-Identifier: Apache-2.0

public import Codecs
import Records
import Training

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
public struct AnnotationFile: Hashable, Sendable {
    /// One query.
    public struct Query: Hashable, Sendable {
        /// The start of the answer; `nil` in a file without answers.
        public var start: Double?
        /// The end of the answer.
        public var end: Double?
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

    /// Reads a file.
    /// - Parameters:
    ///   - bytes: its content.
    ///   - path: what to call it in errors.
    /// - Throws: `AnnotationError` with the line, where it is no JSON, a key is missing or a time is no number. Lists
    ///   that are null hold nothing, and a query with one time of two has no answer.
    public init(_ bytes: Bytes, path: String) throws(AnnotationError) {
        var parser = Parser()
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

    /// The line of a byte, from one on.
    static func line(of offset: Int, in bytes: Bytes) -> Int {
        bytes.prefix(offset).reduce(1) { $1 == 0x0a ? $0 + 1 : $0 }
    }

    private struct Parser {
        var videos: [Video]?

        mutating func file(_ json: inout JSONScanner) throws(JSONError) {
            try json.beginObject()
            while let key = try json.nextKey() {
                if key == "videos" {
                    self.videos = try Self.list(&json) { json throws(JSONError) in try Self.video(&json) }
                } else {
                    try json.skip()
                }
            }
        }

        private static func list<Element>(
            _ json: inout JSONScanner, _ element: (inout JSONScanner) throws(JSONError) -> Element
        ) throws(JSONError) -> [Element] {
            var elements: [Element] = []
            if try json.isNull() { return elements }
            try json.beginArray()
            while try json.nextElement() { elements.append(try element(&json)) }
            return elements
        }

        private static func require<Value>(
            _ value: Value?, _ key: String, of owner: String, _ json: JSONScanner
        ) throws(JSONError) -> Value {
            guard let value else { throw json.missing("\(owner) ends here and has no \"\(key)\", or null") }
            return value
        }

        private static func video(_ json: inout JSONScanner) throws(JSONError) -> Video {
            var uid: String?
            var clips: [Clip]?
            try json.beginObject()
            while let key = try json.nextKey() {
                if key == "video_uid" {
                    uid = try json.stringOrNull()
                } else if key == "clips" {
                    clips = try self.list(&json) { json throws(JSONError) in try self.clip(&json) }
                } else {
                    try json.skip()
                }
            }
            return Video(
                uid: try self.require(uid, "video_uid", of: "a video", json),
                clips: try self.require(clips, "clips", of: "a video", json))
        }

        private static func clip(_ json: inout JSONScanner) throws(JSONError) -> Clip {
            var uid: String?
            var start: Double?
            var end: Double?
            var annotations: [Annotation]?
            try json.beginObject()
            while let key = try json.nextKey() {
                if key == "clip_uid" {
                    uid = try json.stringOrNull()
                } else if key == "video_start_sec" {
                    start = try self.timeOrNull(&json)
                } else if key == "video_end_sec" {
                    end = try self.timeOrNull(&json)
                } else if key == "annotations" {
                    annotations = try self.list(&json) { json throws(JSONError) in try self.annotation(&json) }
                } else {
                    try json.skip()
                }
            }
            return Clip(
                uid: try self.require(uid, "clip_uid", of: "a clip", json),
                start: try self.require(start, "video_start_sec", of: "a clip", json),
                end: try self.require(end, "video_end_sec", of: "a clip", json),
                annotations: try self.require(annotations, "annotations", of: "a clip", json))
        }

        private static func annotation(_ json: inout JSONScanner) throws(JSONError) -> Annotation {
            var uid: String?
            var queries: [Query]?
            try json.beginObject()
            while let key = try json.nextKey() {
                if key == "annotation_uid" {
                    uid = try json.stringOrNull()
                } else if key == "language_queries" {
                    queries = try self.list(&json) { json throws(JSONError) in try self.query(&json) }
                } else {
                    try json.skip()
                }
            }
            return Annotation(
                uid: try self.require(uid, "annotation_uid", of: "an annotation", json),
                queries: try self.require(queries, "language_queries", of: "an annotation", json))
        }

        private static func query(_ json: inout JSONScanner) throws(JSONError) -> Query {
            var query = Query()
            try json.beginObject()
            while let key = try json.nextKey() {
                if key == "clip_start_sec" {
                    query.start = try self.timeOrNull(&json)
                } else if key == "clip_end_sec" {
                    query.end = try self.timeOrNull(&json)
                } else if key == "query" {
                    query.text = try json.stringOrNull()
                } else if key == "template" {
                    query.template = try json.stringOrNull()
                } else {
                    try json.skip()
                }
            }
            return query
        }

        private static func time(_ json: inout JSONScanner) throws(JSONError) -> Double {
            let time = try json.double()
            guard time.isFinite else { throw json.missing("a time is no number") }
            return time
        }

        private static func timeOrNull(_ json: inout JSONScanner) throws(JSONError) -> Double? {
            try json.isNull() ? nil : try self.time(&json)
        }
    }
}

extension JSONScanner {
    /// An error at the place that the scanner has come to.
    fileprivate func missing(_ message: String) -> JSONError { JSONError(message, offset: self.offset) }
}
