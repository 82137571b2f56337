// SPDX-License-Identifier: Apache-2.0

public import Codecs
public import Dataflow
import Records

/// A training sequence of an auxiliary set, in the field names of the original's `PreparedSample`: captions of
/// pictures, or what is narrated of a video.
public struct AuxiliarySequence: Hashable, Sendable {
    /// UUIDv5 of `["auxiliary", video, pass, number, limit, tokens a frame, separator]`.
    public var sampleID: String
    /// The data set: `llava`, `ego4d`.
    public var dataset: String
    /// The video, or the row of pictures.
    public var videoUID: String
    /// The annotation pass.
    public var pass: Int
    /// Its number among the sequences of the video and pass, from 0.
    public var clip: Int
    /// The file of the frames, relative to the data set's folder.
    public var framesFile: String
    /// The tokens.
    public var tokens: Int
    /// The most tokens.
    public var limit: Int
    /// The tokens of a frame.
    public var tokensPerFrame: Int
    /// Tells whether there is a separator between frames.
    public var hasSeparator: Bool
    /// The frames from its first to its last.
    public var frames: Range<Int>
    /// Frames a second; `nil` for pictures.
    public var rate: Double?
    /// The turns.
    public var turns: [SequenceTurn]
    /// The part of the data set that it is for.
    public var split: String
    /// The versions of the video that were ingested, counted from 1.
    public var revision: Int
}

extension AuxiliarySequence: StreamValue {
    /// The type's name in topologies, diagnostics and headers.
    public static var typeName: String { "auxiliary-sequence" }
    /// Counts the incompatible changes of the JSON form.
    public static var schemaVersion: Int { 1 }

    /// Writes the JSON form.
    public func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("sample_id", self.sampleID)
        json.field("dataset", self.dataset)
        json.field("video_uid", self.videoUID)
        json.field("clip_idx", self.clip)
        json.field("frames_file", self.framesFile)
        json.field("max_seq_len", self.limit)
        json.field("seq_len", self.tokens)
        json.field("num_tokens_per_img", self.tokensPerFrame)
        json.field("use_img_sep_token", self.hasSeparator)
        json.field("start_frame_idx", self.frames.lowerBound)
        json.field("end_frame_idx", self.frames.upperBound)
        json.key("conversation")
        json.beginArray()
        for turn in self.turns { turn.write(to: &json) }
        json.endArray()
        json.key("fps")
        if let rate = self.rate { json.value(rate) } else { json.null() }
        json.key("metadata")
        json.null()
        json.field("pass", self.pass)
        json.field("split", self.split)
        json.field("revision", self.revision)
        json.endObject()
    }

    /// Reads the JSON form.
    public init(json: inout JSONScanner) throws(JSONError) {
        let value = try JSONValue(&json)
        let offset = json.offset
        func text(_ name: String) throws(JSONError) -> String {
            guard let text = value[name]?.string else { throw JSONError("`\(name)` is no text", offset: offset) }
            return text
        }
        func count(_ name: String) throws(JSONError) -> Int {
            guard let count = value[name]?.count else { throw JSONError("`\(name)` is no count", offset: offset) }
            return count
        }
        let (start, end) = (try count("start_frame_idx"), try count("end_frame_idx"))
        guard start <= end, let turns = value["conversation"], value["fps"]?.double?.isFinite ?? true else {
            throw JSONError("a sequence wants frames in order and `conversation`", offset: offset)
        }
        self.init(
            sampleID: try text("sample_id"), dataset: try text("dataset"), videoUID: try text("video_uid"),
            pass: value["pass"]?.count ?? 1, clip: try count("clip_idx"), framesFile: try text("frames_file"),
            tokens: try count("seq_len"), limit: try count("max_seq_len"),
            tokensPerFrame: try count("num_tokens_per_img"), hasSeparator: value["use_img_sep_token"] == .bool(true),
            frames: start..<end, rate: value["fps"]?.double,
            turns: try JSONScanner.scan(turns.bytes) { json throws(JSONError) in try SequenceTurn.list(&json) },
            split: try text("split"), revision: value["revision"]?.count ?? 1)
    }
}
