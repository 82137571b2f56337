// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records
import Shards

/// The fields of a line of the schema `nlq` that exports and networks read, before it is known whether all of them are
/// there.
struct NLQFields {
    var text: [String: String] = [:]
    var seconds: [String: Double] = [:]
    var jitter: Bool?
    /// The fields that hold another type than they should.
    var odd: Set<String> = []

    /// Reads a line.
    /// - Throws: `JSONError` where it is no JSON object.
    init(_ line: Bytes) throws(JSONError) {
        self = try JSONScanner.scan(line) { json throws(JSONError) in try NLQFields(&json) }
    }

    private init(_ json: inout JSONScanner) throws(JSONError) {
        try json.beginObject()
        while let key = try json.nextKey() {
            let name = key.text
            guard let kind = Self.kinds[name] else {
                try json.skip()
                continue
            }
            switch try json.kind() {
            case .null: try json.skip()
            case kind where kind == .string: self.text[name] = try json.string()
            case kind where kind == .number: self.seconds[name] = try json.double()
            case kind: self.jitter = try json.boolOrNull()
            default:
                try json.skip()
                self.odd.insert(name)
            }
        }
    }

    private static let kinds: [String: JSONKind] = [
        "query_id": .string, "video_uid": .string, "clip_uid": .string, "annotation_uid": .string, "query": .string,
        "template": .string, "clip_start_sec": .number, "clip_end_sec": .number, "video_start_sec": .number,
        "video_end_sec": .number, "clip_duration_sec": .number, "jitter": .boolean,
    ]
}

/// A sample of the schema `nlq`, as far as an annotation file needs it. Times are in seconds.
struct NLQSample {
    var queryID: String
    var videoUID: String
    var clipUID: String
    var annotationUID: String
    var query: String
    var template: String?
    var clipStart: Double
    var clipEnd: Double
    var videoStart: Double
    var videoEnd: Double
    var clipDuration: Double

    /// Distance, in seconds, that rounding may push a window over its clip's end.
    static let tolerance = 1e-6

    /// Reads a line of a shard and checks its window; says why, if it is not to be exported.
    init(line: Bytes) throws(NLQExport.Skip) {
        guard let fields = try? NLQFields(line), fields.odd.isSubset(of: ["jitter"]) else { throw .malformed }
        let text = fields.text, seconds = fields.seconds
        guard let queryID = text["query_id"], let videoUID = text["video_uid"], let clipUID = text["clip_uid"],
            let annotationUID = text["annotation_uid"], let query = text["query"],
            let clipStart = seconds["clip_start_sec"], let clipEnd = seconds["clip_end_sec"],
            let videoStart = seconds["video_start_sec"], let videoEnd = seconds["video_end_sec"],
            let clipDuration = seconds["clip_duration_sec"]
        else { throw .incomplete }
        self.queryID = queryID
        self.videoUID = videoUID
        self.clipUID = clipUID
        self.annotationUID = annotationUID
        self.query = query
        self.template = text["template"]
        self.clipStart = clipStart
        self.clipEnd = clipEnd
        self.videoStart = videoStart
        self.videoEnd = videoEnd
        self.clipDuration = clipDuration
        try self.check()
    }

    private mutating func check() throws(NLQExport.Skip) {
        for time in [self.clipStart, self.clipEnd, self.videoStart, self.videoEnd, self.clipDuration]
        where !time.isFinite { throw .malformed }
        // The preparation passes over queries without text, but counts them; none of ours is to shift the count.
        guard self.query.contains(where: { $0 != " " && $0 != "?" }) else { throw .emptyQuery }
        guard self.clipEnd > self.clipStart, self.videoEnd > self.videoStart else { throw .emptyWindow }
        guard self.clipStart >= -Self.tolerance, self.clipEnd <= self.clipDuration + Self.tolerance else {
            throw .outsideClip
        }
        self.clipStart = max(0, self.clipStart)
        self.clipEnd = min(self.clipDuration, self.clipEnd)
        guard self.clipEnd > self.clipStart else { throw .emptyWindow }
    }

    /// Start of the clip in the video: the window's place in the video less its place in the clip.
    var clipStartInVideo: Double { (self.videoStart - self.clipStart).meantDecimal }
}
