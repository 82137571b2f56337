// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Foundation
import Records
public import VideoAnnotations

/// One line of an activity: a step, or a finer action or an utterance within one.
public struct ActivityLine: Hashable, Sendable {
    /// A step, or something within one.
    public var level: NarrationDetails.Level
    /// The moment, or the beginning of the step, in seconds of the video.
    public var start: Double
    /// The end in seconds, where the line has one.
    public var end: Double?
    /// The text, as prompts show it.
    public var text: String

    /// Creates a line.
    public init(level: NarrationDetails.Level, start: Double, end: Double? = nil, text: String) {
        self.level = level
        self.start = start
        self.end = end
        self.text = text
    }

    /// `[12.3s-45.6s] text`, for a substep ` - [12.3s] text`; times with one decimal.
    public var printed: String {
        let end = self.end.map { "-\(Self.seconds($0))s" } ?? ""
        return (self.level == .substep ? " - " : "") + "[\(Self.seconds(self.start))s\(end)] \(self.text)"
    }

    /// Seconds as prompts have them: one decimal of the exact value, halves to even, as C prints them.
    public static func seconds(_ seconds: Double) -> String { String(format: "%.1f", seconds) }

    func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("level", self.level.rawValue)
        json.field("start_sec", self.start)
        if let end = self.end { json.field("end_sec", end) }
        json.field("text", self.text)
        json.endObject()
    }

    init(json: inout JSONScanner) throws(JSONError) {
        var level: NarrationDetails.Level?
        var start: Double?
        var end: Double?
        var text: String?
        try json.beginObject()
        while let key = try json.nextKey() {
            if key == "level" {
                level = NarrationDetails.Level(rawValue: try json.string())
            } else if key == "start_sec" {
                start = try json.double()
            } else if key == "end_sec" {
                end = try json.doubleOrNull()
            } else if key == "text" {
                text = try json.string()
            } else {
                try json.skip()
            }
        }
        guard let level, let start, let text, start.isFinite, end?.isFinite ?? true else {
            throw JSONError("a line wants `level` (step, substep), finite `start_sec`, and `text`", offset: json.offset)
        }
        self.init(level: level, start: start, end: end, text: text)
    }

    static func list(_ json: inout JSONScanner) throws(JSONError) -> [ActivityLine] {
        var lines: [ActivityLine] = []
        try json.beginArray()
        while try json.nextElement() { lines.append(try ActivityLine(json: &json)) }
        return lines
    }
}

/// The stretch of an activity that a model is given in one round.
public struct ActivityClip: Hashable, Sendable {
    /// The place in the video, in seconds.
    public var span: Interval
    /// The lines that a prompt shows, printed, each with a line break at its end: those of the clip, and whatever the
    /// source shows around them.
    public var text: String
    /// The clip's own lines.
    public var lines: [ActivityLine]

    /// Creates a clip.
    public init(span: Interval, text: String, lines: [ActivityLine]) {
        self.span = span
        self.text = text
        self.lines = lines
    }

    func write(to json: inout JSONWriter) {
        json.beginObject()
        json.key("span")
        self.span.write(to: &json)
        json.field("text", self.text)
        json.key("lines")
        json.beginArray()
        for line in self.lines { line.write(to: &json) }
        json.endArray()
        json.endObject()
    }

    init(json: inout JSONScanner) throws(JSONError) {
        var span: Interval?
        var text: String?
        var lines: [ActivityLine] = []
        try json.beginObject()
        while let key = try json.nextKey() {
            if key == "span" {
                span = try Interval(json: &json)
            } else if key == "text" {
                text = try json.string()
            } else if key == "lines" {
                lines = try ActivityLine.list(&json)
            } else {
                try json.skip()
            }
        }
        guard let span, let text, span.start.isFinite, span.end.isFinite else {
            throw JSONError("a clip of an activity wants a finite `span` and `text`", offset: json.offset)
        }
        self.init(span: span, text: text, lines: lines)
    }
}
