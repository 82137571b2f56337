// SPDX-License-Identifier: Apache-2.0

public import Codecs
public import Dataflow
import Records

/// A record of the topic `actions`. Of each clip: the clip, its segments in the order of their ranks, an end.
public enum ActionRecord: Hashable, Sendable {
    /// The clip that begins.
    case clip(ActionClip)
    /// A segment of it.
    case segment(ActionSegment, clipUID: String)
    /// The clip is complete.
    case end(clipUID: String, segments: Int)
}

/// A clip, as far as its annotations say.
public struct ActionClip: Hashable, Sendable {
    /// The id of the clip.
    public var clipUID: String
    /// The id of its video; the clip's own where the annotations do not say it.
    public var videoUID: String
    /// The part of the data set that the file says.
    public var split: String?
    /// The taxonomy that labels are places in.
    public var taxonomy: TaxonomySummary
    /// The clip's start in seconds of the video; `nil` where the annotations do not say it.
    public var startSec: Double?
    /// The number of times that the clip was ingested with other content.
    public var revision: Int

    /// Describes a clip.
    public init(
        clipUID: String, videoUID: String, split: String?, taxonomy: TaxonomySummary, startSec: Double?,
        revision: Int = 1
    ) {
        self.clipUID = clipUID
        self.videoUID = videoUID
        self.split = split
        self.taxonomy = taxonomy
        self.startSec = startSec
        self.revision = revision
    }
}

/// A segment of a clip in which an action is done.
public struct ActionSegment: Hashable, Sendable {
    /// Its rank in the clip, `action_idx`; ranks may have gaps, and so they are no places.
    public var rank: Int
    /// Its start in seconds of the clip.
    public var startSec: Double
    /// Its end in seconds of the clip.
    public var endSec: Double
    /// The verb's place in the taxonomy; `nil` where it is not told.
    public var verb: Int?
    /// The noun's place.
    public var noun: Int?

    /// Describes a segment.
    public init(rank: Int, startSec: Double, endSec: Double, verb: Int?, noun: Int?) {
        self.rank = rank
        self.startSec = startSec
        self.endSec = endSec
        self.verb = verb
        self.noun = noun
    }

    /// Tells whether verb and noun are told.
    public var isLabelled: Bool { self.verb != nil && self.noun != nil }

    func writeFields(to json: inout JSONWriter) {
        json.field("action_idx", self.rank)
        json.field("start_sec", self.startSec)
        json.field("end_sec", self.endSec)
        if let verb { json.field("verb", verb) }
        if let noun { json.field("noun", noun) }
    }

    init?(_ value: JSONValue) {
        guard let rank = value["action_idx"]?.int, let start = value["start_sec"]?.double,
            let end = value["end_sec"]?.double, start.isFinite, end.isFinite
        else { return nil }
        self.init(rank: rank, startSec: start, endSec: end, verb: value["verb"]?.count, noun: value["noun"]?.count)
    }
}

extension ActionRecord: StreamValue {
    /// The type's name in topologies, diagnostics and headers.
    public static var typeName: String { "action" }
    /// Counts the incompatible changes of the JSON form.
    public static var schemaVersion: Int { 1 }

    /// Writes the JSON form.
    public func write(to json: inout JSONWriter) {
        json.beginObject()
        switch self {
        case .clip(let clip):
            json.field("kind", "clip")
            clip.writeFields(to: &json)
        case .segment(let segment, let clipUID):
            json.field("kind", "segment")
            json.field("clip_uid", clipUID)
            segment.writeFields(to: &json)
        case .end(let clipUID, let segments):
            json.field("kind", "end")
            json.field("clip_uid", clipUID)
            json.field("segments", segments)
        }
        json.endObject()
    }

    /// Reads the JSON form.
    public init(json: inout JSONScanner) throws(JSONError) {
        let value = try JSONValue(&json)
        guard let clipUID = value["clip_uid"]?.string, !clipUID.isEmpty else {
            throw JSONError("an action wants `clip_uid`", offset: json.offset)
        }
        switch value["kind"]?.string {
        case "clip":
            guard let clip = ActionClip(value) else {
                throw JSONError("a clip wants `taxonomy`, with `digest`, `verbs` and `nouns`", offset: json.offset)
            }
            self = .clip(clip)
        case "segment":
            guard let segment = ActionSegment(value) else {
                throw JSONError("a segment wants `action_idx`, `start_sec` and `end_sec`", offset: json.offset)
            }
            self = .segment(segment, clipUID: clipUID)
        case "end": self = .end(clipUID: clipUID, segments: value["segments"]?.count ?? 0)
        default: throw JSONError("`kind` must be `clip`, `segment` or `end`", offset: json.offset)
        }
    }
}

extension ActionClip {
    func writeFields(to json: inout JSONWriter) {
        json.field("clip_uid", self.clipUID)
        json.field("video_uid", self.videoUID)
        if let split { json.field("split", split) }
        if let startSec { json.field("clip_start_sec", startSec) }
        json.key("taxonomy")
        self.taxonomy.write(to: &json)
        json.field("revision", self.revision)
    }

    init?(_ value: JSONValue) {
        guard let clipUID = value["clip_uid"]?.string, let taxonomy = TaxonomySummary(value["taxonomy"]) else {
            return nil
        }
        self.init(
            clipUID: clipUID, videoUID: value["video_uid"]?.string ?? clipUID, split: value["split"]?.string,
            taxonomy: taxonomy, startSec: value["clip_start_sec"]?.double.flatMap { $0.isFinite ? $0 : nil },
            revision: value["revision"]?.count ?? 1)
    }
}
