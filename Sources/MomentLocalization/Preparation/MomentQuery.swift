// SPDX-License-Identifier: Apache-2.0

public import Codecs
import Records

/// One query about one clip, with its answer where it is known: what training, fine-tuning and evaluation work on,
/// whether it comes from a shard or from an annotation file.
public struct MomentQuery: Hashable, Sendable {
    /// The name in messages: the sample's `query_id`, or annotation and place.
    public var id: String
    /// The id of the video.
    public var videoUID: String
    /// The id of the clip.
    public var clipUID: String
    /// The start of the clip in the video, in seconds.
    public var clipStart: Double
    /// The end of the clip in the video, in seconds.
    public var clipEnd: Double
    /// The annotation that it belongs to.
    public var annotationUID: String
    /// Its place among the queries of the annotation.
    public var queryIndex: Int
    /// The text as the model reads it.
    public var sentence: String
    /// The template that it was written by, if it is known.
    public var template: String?
    /// The answer in seconds from the clip's start; `nil` where it is not known.
    public var answer: Answer?
    /// Tells whether the answer stands for a moment, and may be widened and shifted in training.
    public var jitters: Bool
    /// Tells whether its text is white space alone, which asks for nothing.
    public var isBlank: Bool

    /// The clip's length in seconds, as annotated; not above zero where its times are wrong.
    public var clipLength: Double { self.clipEnd - self.clipStart }

    /// Describes a query.
    public init(
        id: String, videoUID: String, clipUID: String, clipStart: Double, clipEnd: Double, annotationUID: String,
        queryIndex: Int, sentence: String, template: String?, answer: Answer?, jitters: Bool = false,
        isBlank: Bool = false
    ) {
        self.id = id
        self.videoUID = videoUID
        self.clipUID = clipUID
        self.clipStart = clipStart
        self.clipEnd = clipEnd
        self.annotationUID = annotationUID
        self.queryIndex = queryIndex
        self.sentence = sentence
        self.template = template
        self.answer = answer
        self.jitters = jitters
        self.isBlank = isBlank
    }

    /// An answer window.
    public struct Answer: Hashable, Sendable {
        /// The start, in seconds from the clip's start.
        public var start: Double
        /// The end.
        public var end: Double

        /// Describes a window.
        public init(start: Double, end: Double) {
            self.start = start
            self.end = end
        }

        /// Tells whether it is too short to be hit.
        public var isEmpty: Bool { MomentWindow.isEmpty(start: self.start, end: self.end) }
    }
}

extension AnnotationFile {
    /// The queries with text, in the file's order. Those without keep their place: the next one's index counts them.
    /// White space is text, as the official code has it; training passes such queries over.
    public var queries: [MomentQuery] {
        var queries: [MomentQuery] = []
        for video in self.videos {
            for clip in video.clips {
                for annotation in clip.annotations {
                    for (index, query) in annotation.queries.enumerated() {
                        guard let text = query.text, !text.isEmpty else { continue }
                        var answer: MomentQuery.Answer?
                        if let start = query.start, let end = query.end {
                            answer = MomentQuery.Answer(start: start, end: end)
                        }
                        queries.append(
                            MomentQuery(
                                id: "\(annotation.uid)_\(index)", videoUID: video.uid, clipUID: clip.uid,
                                clipStart: clip.start, clipEnd: clip.end, annotationUID: annotation.uid,
                                queryIndex: index, sentence: MomentQuery.sentence(of: text), template: query.template,
                                answer: answer, isBlank: text.allSatisfy(\.isWhitespace)))
                    }
                }
            }
        }
        return queries
    }
}

extension MomentQuery {
    /// Returns a query as the network reads it: without blanks, then question marks, at both ends, in lower case and
    /// with one question mark behind it (EGO4D/episodic-memory,
    /// `NLQ/VSLNet/utils/prepare_ego4d_dataset.py::process_question`).
    public static func sentence(of query: String) -> String {
        self.strip(self.strip(query, " "), "?").lowercased() + "?"
    }

    private static func strip(_ text: some StringProtocol, _ character: Character) -> Substring {
        var rest = Substring(text)
        while rest.first == character { rest.removeFirst() }
        while rest.last == character { rest.removeLast() }
        return rest
    }

    /// Reads a sample of a shard (schema `nlq`). Generated windows surround moments, so they may be jittered unless the
    /// sample's field `jitter` says otherwise.
    /// - Throws: `JSONError` where it is no JSON object, or a field is missing or no number.
    public init(sample: Bytes) throws(JSONError) {
        let fields = try SampleFields(sample)
        let start = try fields.seconds("clip_start_sec")
        let query = try fields.text("query")
        let clipStart = (try fields.seconds("video_start_sec") - start).meantDecimal
        let clipEnd = clipStart + (try fields.seconds("clip_duration_sec"))
        guard clipStart.isFinite, clipEnd.isFinite else {
            throw JSONError("the sample's times lie beyond any video", offset: 0)
        }
        self.init(
            id: try fields.text("query_id"), videoUID: try fields.text("video_uid"),
            clipUID: try fields.text("clip_uid"), clipStart: clipStart,
            clipEnd: clipEnd,
            annotationUID: try fields.text("annotation_uid"), queryIndex: 0,
            sentence: Self.sentence(of: query), template: fields.text["template"],
            answer: Answer(start: start, end: try fields.seconds("clip_end_sec")), jitters: fields.jitter ?? true,
            isBlank: query.allSatisfy(\.isWhitespace))
    }
}

/// The fields of a sample, before it is known whether all of them are there.
private struct SampleFields {
    var text: [String: String] = [:]
    var seconds: [String: Double] = [:]
    var jitter: Bool?

    init(_ sample: Bytes) throws(JSONError) {
        var text: [String: String] = [:]
        var seconds: [String: Double] = [:]
        var jitter: Bool?
        try JSONScanner.scan(sample) { json throws(JSONError) in
            try json.beginObject()
            while let key = try json.nextKey() {
                let name = key.text
                switch name {
                case "query_id", "video_uid", "clip_uid", "annotation_uid", "query", "template":
                    text[name] = try json.stringOrNull()
                case "clip_start_sec", "clip_end_sec", "video_start_sec", "clip_duration_sec":
                    seconds[name] = try json.doubleOrNull()
                case "jitter": jitter = try json.boolOrNull()
                default: try json.skip()
                }
            }
        }
        self.jitter = jitter
        self.text = text
        self.seconds = seconds
    }

    func text(_ name: String) throws(JSONError) -> String {
        guard let value = self.text[name], !value.isEmpty else {
            throw JSONError("the sample has no \(name)", offset: 0)
        }
        return value
    }

    func seconds(_ name: String) throws(JSONError) -> Double {
        guard let value = self.seconds[name], value.isFinite else {
            throw JSONError("the sample has no \(name), or it is no number", offset: 0)
        }
        return value
    }
}
