// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records

/// The turns and frames that a model is shown in one sequence: the fields that all of the original's `PreparedSample`
/// have, whether they are of dialogues or of auxiliary sets.
public struct PreparedSequence: Hashable, Sendable {
    /// The data set: `ego4d`, `llava`.
    public var dataset: String
    /// The video, as the original's files name it, or the row of pictures.
    public var videoUID: String
    /// Its number among the sequences of what it was cut from, from 0.
    public var clip: Int
    /// The file of the frames, relative to the data set's folder.
    public var framesFile: String
    /// The most tokens; 0: no limit.
    public var limit: Int
    /// The tokens.
    public var tokens: Int
    /// The tokens of a frame.
    public var tokensPerFrame: Int
    /// Tells whether there is a separator between frames.
    public var hasSeparator: Bool
    /// The frames from its first to its last.
    public var frames: Range<Int>
    /// The turns.
    public var turns: [SequenceTurn]
    /// Frames a second; `nil` for pictures.
    public var rate: Double?

    /// Writes the fields into an open object, in the original's order: `metadata` comes next.
    func writeFields(to json: inout JSONWriter) {
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
    }

    /// Reads the fields of an object that ended at an offset.
    init(_ fields: SequenceFields) throws(JSONError) {
        let (start, end) = (try fields.count("start_frame_idx"), try fields.count("end_frame_idx"))
        let value = fields.value
        guard start <= end, let turns = value["conversation"], value["fps"]?.double?.isFinite ?? true else {
            throw JSONError(
                "a sequence wants frames in order, `conversation`, and a finite `fps`", offset: fields.offset)
        }
        self.dataset = try fields.text("dataset")
        self.videoUID = try fields.text("video_uid")
        self.clip = try fields.count("clip_idx")
        self.framesFile = try fields.text("frames_file")
        self.limit = try fields.count("max_seq_len")
        self.tokens = try fields.count("seq_len")
        self.tokensPerFrame = try fields.count("num_tokens_per_img")
        self.hasSeparator = value["use_img_sep_token"] == .bool(true)
        self.frames = start..<end
        self.turns = try JSONScanner.scan(turns.bytes) { json throws(JSONError) in try SequenceTurn.list(&json) }
        self.rate = value["fps"]?.double
    }

    /// Takes what has been packed.
    init(
        dataset: String, videoUID: String, clip: Int, framesFile: String, limit: Int, tokens: Int, tokensPerFrame: Int,
        hasSeparator: Bool, frames: Range<Int>, turns: [SequenceTurn], rate: Double?
    ) {
        self.dataset = dataset
        self.videoUID = videoUID
        self.clip = clip
        self.framesFile = framesFile
        self.limit = limit
        self.tokens = tokens
        self.tokensPerFrame = tokensPerFrame
        self.hasSeparator = hasSeparator
        self.frames = frames
        self.turns = turns
        self.rate = rate
    }
}

/// The fields of a sequence as they are read, each of which says what is wrong with it.
struct SequenceFields {
    let value: JSONValue
    /// The place at which the object ends.
    let offset: Int

    init(_ json: inout JSONScanner) throws(JSONError) {
        self.value = try JSONValue(&json)
        self.offset = json.offset
    }

    func count(_ name: String) throws(JSONError) -> Int {
        guard let count = self.value[name]?.count else { throw JSONError("`\(name)` is no count", offset: self.offset) }
        return count
    }

    func text(_ name: String) throws(JSONError) -> String {
        guard let text = self.value[name]?.string else { throw JSONError("`\(name)` is no text", offset: self.offset) }
        return text
    }
}
