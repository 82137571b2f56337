// SPDX-License-Identifier: Apache-2.0

public import Codecs
public import Conversations
public import Dataflow
import Records

/// A dialogue's origin: what it was made from and by.
public struct DialogueLineage: Hashable, Sendable {
    /// The SHA-256 of the first prompt of each stage that asked, in order.
    public var prompts: [String] = []
    /// The SHA-256 of each answer that it was made of, in order.
    public var answers: [String] = []
    /// The model's name; `rules` where no model was asked.
    public var model = ""
    /// The topology's hash.
    public var topology = ""

    func write(to json: inout JSONWriter, video: String, revision: Int) {
        json.beginObject()
        json.field("video_uid", video)
        json.field("revision", revision)
        for (name, hashes) in [("prompts", self.prompts), ("answers", self.answers)] {
            json.key(text: name)
            json.beginArray()
            for hash in hashes { json.value(hash) }
            json.endArray()
        }
        json.field("model", self.model)
        json.field("topology", self.topology)
        json.endObject()
    }

    init() {}

    init(json: inout JSONScanner) throws(JSONError) {
        try json.beginObject()
        while let key = try json.nextKey() {
            if key == "prompts" {
                self.prompts = try json.strings()
            } else if key == "answers" {
                self.answers = try json.strings()
            } else if key == "model" {
                self.model = try json.string()
            } else if key == "topology" {
                self.topology = try json.string()
            } else {
                try json.skip()
            }
        }
    }
}

/// One dialogue between the person in a video and an assistant, wanted or made.
public struct Dialogue: Hashable, Sendable {
    /// UUIDv5 of `["dialogue", data set, video, revision, user type, ordinal]`.
    public var dialogueID: String
    /// The type of user: `no_talk`, `talk_some`, `talk_more`.
    public var userType: String
    /// Its number among the video's dialogues, from 0.
    public var ordinal: Int
    /// The activity that it is about. Once the dialogue is made, clips and prints are left out; once it is chosen, its
    /// lines.
    public var activity: Activity
    /// The turns; empty until it is made.
    public var turns: [DialogueTurn] = []
    /// Its score in time; `nil` until it is scored.
    public var quality: TimeScore?
    /// The scores that judges gave it; `nil` where none has seen it.
    public var scores: JudgeScores?
    /// The split that it is for: `train`, `val`, `test`; `nil` until it is chosen.
    public var split: String?
    /// The number of times that it counts in training.
    public var weight = 1.0
    /// Its origin.
    public var lineage = DialogueLineage()

    /// Wants a dialogue.
    public init(about activity: Activity, userType: String, ordinal: Int) {
        self.activity = activity
        self.userType = userType
        self.ordinal = ordinal
        var json = JSONWriter()
        json.beginArray()
        json.value("dialogue")
        json.value(activity.dataset)
        json.value(activity.videoUID)
        json.value(activity.revision)
        json.value(userType)
        json.value(ordinal)
        json.endArray()
        self.dialogueID = json.withBytes { ContentHash.uuid5(UnsafeRawBufferPointer($0)) }
    }
}

/// One record of the topics of dialogues. Per video: its dialogues in order, those that could not be made left out, and
/// an `end`, at which whatever gathers them knows that no more will come.
public enum DialogueEvent: Hashable, Sendable {
    /// One dialogue.
    case dialogue(Dialogue)
    /// No more dialogues of a video come.
    case end(EndOfDialogues)
}

/// The end of a video's dialogues.
public struct EndOfDialogues: Hashable, Sendable {
    /// The data set.
    public var dataset: String
    /// The video.
    public var videoUID: String
    /// The dialogues that were wanted.
    public var wanted: Int

    /// Creates an end.
    public init(dataset: String, videoUID: String, wanted: Int) {
        self.dataset = dataset
        self.videoUID = videoUID
        self.wanted = wanted
    }
}

extension DialogueEvent: StreamValue {
    /// The type's name in topologies, diagnostics and headers.
    public static var typeName: String { "dialogue" }
    /// Counts the incompatible changes of the JSON form.
    public static var schemaVersion: Int { 1 }

    /// Writes the JSON form.
    public func write(to json: inout JSONWriter) {
        switch self {
        case .dialogue(let dialogue): dialogue.write(to: &json)
        case .end(let end):
            json.beginObject()
            json.field("kind", "end")
            json.field("dataset", end.dataset)
            json.field("video_uid", end.videoUID)
            json.field("wanted", end.wanted)
            json.endObject()
        }
    }

    /// Reads the JSON form.
    public init(json: inout JSONScanner) throws(JSONError) {
        var fields = Fields()
        try json.beginObject()
        while let key = try json.nextKey() { try fields.read(key, &json) }
        self = try fields.event(at: json.offset)
    }

    private struct Fields {
        var kind = "dialogue"
        var texts: [String: String] = [:]
        var ordinal = 0
        var wanted = 0
        var activity: Activity?
        var turns: [DialogueTurn] = []
        var quality: TimeScore?
        var scores: JudgeScores?
        var weight = 1.0
        var lineage = DialogueLineage()

        private static let textNames: Set<String> = ["dialogue_id", "user_type", "split", "dataset", "video_uid"]

        mutating func read(_ key: JSONKey, _ json: inout JSONScanner) throws(JSONError) {
            let name = key.text
            if Self.textNames.contains(name) {
                self.texts[name] = try json.stringOrNull()
            } else if key == "kind" {
                self.kind = try json.string()
            } else if key == "ordinal" {
                self.ordinal = try json.int(in: JSONScanner.counts)
            } else if key == "wanted" {
                self.wanted = try json.int(in: JSONScanner.counts)
            } else if key == "activity" {
                self.activity = try Activity(json: &json)
            } else if key == "conversation" {
                self.turns = try DialogueTurn.list(&json)
            } else if key == "quality" {
                self.quality = try json.isNull() ? nil : try TimeScore(json: &json)
            } else if key == "scores" {
                self.scores = try json.isNull() ? nil : try JudgeScores(json: &json)
            } else if key == "weight" {
                self.weight = try json.double()
            } else if key == "lineage" {
                self.lineage = try DialogueLineage(json: &json)
            } else {
                try json.skip()
            }
        }

        func event(at offset: Int) throws(JSONError) -> DialogueEvent {
            switch self.kind {
            case "end":
                guard let dataset = self.texts["dataset"], let video = self.texts["video_uid"] else {
                    throw JSONError("an end wants `dataset` and `video_uid`", offset: offset)
                }
                return .end(EndOfDialogues(dataset: dataset, videoUID: video, wanted: self.wanted))
            case "dialogue":
                guard let activity = self.activity, let userType = self.texts["user_type"],
                    let dialogueID = self.texts["dialogue_id"], self.weight.isFinite, self.weight >= 0,
                    self.scores?.values.values.allSatisfy(\.isFinite) ?? true
                else {
                    throw JSONError(
                        "a dialogue wants `activity`, `user_type`, `dialogue_id`, and finite `weight` and `scores`",
                        offset: offset
                    )
                }
                var dialogue = Dialogue(about: activity, userType: userType, ordinal: self.ordinal)
                dialogue.dialogueID = dialogueID
                dialogue.turns = self.turns
                dialogue.quality = self.quality
                dialogue.scores = self.scores
                dialogue.split = self.texts["split"]
                dialogue.weight = self.weight
                dialogue.lineage = self.lineage
                return .dialogue(dialogue)
            default: throw JSONError("`kind` must be `dialogue` or `end`", offset: offset)
            }
        }
    }
}

extension Dialogue {
    func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("kind", "dialogue")
        json.field("dialogue_id", self.dialogueID)
        json.field("user_type", self.userType)
        json.field("ordinal", self.ordinal)
        json.key("activity")
        self.activity.write(to: &json)
        json.key("conversation")
        json.beginArray()
        for turn in self.turns { turn.write(to: &json) }
        json.endArray()
        if let quality = self.quality {
            json.key("quality")
            quality.write(to: &json)
        }
        if let scores = self.scores {
            json.key("scores")
            scores.write(to: &json)
        }
        if let split = self.split { json.field("split", split) }
        json.field("weight", self.weight)
        json.key("lineage")
        self.lineage.write(to: &json, video: self.activity.videoUID, revision: self.activity.revision)
        json.endObject()
    }
}

extension JSONScanner {
    mutating func strings() throws(JSONError) -> [String] {
        var strings: [String] = []
        try self.beginArray()
        while try self.nextElement() { strings.append(try self.string()) }
        return strings
    }
}

extension DialogueEvent: Judgeable {
    /// The view that a judge has: the goal, the steps with their times, and the dialogue.
    public static var rubricPlaceholders: [PromptTemplate<DialogueEvent>.Placeholder] {
        [
            .about("goal") { $0.dialogue?.activity.goal ?? "" },
            .about("steps") { event in
                (event.dialogue?.activity.lines ?? []).reduce("") { $0 + $1.printed + "\n" }
            },
            .about("dialogue") { ($0.dialogue?.turns ?? []).printed() },
        ]
    }
    /// The placeholder that a rubric has to hold.
    public static var rubricSubject: String { "dialogue" }
    /// The dialogue's id.
    public var judgeID: String { self.dialogue?.dialogueID ?? "" }
    /// An end is not judged: it passes.
    public var isJudged: Bool { self.dialogue != nil }
    /// The scores that it has been given.
    public var scores: JudgeScores? {
        get { self.dialogue?.scores }
        set {
            guard case .dialogue(var dialogue) = self else { return }
            dialogue.scores = newValue
            self = .dialogue(dialogue)
        }
    }

    /// The dialogue, where it is one.
    var dialogue: Dialogue? {
        guard case .dialogue(let dialogue) = self else { return nil }
        return dialogue
    }
}
