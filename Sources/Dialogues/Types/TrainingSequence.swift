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
    /// The sequence; `clip` is its number among the dialogue's.
    public var prepared: PreparedSequence
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
        self.lineage.write(to: &json, video: self.prepared.videoUID, revision: self.revision)
        json.endObject()
    }

    /// Writes the fields of the original's `PreparedSample`, in its order.
    func writePrepared(to json: inout JSONWriter) {
        self.prepared.writeFields(to: &json)
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
        let fields = try SequenceFields(&json)
        let value = fields.value
        self.prepared = try PreparedSequence(fields)
        guard self.prepared.rate != nil else {
            throw JSONError("a sequence of a dialogue wants `fps`", offset: fields.offset)
        }
        self.sampleID = try fields.text("sample_id")
        self.dialogueID = try fields.text("dialogue_id")
        let metadata = value["metadata"]
        func fact(_ name: String) -> String { metadata?[name]?.string ?? "" }
        self.metadata = Metadata(
            userType: fact("user_type"), userID: fact("user_id"), goal: fact("task_goal"),
            knowledge: fact("knowledge"), progress: metadata?["progress"]?.string,
            addsKnowledge: metadata?["add_knowledge"] == .bool(true),
            summaryOnly: metadata?["summary_only"] == .bool(true), quality: metadata?["quality"]?.double)
        self.weight = value["weight"]?.double ?? 1
        self.split = value["split"]?.string
        self.lineage =
            try value["lineage"].map { lineage throws(JSONError) in
                try JSONScanner.scan(lineage.bytes) { json throws(JSONError) in try DialogueLineage(json: &json) }
            } ?? DialogueLineage()
        self.revision = value["lineage"]?["revision"]?.count ?? 1
    }
}
