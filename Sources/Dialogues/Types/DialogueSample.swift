// SPDX-License-Identifier: Apache-2.0

public import Codecs
import Conversations
public import Dataflow
import Records
public import Shards

/// One line of a shard of the schema `dialogue`.
public struct DialogueSample: Hashable, Sendable {
    /// The dialogue; of its activity, the facts of the video alone.
    public var dialogue: Dialogue

    /// Takes a dialogue.
    public init(_ dialogue: Dialogue) { self.dialogue = dialogue }
}

extension DialogueSample: StreamValue {
    /// The type's name in topologies, diagnostics and headers.
    public static var typeName: String { "dialogue-sample" }
    /// Counts the incompatible changes of the JSON form.
    public static var schemaVersion: Int { 1 }

    /// Writes the JSON form.
    public func write(to json: inout JSONWriter) {
        let (dialogue, activity) = (self.dialogue, self.dialogue.activity)
        json.beginObject()
        json.field("dialogue_id", dialogue.dialogueID)
        json.field("video_uid", activity.videoUID)
        json.field("dataset", activity.dataset)
        json.field("domain", activity.domain)
        json.field("knowledge_type", activity.knowledgeType)
        json.field("goal", activity.goal ?? "")
        json.field("knowledge", activity.knowledge ?? "")
        json.field("user_type", dialogue.userType)
        json.field("ordinal", dialogue.ordinal)
        json.key("split")
        if let split = dialogue.split { json.value(split) } else { json.null() }
        json.field("weight", dialogue.weight)
        json.field("duration_sec", activity.durationSec)
        json.field("video_start_sec", activity.videoStartSec)
        if let fps = activity.fps { json.field("fps", fps) }
        json.field("annotated_share", activity.annotatedShare)
        json.field("has_mistake", activity.hasMistake)
        json.key("conversation")
        json.beginArray()
        for turn in dialogue.turns { turn.write(to: &json) }
        json.endArray()
        json.key("quality")
        if let quality = dialogue.quality { quality.write(to: &json, judge: dialogue.scores) } else { json.null() }
        json.key("lineage")
        dialogue.lineage.write(to: &json, video: activity.videoUID, revision: activity.revision)
        json.endObject()
    }

    /// Reads the JSON form.
    public init(json: inout JSONScanner) throws(JSONError) {
        let value = try JSONValue(&json)
        guard let sample = try DialogueSample(value) else {
            throw JSONError(
                "a line of the schema `dialogue` wants `dialogue_id`, `video_uid`, `user_type`, `duration_sec` and "
                    + "`conversation`", offset: json.offset)
        }
        self = sample
    }

    /// Reads the fields of a line; `nil` where one is missing.
    private init?(_ value: JSONValue) throws(JSONError) {
        guard let id = value["dialogue_id"]?.string, let video = value["video_uid"]?.string,
            let userType = value["user_type"]?.string, let duration = value["duration_sec"]?.double, duration.isFinite,
            let turns = value["conversation"]
        else { return nil }
        func text(_ name: String) -> String { value[name]?.string ?? "" }
        func number(_ name: String) -> Double? { value[name]?.double.flatMap { $0.isFinite ? $0 : nil } }
        var activity = Activity(
            dataset: text("dataset"), domain: text("domain"), knowledgeType: text("knowledge_type"), videoUID: video,
            goal: text("goal"), stepDescriptions: "", lines: [], clips: [], durationSec: duration,
            annotatedShare: number("annotated_share") ?? 0, stepCount: 0, substepCount: 0,
            videoStartSec: number("video_start_sec") ?? 0, hasMistake: value["has_mistake"] == .bool(true),
            fps: number("fps"), revision: value["lineage"]?["revision"]?.count ?? 1)
        activity.knowledge = text("knowledge")
        var dialogue = Dialogue(about: activity, userType: userType, ordinal: value["ordinal"]?.count ?? 0)
        dialogue.dialogueID = id
        dialogue.split = value["split"]?.string
        dialogue.weight = number("weight") ?? 1
        dialogue.turns = try JSONScanner.scan(turns.bytes) { json throws(JSONError) in try DialogueTurn.list(&json) }
        if let quality = value["quality"], case .object = quality {
            dialogue.quality = try JSONScanner.scan(quality.bytes) { json throws(JSONError) in
                try TimeScore(json: &json)
            }
            if let judge = quality["judge"], case .object = judge {
                dialogue.scores = try JSONScanner.scan(judge.bytes) { json throws(JSONError) in
                    try JudgeScores(json: &json)
                }
            }
        }
        if let lineage = value["lineage"], case .object = lineage {
            dialogue.lineage = try JSONScanner.scan(lineage.bytes) { json throws(JSONError) in
                try DialogueLineage(json: &json)
            }
        }
        self.dialogue = dialogue
    }
}

extension LineSchema {
    /// Dialogues: a line is known by its video and id.
    public static let dialogue = LineSchema(streamType: DialogueSample.typeName) { line in
        let value = try? JSONValue(parsing: line)
        return LineIdentity([
            "last_video_uid": .init(value?["video_uid"]?.string),
            "last_dialogue_id": .init(value?["dialogue_id"]?.string),
        ])
    }

    /// Training sequences of dialogues: a line is known by its video and id.
    public static let sequence = LineSchema(streamType: TrainingSequence.typeName, identity: Self.ofSequence)

    /// Says what a line of training sequences is known by.
    static let ofSequence: Identify = { line in
        let value = try? JSONValue(parsing: line)
        return LineIdentity([
            "last_video_uid": .init(value?["video_uid"]?.string), "last_sample_id": .init(value?["sample_id"]?.string),
        ])
    }
}
