// SPDX-License-Identifier: Apache-2.0

public import Codecs
public import Conversations
public import Dataflow
import Records
public import VideoAnnotations

/// One natural-language question with the window that answers it.
public struct Query: Hashable, Sendable {
    /// The question in words.
    public var queryID: String
    /// The id of the video that it asks about.
    public var videoUID: String
    /// The annotation pass.
    public var pass: Int
    /// The clip it is asked about.
    public var clip: Clip
    /// The question.
    public var query: String
    /// The name of its Natural Language Queries template, as the official files spell it.
    public var template: String?
    /// The answer, in seconds of the video.
    public var window: Interval
    /// The indices of the narrations it is about.
    public var narrationIndices: [Int]
    /// The texts of the narrations that its window covers, in order, for a judge to be shown; `nil`, and not written,
    /// where nobody wants them (`carry-narrations` of `validate`).
    public var narrations: [String]?
    /// The texts of the other narrations of its block, in order; `nil`, and not written, where nobody wants them
    /// (`carry-others` of `validate`).
    public var others: [String]?
    /// The query's origin.
    public var lineage: Lineage
    /// The scores that judges have given it; `nil`, and not written, where none has seen it.
    public var scores: JudgeScores?

    /// Creates a query.
    public init(
        queryID: String, videoUID: String, pass: Int, clip: Clip, query: String, template: String?, window: Interval,
        narrationIndices: [Int], narrations: [String]? = nil, lineage: Lineage, scores: JudgeScores? = nil
    ) {
        self.queryID = queryID
        self.videoUID = videoUID
        self.pass = pass
        self.clip = clip
        self.query = query
        self.template = template
        self.window = window
        self.narrationIndices = narrationIndices
        self.narrations = narrations
        self.lineage = lineage
        self.scores = scores
    }
}

extension Query: StreamValue {
    /// The type's name in topologies, diagnostics and headers.
    public static var typeName: String { "query" }
    /// Counts the incompatible changes of the JSON form.
    public static var schemaVersion: Int { 1 }

    /// Writes the JSON form.
    public func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("query_id", self.queryID)
        json.field("video_uid", self.videoUID)
        json.field("pass", self.pass)
        json.key("clip")
        self.clip.write(to: &json)
        json.field("query", self.query)
        json.key("template")
        if let template = self.template { json.value(template) } else { json.null() }
        json.key("window")
        self.window.write(to: &json)
        json.key("narration_indices")
        json.beginArray()
        for index in self.narrationIndices { json.value(index) }
        json.endArray()
        Self.write(self.narrations, "narrations", to: &json)
        Self.write(self.others, "others", to: &json)
        json.key("lineage")
        self.lineage.write(to: &json)
        if let scores {
            json.key("scores")
            scores.write(to: &json)
        }
        json.endObject()
    }

    private static func write(_ texts: [String]?, _ key: StaticString, to json: inout JSONWriter) {
        guard let texts else { return }
        json.key(key)
        json.beginArray()
        for text in texts { json.value(text) }
        json.endArray()
    }

    private static func texts(_ json: inout JSONScanner) throws(JSONError) -> [String] {
        var texts: [String] = []
        try json.beginArray()
        while try json.nextElement() { texts.append(try json.string()) }
        return texts
    }

    /// Reads the JSON form.
    public init(json: inout JSONScanner) throws(JSONError) {
        var queryID: String?
        var videoUID: String?
        var pass = 1
        var clip: Clip?
        var query: String?
        var template: String?
        var window: Interval?
        var indices: [Int] = []
        var narrations: [String]?
        var others: [String]?
        var lineage: Lineage?
        var scores: JudgeScores?
        try json.beginObject()
        while let key = try json.nextKey() {
            if key == "query_id" {
                queryID = try json.string()
            } else if key == "video_uid" {
                videoUID = try json.string()
            } else if key == "pass" {
                pass = try json.int()
            } else if key == "clip" {
                clip = try Clip(json: &json)
            } else if key == "query" {
                query = try json.string()
            } else if key == "template" {
                template = try json.stringOrNull()
            } else if key == "window" {
                window = try Interval(json: &json)
            } else if key == "narration_indices" {
                try json.beginArray()
                while try json.nextElement() { indices.append(try json.int()) }
            } else if key == "narrations" {
                narrations = try Self.texts(&json)
            } else if key == "others" {
                others = try Self.texts(&json)
            } else if key == "lineage" {
                lineage = try Lineage(json: &json)
            } else if key == "scores" {
                scores = try JudgeScores(json: &json)
            } else {
                try json.skip()
            }
        }
        guard let queryID, let videoUID, let clip, let query, let window, let lineage else {
            throw JSONError(
                "a query wants `query_id`, `video_uid`, `clip`, `query`, `window` and `lineage`", offset: json.offset)
        }
        self.init(
            queryID: queryID, videoUID: videoUID, pass: pass, clip: clip, query: query, template: template,
            window: window, narrationIndices: indices, narrations: narrations, lineage: lineage, scores: scores)
        self.others = others
    }
}

extension Query: Judgeable {
    /// `{{query}}`, the question; `{{template}}`, the name of its template, or `none`; `{{seconds}}`, the length of its
    /// window, to a tenth; `{{narrations}}`, those that its window covers, one a line; `{{others}}`, the others of its
    /// block, or `nothing`.
    public static var rubricPlaceholders: [PromptTemplate<Query>.Placeholder] {
        [
            .about("query") { $0.query }, .about("template") { $0.template ?? "none" },
            .about("seconds") { String((10 * ($0.window.end - $0.window.start)).rounded() / 10) },
            .about("narrations") { ($0.narrations ?? []).map { "- \($0)" }.joined(separator: "\n") },
            .about("others") { query in
                let lines = (query.others ?? []).map { "- \($0)" }
                return lines.isEmpty ? "nothing" : lines.joined(separator: "\n")
            },
        ]
    }

    /// A rubric that shows the narrations wants a query that has some; one that shows the others, a query that says
    /// whether there are any.
    public func obstacle(toShowing shown: Set<String>) -> RequestFailure? {
        if shown.contains("others"), self.others == nil {
            return RequestFailure(
                reason: "no-narrations",
                message:
                    "the rubric shows `{{others}}`, and the query says nothing of them: set `carry-others: true` in the "
                    + "step `validate` that makes such queries, and replay from there")
        }
        guard shown.contains("narrations"), self.narrations?.isEmpty ?? true else { return nil }
        return RequestFailure(
            reason: "no-narrations",
            message:
                "the rubric shows `{{narrations}}`, and the query has none: set `carry-narrations: true` in the step "
                + "`validate` that makes such queries, and replay from there")
    }

    /// `{{query}}`
    public static var rubricSubject: String { "query" }

    /// The query's own id.
    public var judgeID: String { self.queryID }
}
