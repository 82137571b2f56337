// SPDX-License-Identifier: Apache-2.0

import Codecs

/// Facts that some sources have of a narration beside its time and text. What a source does not say is `nil`, and is
/// not written.
public struct NarrationDetails: Hashable, Sendable {
    /// The levels of a procedure's description.
    public enum Level: String, Hashable, Sendable {
        /// A coarse action.
        case step
        /// A finer action, or a word, within a step or within another substep.
        case substep
    }

    /// Its level in the description of a procedure.
    public var level: Level?
    /// The index of the narration that it is a part of, among those of the video and pass.
    public var parent: Int?
    /// The role of the one who speaks: `user`, `assistant`.
    public var role: String?
    /// Its relevance to the video's goal, in the source's words: `essential`, `optional`, `irrelevant`.
    public var relevance: String?
    /// Tells whether what was done is a mistake.
    public var mistake: Bool?
    /// The source's remark on the mistake.
    public var mistakeNote: String?
    /// The camera that it was seen by, where a video has several.
    public var camera: String?
    /// Its place in the source's file among those of the video and pass, where that is not the order of their times.
    public var order: Int?
    /// The verb of the action, where the source names it beside the text.
    public var verb: String?
    /// Tells whether what was done undoes a mistake.
    public var correction: Bool?
    /// The path of the picture that it is about, where the video is a row of pictures.
    public var picture: String?

    /// Creates details; what is not known is left out.
    public init(
        level: Level? = nil, parent: Int? = nil, role: String? = nil, relevance: String? = nil, mistake: Bool? = nil,
        mistakeNote: String? = nil, camera: String? = nil, order: Int? = nil, verb: String? = nil,
        correction: Bool? = nil, picture: String? = nil
    ) {
        self.level = level
        self.parent = parent
        self.role = role
        self.relevance = relevance
        self.mistake = mistake
        self.mistakeNote = mistakeNote
        self.camera = camera
        self.order = order
        self.verb = verb
        self.correction = correction
        self.picture = picture
    }

    /// Tells whether nothing is known.
    public var isEmpty: Bool { self == NarrationDetails() }

    func writeFields(to json: inout JSONWriter) {
        if let level = self.level { json.field("level", level.rawValue) }
        if let parent = self.parent { json.field("parent", parent) }
        if let role = self.role { json.field("role", role) }
        if let relevance = self.relevance { json.field("relevance", relevance) }
        if let mistake = self.mistake { json.field("mistake", mistake) }
        if let mistakeNote = self.mistakeNote { json.field("mistake_note", mistakeNote) }
        if let camera = self.camera { json.field("camera", camera) }
        if let order = self.order { json.field("order", order) }
        if let verb = self.verb { json.field("verb", verb) }
        if let correction = self.correction { json.field("correction", correction) }
        if let picture = self.picture { json.field("picture", picture) }
    }

    /// Reads a field, if it is one of these. A value of another type is passed over, as an unknown field is.
    /// - Returns: whether the value has been read or passed over.
    mutating func read(_ key: JSONKey, _ json: inout JSONScanner) throws(JSONError) -> Bool {
        if key == "level" {
            self.level = try json.stringIfAny().flatMap(Level.init)
        } else if key == "parent" {
            self.parent = try json.countIfAny()
        } else if key == "role" {
            self.role = try json.stringIfAny()
        } else if key == "relevance" {
            self.relevance = try json.stringIfAny()
        } else if key == "mistake" {
            self.mistake = try json.boolIfAny()
        } else if key == "mistake_note" {
            self.mistakeNote = try json.stringIfAny()
        } else if key == "camera" {
            self.camera = try json.stringIfAny()
        } else if key == "order" {
            self.order = try json.countIfAny()
        } else if key == "verb" {
            self.verb = try json.stringIfAny()
        } else if key == "correction" {
            self.correction = try json.boolIfAny()
        } else if key == "picture" {
            self.picture = try json.stringIfAny()
        } else {
            return false
        }
        return true
    }
}

/// Facts that some sources have of a whole video. What a source does not say is `nil`, and is not written.
public struct VideoDetails: Hashable, Sendable {
    /// The aim of the person in it, in the source's words: `Makes the bread`.
    public var goal: String?
    /// The class that the source sorts the goal into: `COOKING:MAKE_BREAD`.
    public var goalCategory: String?
    /// The camera that recorded it.
    public var camera: String?
    /// The part of its own data set that the source puts it in: `train`, `val`, `test`.
    public var sourceSplit: String?
    /// The session or person that other videos may share: a division that keeps these together is honest.
    public var session: String?
    /// The place it was recorded at, in the source's words: `kitchen`, `lab`.
    public var scene: String?
    /// The source's summary of all that happens.
    public var summary: String?
    /// Frames a second of the recording.
    public var fps: Double?
    /// The start of the annotated part, in seconds of the video.
    public var annotatedStartSec: Double?

    /// Creates details; what is not known is left out.
    public init(
        goal: String? = nil, goalCategory: String? = nil, camera: String? = nil, sourceSplit: String? = nil,
        session: String? = nil, scene: String? = nil, summary: String? = nil, fps: Double? = nil,
        annotatedStartSec: Double? = nil
    ) {
        self.goal = goal
        self.goalCategory = goalCategory
        self.camera = camera
        self.sourceSplit = sourceSplit
        self.session = session
        self.scene = scene
        self.summary = summary
        self.fps = fps
        self.annotatedStartSec = annotatedStartSec
    }

    /// Tells whether a number can be the frames a second of a recording.
    static func isRate(_ fps: Double) -> Bool { fps > 0 && fps <= 1000 }

    /// Tells whether nothing is known.
    public var isEmpty: Bool { self == VideoDetails() }

    func writeFields(to json: inout JSONWriter) {
        if let goal = self.goal { json.field("goal", goal) }
        if let goalCategory = self.goalCategory { json.field("goal_category", goalCategory) }
        if let camera = self.camera { json.field("camera", camera) }
        if let sourceSplit = self.sourceSplit { json.field("source_split", sourceSplit) }
        if let session = self.session { json.field("session", session) }
        if let scene = self.scene { json.field("scene", scene) }
        if let summary = self.summary { json.field("summary", summary) }
        if let fps = self.fps { json.field("fps", fps) }
        if let start = self.annotatedStartSec { json.field("annotated_start_sec", start) }
    }

    /// Reads a field, if it is one of these but `camera`, which narrations have too. A value of another type is passed
    /// over, as an unknown field is.
    /// - Returns: whether the value has been read or passed over.
    mutating func read(_ key: JSONKey, _ json: inout JSONScanner) throws(JSONError) -> Bool {
        if key == "goal" {
            self.goal = try json.stringIfAny()
        } else if key == "goal_category" {
            self.goalCategory = try json.stringIfAny()
        } else if key == "source_split" {
            self.sourceSplit = try json.stringIfAny()
        } else if key == "session" {
            self.session = try json.stringIfAny()
        } else if key == "scene" {
            self.scene = try json.stringIfAny()
        } else if key == "summary" {
            self.summary = try json.stringIfAny()
        } else if key == "fps" {
            self.fps = try json.secondsIfAny()
        } else if key == "annotated_start_sec" {
            self.annotatedStartSec = try json.secondsIfAny()
        } else {
            return false
        }
        return true
    }
}

/// Details out of line, because nearly all narrations have none, and all are moved about.
final class Boxed<Details: Hashable & Sendable>: Hashable, Sendable {
    let details: Details

    init(_ details: Details) { self.details = details }

    static func == (left: Boxed, right: Boxed) -> Bool { left.details == right.details }
    func hash(into hasher: inout Hasher) { hasher.combine(self.details) }
}

extension JSONScanner {
    fileprivate mutating func stringIfAny() throws(JSONError) -> String? {
        if try self.kind() == .string { return try self.string() }
        try self.skip()
        return nil
    }

    fileprivate mutating func boolIfAny() throws(JSONError) -> Bool? {
        if try self.kind() == .boolean { return try self.boolOrNull() }
        try self.skip()
        return nil
    }

    fileprivate mutating func secondsIfAny() throws(JSONError) -> Double? {
        guard try self.kind() == .number else {
            try self.skip()
            return nil
        }
        let number = try self.double()
        return number.isFinite ? number : nil
    }

    /// A whole number from 0, within what a count may be.
    fileprivate mutating func countIfAny() throws(JSONError) -> Int? {
        guard try self.kind() == .number else {
            try self.skip()
            return nil
        }
        let number = try self.double()
        return number == number.rounded() && number >= 0 && number <= 1e9 ? Int(number) : nil
    }
}
