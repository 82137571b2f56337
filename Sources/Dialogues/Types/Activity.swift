// SPDX-License-Identifier: Apache-2.0

public import Codecs
public import Dataflow
import Foundation
import Records
import VideoAnnotations

/// One annotated video as dialogues are made of it: what was done and when, in steps and in clips.
public struct Activity: Hashable, Sendable {
    /// The source data set: `ego4d`, `epickitchens`.
    public var dataset: String
    /// The kind of activity: `cooking`.
    public var domain: String
    /// The kind of knowledge that describes it: `cooking recipe`.
    public var knowledgeType: String
    /// The video.
    public var videoUID: String
    /// The aim: the source's own, or the one that a stage has found; `nil` where there is none yet.
    public var goal: String?
    /// All steps with their substeps, printed, each with a line break at its end.
    public var stepDescriptions: String
    /// The lines of `stepDescriptions`.
    public var lines: [ActivityLine]
    /// The clips, by time.
    public var clips: [ActivityClip]
    /// The length of the video in seconds.
    public var durationSec: Double
    /// The share of the video that steps cover; above 1 where they overlap.
    public var annotatedShare: Double
    /// The number of steps.
    public var stepCount: Int
    /// The number of substeps.
    public var substepCount: Int
    /// The moment at which the activity's part of the recording begins, in seconds; times stay those of the recording.
    public var videoStartSec: Double
    /// Tells whether a mistake is made in it.
    public var hasMistake: Bool
    /// Frames a second, where the source says so.
    public var fps: Double?
    /// The source's own split: `train`, `val`, `test`; `nil` where it has none.
    public var split: String?
    /// The id of the session or participant that several videos share, by which they are split; `nil`: the video's own.
    public var session: String?
    /// The versions of this video that were ingested, counted from 1.
    public var revision: Int

    /// Drafts of goal and knowledge, in the order in which they were asked for; `nil` where none were.
    public var drafts: [String]?
    /// The description of the task that the assistant knows; `nil` where there is none yet.
    public var knowledge: String?
    /// The votes on whether the video is usable, by label; `nil` where there were none.
    public var labels: [String: Int]?

    /// Creates an activity.
    public init(
        dataset: String, domain: String, knowledgeType: String, videoUID: String, goal: String? = nil,
        stepDescriptions: String, lines: [ActivityLine], clips: [ActivityClip], durationSec: Double,
        annotatedShare: Double, stepCount: Int, substepCount: Int, videoStartSec: Double = 0, hasMistake: Bool = false,
        fps: Double? = nil, split: String? = nil, session: String? = nil, revision: Int = 1
    ) {
        self.dataset = dataset
        self.domain = domain
        self.knowledgeType = knowledgeType
        self.videoUID = videoUID
        self.goal = goal
        self.stepDescriptions = stepDescriptions
        self.lines = lines
        self.clips = clips
        self.durationSec = durationSec
        self.annotatedShare = annotatedShare
        self.stepCount = stepCount
        self.substepCount = substepCount
        self.videoStartSec = videoStartSec
        self.hasMistake = hasMistake
        self.fps = fps
        self.split = split
        self.session = session
        self.revision = revision
    }
}

extension Activity: StreamValue {
    /// The type's name in topologies, diagnostics and headers.
    public static var typeName: String { "activity" }
    /// Counts the incompatible changes of the JSON form.
    public static var schemaVersion: Int { 1 }

    /// Writes the JSON form.
    public func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("dataset", self.dataset)
        json.field("domain", self.domain)
        json.field("knowledge_type", self.knowledgeType)
        json.field("video_uid", self.videoUID)
        json.key("goal")
        if let goal = self.goal { json.value(goal) } else { json.null() }
        json.field("step_descriptions", self.stepDescriptions)
        json.key("lines")
        json.beginArray()
        for line in self.lines { line.write(to: &json) }
        json.endArray()
        json.key("clips")
        json.beginArray()
        for clip in self.clips { clip.write(to: &json) }
        json.endArray()
        json.field("duration_sec", self.durationSec)
        json.field("annotated_share", self.annotatedShare)
        json.field("steps", self.stepCount)
        json.field("substeps", self.substepCount)
        json.field("video_start_sec", self.videoStartSec)
        json.field("has_mistake", self.hasMistake)
        if let fps = self.fps { json.field("fps", fps) }
        if let split = self.split { json.field("split", split) }
        if let session = self.session { json.field("session", session) }
        json.field("revision", self.revision)
        if let drafts = self.drafts {
            json.key("drafts")
            json.beginArray()
            for draft in drafts { json.value(draft) }
            json.endArray()
        }
        if let knowledge = self.knowledge { json.field("knowledge", knowledge) }
        if let labels = self.labels {
            json.key("labels")
            json.beginObject()
            for (label, votes) in labels.sorted(by: { $0.key < $1.key }) {
                json.key(text: label)
                json.value(votes)
            }
            json.endObject()
        }
        json.endObject()
    }

    /// Reads the JSON form.
    public init(json: inout JSONScanner) throws(JSONError) {
        var fields = Fields()
        try json.beginObject()
        while let key = try json.nextKey() {
            if try !fields.readText(key, &json), try !fields.readNumber(key, &json), try !fields.readList(key, &json) {
                try json.skip()
            }
        }
        self = try fields.activity(at: json.offset)
    }

    /// The fields as they are read.
    private struct Fields {
        var texts: [String: String] = [:]
        var numbers: [String: Double] = [:]
        var counts: [String: Int] = [:]
        var hasMistake = false
        var lines: [ActivityLine] = []
        var clips: [ActivityClip] = []
        var drafts: [String]?
        var labels: [String: Int]?

        private static let textNames: Set<String> = [
            "dataset", "domain", "knowledge_type", "video_uid", "goal", "step_descriptions", "split", "session",
            "knowledge",
        ]
        private static let numberNames: Set<String> = ["duration_sec", "annotated_share", "video_start_sec", "fps"]
        private static let countNames: Set<String> = ["steps", "substeps", "revision"]

        mutating func readText(_ key: JSONKey, _ json: inout JSONScanner) throws(JSONError) -> Bool {
            let name = key.text
            guard Self.textNames.contains(name) else { return false }
            self.texts[name] = try json.stringOrNull()
            return true
        }

        mutating func readNumber(_ key: JSONKey, _ json: inout JSONScanner) throws(JSONError) -> Bool {
            let name = key.text
            if Self.numberNames.contains(name) {
                let number = try json.doubleOrNull()
                guard number?.isFinite ?? true else {
                    throw JSONError("`\(name)` is not a finite number", offset: json.offset)
                }
                self.numbers[name] = number
            } else if Self.countNames.contains(name) {
                self.counts[name] = try json.int(in: JSONScanner.counts)
            } else if key == "has_mistake" {
                self.hasMistake = try json.bool()
            } else {
                return false
            }
            return true
        }

        mutating func readList(_ key: JSONKey, _ json: inout JSONScanner) throws(JSONError) -> Bool {
            if key == "lines" {
                self.lines = try ActivityLine.list(&json)
            } else if key == "clips" {
                try json.beginArray()
                while try json.nextElement() { self.clips.append(try ActivityClip(json: &json)) }
            } else if key == "drafts" {
                guard try !json.isNull() else { return true }
                var drafts: [String] = []
                try json.beginArray()
                while try json.nextElement() { drafts.append(try json.string()) }
                self.drafts = drafts
            } else if key == "labels" {
                guard try !json.isNull() else { return true }
                var labels: [String: Int] = [:]
                try json.beginObject()
                while let label = try json.nextKey() {
                    let name = label.text
                    labels[name] = try json.int(in: JSONScanner.counts)
                }
                self.labels = labels
            } else {
                return false
            }
            return true
        }

        func activity(at offset: Int) throws(JSONError) -> Activity {
            guard let dataset = self.texts["dataset"], let videoUID = self.texts["video_uid"],
                let duration = self.numbers["duration_sec"]
            else { throw JSONError("an activity wants `dataset`, `video_uid` and `duration_sec`", offset: offset) }
            var activity = Activity(
                dataset: dataset, domain: self.texts["domain"] ?? "", knowledgeType: self.texts["knowledge_type"] ?? "",
                videoUID: videoUID, goal: self.texts["goal"], stepDescriptions: self.texts["step_descriptions"] ?? "",
                lines: self.lines, clips: self.clips, durationSec: duration,
                annotatedShare: self.numbers["annotated_share"] ?? 0, stepCount: self.counts["steps"] ?? 0,
                substepCount: self.counts["substeps"] ?? 0, videoStartSec: self.numbers["video_start_sec"] ?? 0,
                hasMistake: self.hasMistake, fps: self.numbers["fps"], split: self.texts["split"],
                session: self.texts["session"], revision: self.counts["revision"] ?? 1)
            activity.drafts = self.drafts
            activity.knowledge = self.texts["knowledge"]
            activity.labels = self.labels
            return activity
        }
    }
}
