// SPDX-License-Identifier: Apache-2.0

public import Codecs
import Records

/// One turn of a training sequence: words, or a run of frames.
public struct SequenceTurn: Hashable, Sendable {
    /// The kinds of turn.
    public enum Role: String, Hashable, Sendable {
        /// An instruction, task knowledge, a request for a summary.
        case system
        /// The person in the video.
        case user
        /// The assistant.
        case assistant
        /// Frames of the video.
        case frames
    }

    /// The kind of turn.
    public var role: Role
    /// The words; empty for frames.
    public var content: String
    /// The frames, by index; empty for words.
    public var frames: Range<Int>
    /// The moment of a dialogue's turn in seconds.
    public var time: Double?
    /// The labels of a dialogue's turn as text: `initiative|instruction`, empty for a user's.
    public var labels: String?
    /// The progress up to an assistant's turn.
    public var progress: String?

    /// A turn of words.
    public init(_ role: Role, _ content: String) {
        self.role = role
        self.content = content
        self.frames = 0..<0
    }

    /// A run of frames.
    public init(frames: Range<Int>) {
        self.role = .frames
        self.content = ""
        self.frames = frames
    }

    /// A dialogue's turn.
    /// - Parameter labelled: gives users empty labels, as the original does.
    public init(_ turn: DialogueTurn, labelled: Bool = true) {
        self.init(turn.role == .user ? .user : .assistant, turn.content)
        self.time = turn.time
        self.labels = turn.labels?.text ?? (labelled && turn.role == .user ? "" : nil)
        self.progress = turn.progress
    }

    /// Writes the JSON form, which is the original's.
    public func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("role", self.role.rawValue)
        if self.role == .frames {
            json.field("start", self.frames.lowerBound)
            json.field("end", self.frames.upperBound)
        } else {
            if let time = self.time { json.field("time", time) }
            json.field("content", self.content)
            if let labels = self.labels { json.field("labels", labels) }
            if let progress = self.progress { json.field("progress", progress) }
        }
        json.endObject()
    }

    /// Reads the JSON form.
    public init(json: inout JSONScanner) throws(JSONError) {
        var role: Role?
        var turn = SequenceTurn(.system, "")
        var start = 0
        var end = 0
        try json.beginObject()
        while let key = try json.nextKey() {
            if key == "role" {
                role = Role(rawValue: try json.string())
            } else if key == "content" {
                turn.content = try json.stringOrNull() ?? ""
            } else if key == "time" {
                turn.time = try json.doubleOrNull()
            } else if key == "labels" {
                turn.labels = try json.stringOrNull()
            } else if key == "progress" {
                turn.progress = try json.stringOrNull()
            } else if key == "start" {
                start = try json.isNull() ? 0 : try json.int(in: JSONScanner.counts)
            } else if key == "end" {
                end = try json.isNull() ? 0 : try json.int(in: JSONScanner.counts)
            } else {
                try json.skip()
            }
        }
        guard let role, start <= end, turn.time?.isFinite ?? true else {
            throw JSONError("a turn wants `role`, and `start` no later than `end`", offset: json.offset)
        }
        turn.role = role
        turn.frames = role == .frames ? start..<end : 0..<0
        self = turn
    }

    static func list(_ json: inout JSONScanner) throws(JSONError) -> [SequenceTurn] {
        var turns: [SequenceTurn] = []
        try json.beginArray()
        while try json.nextElement() { turns.append(try SequenceTurn(json: &json)) }
        return turns
    }
}

/// The frames between the turns of a dialogue.
enum FramedDialogue {
    /// Puts before each turn the frames since the last one. A turn's frame is `floor(time · rate)`; one that is not
    /// later than the last turn's takes the next frame; what no longer fits is dropped with all that follows.
    /// - Parameters:
    ///   - turns: with finite times.
    ///   - rate: frames a second.
    ///   - frameCount: the frames of the video.
    ///   - start: the moment at which the activity's part of the video begins, in seconds.
    ///   - knowledge: a system turn behind the first user's; none where it is empty.
    static func turns(
        _ turns: [SequenceTurn], rate: Double, frameCount: Int, start: Double = 0, knowledge: String = ""
    ) -> [SequenceTurn] {
        var output: [SequenceTurn] = []
        var wantsKnowledge = !knowledge.isEmpty
        guard var last = PythonText.floor(start * rate) else { return [] }
        for turn in turns {
            guard let floored = PythonText.floor((turn.time ?? 0) * rate) else { break }
            var frame = floored >= frameCount ? frameCount - 1 : floored
            if frame <= last { frame = last + 1 }
            guard frame < frameCount else { break }
            output.append(SequenceTurn(frames: last..<frame))
            output.append(turn)
            if wantsKnowledge, turn.role == .user {
                output.append(SequenceTurn(.system, knowledge))
                wantsKnowledge = false
            }
            last = frame
        }
        return output
    }
}
