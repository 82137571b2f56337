// SPDX-License-Identifier: Apache-2.0

public import Codecs
public import Dataflow
import Records

/// One line of a shard of the schema `sequence`: what a model is shown of one dialogue in training, in the original's
/// field names.
public struct TrainingSequence: Hashable, Sendable {
    /// UUIDv5 of `["sequence", dialogue, clip, limit, tokens a frame, separator, knowledge, summary only]`.
    public var sampleID: String
    /// The dialogue.
    public var dialogueID: String
    /// The data set.
    public var dataset: String
    /// The video, as the original's files name it.
    public var videoUID: String
    /// Its number among the dialogue's sequences, from 0.
    public var clip: Int
    /// The file of the video's frames, relative to the data set's folder.
    public var framesFile: String
    /// The tokens.
    public var tokens: Int
    /// The most tokens; 0: no limit.
    public var limit: Int
    /// The tokens of a frame.
    public var tokensPerFrame: Int
    /// Tells whether there is a separator between frames.
    public var hasSeparator: Bool
    /// The frames from its first to its last.
    public var frames: Range<Int>
    /// Frames a second.
    public var rate: Double
    /// The turns.
    public var turns: [SequenceTurn]
    /// Facts that the original has beside.
    public var metadata: Metadata
    /// The number of times that it counts in training.
    public var weight: Double
    /// The split that it is for.
    public var split: String?
    /// Its origin.
    public var lineage: DialogueLineage
    /// The versions of the video that were ingested.
    public var revision: Int

    /// Facts of the dialogue.
    public struct Metadata: Hashable, Sendable {
        var userType: String
        var userID: String
        var goal: String
        var knowledge: String
        var progress: String?
        var addsKnowledge: Bool
        var summaryOnly: Bool
        var quality: Double?
    }
}

extension TrainingSequence: StreamValue {
    /// The type's name in topologies, diagnostics and headers.
    public static var typeName: String { "sequence" }
    /// Counts the incompatible changes of the JSON form.
    public static var schemaVersion: Int { 1 }

    /// Writes the JSON form.
    public func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("sample_id", self.sampleID)
        json.field("dialogue_id", self.dialogueID)
        self.writePrepared(to: &json)
        json.field("weight", self.weight)
        json.key("split")
        if let split = self.split { json.value(split) } else { json.null() }
        json.key("lineage")
        self.lineage.write(to: &json, video: self.videoUID, revision: self.revision)
        json.endObject()
    }

    /// Writes the fields of the original's `PreparedSample`, in its order.
    func writePrepared(to json: inout JSONWriter) {
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
        json.field("fps", self.rate)
        json.key("metadata")
        json.beginObject()
        json.field("user_type", self.metadata.userType)
        json.field("user_id", self.metadata.userID)
        json.field("task_goal", self.metadata.goal)
        json.field("knowledge", self.metadata.knowledge)
        json.key("progress")
        if let progress = self.metadata.progress { json.value(progress) } else { json.null() }
        json.field("add_knowledge", self.metadata.addsKnowledge)
        json.field("has_summary", self.metadata.progress != nil)
        json.field("summary_only", self.metadata.summaryOnly)
        json.key("quality")
        if let quality = self.metadata.quality { json.value(quality) } else { json.null() }
        json.endObject()
    }

    /// Reads the JSON form.
    public init(json: inout JSONScanner) throws(JSONError) {
        let value = try JSONValue(&json)
        let offset = json.offset
        func count(_ name: String) throws(JSONError) -> Int {
            guard let count = value[name]?.count else { throw JSONError("`\(name)` is no count", offset: offset) }
            return count
        }
        func text(_ name: String) throws(JSONError) -> String {
            guard let text = value[name]?.string else { throw JSONError("`\(name)` is no text", offset: offset) }
            return text
        }
        let (start, end) = (try count("start_frame_idx"), try count("end_frame_idx"))
        guard start <= end, let turns = value["conversation"], let rate = value["fps"]?.double, rate.isFinite else {
            throw JSONError("a sequence wants frames in order, `conversation` and `fps`", offset: offset)
        }
        let metadata = value["metadata"]
        func fact(_ name: String) -> String { metadata?[name]?.string ?? "" }
        self.init(
            sampleID: try text("sample_id"), dialogueID: try text("dialogue_id"), dataset: try text("dataset"),
            videoUID: try text("video_uid"), clip: try count("clip_idx"), framesFile: try text("frames_file"),
            tokens: try count("seq_len"), limit: try count("max_seq_len"),
            tokensPerFrame: try count("num_tokens_per_img"), hasSeparator: value["use_img_sep_token"] == .bool(true),
            frames: start..<end, rate: rate,
            turns: try JSONScanner.scan(turns.bytes) { json throws(JSONError) in try SequenceTurn.list(&json) },
            metadata: Metadata(
                userType: fact("user_type"), userID: fact("user_id"), goal: fact("task_goal"),
                knowledge: fact("knowledge"), progress: metadata?["progress"]?.string,
                addsKnowledge: metadata?["add_knowledge"] == .bool(true),
                summaryOnly: metadata?["summary_only"] == .bool(true), quality: metadata?["quality"]?.double),
            weight: value["weight"]?.double ?? 1, split: value["split"]?.string,
            lineage: try value["lineage"].map { lineage throws(JSONError) in
                try JSONScanner.scan(lineage.bytes) { json throws(JSONError) in try DialogueLineage(json: &json) }
            } ?? DialogueLineage(), revision: value["lineage"]?["revision"]?.count ?? 1)
    }
}
