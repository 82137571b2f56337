// SPDX-License-Identifier: Apache-2.0

public import Codecs
public import Conversations
public import Dataflow
import Records
public import VideoAnnotations

/// One training sample, a line of a shard: a query with its window, in the field names of the official files.
public struct Sample: Hashable, Sendable {
    /// The question in words.
    public var queryID: String
    /// The clip, with its place in the video.
    public var clip: Clip
    /// Derived from the clip: the samples of a clip are one annotation of it.
    public var annotationUID: String
    /// The question.
    public var query: String
    /// The name of its template, if it has one.
    public var template: String?
    /// The answer, in seconds of the video.
    public var window: Interval
    /// The sample's origin; it names the video, too.
    public var lineage: Lineage
    /// Tells whether a trainer may widen and shift the window; `nil` leaves it to the trainer.
    public var jitter: Bool?
    /// The scores that judges have given the query; `nil`, and not written, where none stood in the way.
    public var scores: JudgeScores?

    /// Creates a sample.
    public init(
        queryID: String, clip: Clip, annotationUID: String, query: String, template: String?, window: Interval,
        lineage: Lineage, jitter: Bool? = nil, scores: JudgeScores? = nil
    ) {
        self.queryID = queryID
        self.clip = clip
        self.annotationUID = annotationUID
        self.query = query
        self.template = template
        self.window = window
        self.lineage = lineage
        self.jitter = jitter
        self.scores = scores
    }
}

extension Sample: StreamValue {
    /// The type's name in topologies, diagnostics and headers.
    public static var typeName: String { "sample" }
    /// Counts the incompatible changes of the JSON form.
    public static var schemaVersion: Int { 1 }

    /// Writes the JSON form.
    public func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("query_id", self.queryID)
        json.field("video_uid", self.lineage.videoUID)
        json.field("clip_uid", self.clip.clipUID)
        json.field("annotation_uid", self.annotationUID)
        json.field("query", self.query)
        json.key("template")
        if let template = self.template { json.value(template) } else { json.null() }
        json.field("clip_start_sec", self.window.start - self.clip.span.start)
        json.field("clip_end_sec", self.window.end - self.clip.span.start)
        json.field("video_start_sec", self.window.start)
        json.field("video_end_sec", self.window.end)
        json.field("clip_duration_sec", self.clip.span.length)
        if let jitter = self.jitter { json.field("jitter", jitter) }
        if let scores {
            json.key("scores")
            scores.write(to: &json)
        }
        json.key("lineage")
        self.lineage.write(to: &json)
        json.endObject()
    }

    /// Reads the JSON form.
    public init(json: inout JSONScanner) throws(JSONError) {
        var queryID: String?
        var clipUID: String?
        var annotationUID: String?
        var query: String?
        var template: String?
        var clipStart: Double?
        var videoStart: Double?
        var videoEnd: Double?
        var clipDuration: Double?
        var lineage: Lineage?
        var jitter: Bool?
        var scores: JudgeScores?
        try json.beginObject()
        while let key = try json.nextKey() {
            if key == "query_id" {
                queryID = try json.string()
            } else if key == "clip_uid" {
                clipUID = try json.string()
            } else if key == "annotation_uid" {
                annotationUID = try json.string()
            } else if key == "query" {
                query = try json.string()
            } else if key == "template" {
                template = try json.stringOrNull()
            } else if key == "clip_start_sec" {
                clipStart = try json.double()
            } else if key == "video_start_sec" {
                videoStart = try json.double()
            } else if key == "video_end_sec" {
                videoEnd = try json.double()
            } else if key == "clip_duration_sec" {
                clipDuration = try json.double()
            } else if key == "jitter" {
                jitter = try json.boolOrNull()
            } else if key == "scores" {
                scores = try JudgeScores(json: &json)
            } else if key == "lineage" {
                lineage = try Lineage(json: &json)
            } else {
                try json.skip()
            }
        }
        guard let queryID, let clipUID, let annotationUID, let query, let clipStart, let videoStart, let videoEnd,
            let clipDuration, let lineage
        else { throw JSONError("a sample lacks one of its fields", offset: json.offset) }
        let start = videoStart - clipStart
        self.init(
            queryID: queryID, clip: Clip(clipUID: clipUID, span: Interval(start, start + clipDuration)),
            annotationUID: annotationUID, query: query, template: template, window: Interval(videoStart, videoEnd),
            lineage: lineage, jitter: jitter, scores: scores)
    }
}
