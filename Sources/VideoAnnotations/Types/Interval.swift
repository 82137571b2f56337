// SPDX-License-Identifier: Apache-2.0

public import Codecs
import Records

/// A span of video time in seconds.
public struct Interval: Hashable, Sendable {
    /// The first moment, in seconds.
    public var start: Double
    /// The last moment, in seconds; not before `start` where the source is sound.
    public var end: Double

    /// Creates a span.
    public init(_ start: Double, _ end: Double) {
        self.start = start
        self.end = end
    }

    /// Its length in seconds; negative where the ends are swapped.
    public var length: Double { self.end - self.start }

    /// Tells whether a moment lies in it, ends included.
    public func contains(_ time: Double) -> Bool { self.start <= time && time <= self.end }

    /// Tells whether another span lies wholly in it, ends included.
    public func contains(_ other: Interval) -> Bool { self.start <= other.start && other.end <= self.end }

    /// Returns the part that it shares with another span; `nil` where that has no length.
    public func intersection(_ other: Interval) -> Interval? {
        let start = max(self.start, other.start)
        let end = min(self.end, other.end)
        return start < end ? Interval(start, end) : nil
    }

    /// Writes `[start, end]`.
    public func write(to json: inout JSONWriter) {
        json.beginArray()
        json.value(self.start)
        json.value(self.end)
        json.endArray()
    }

    /// Reads `[start, end]`.
    public init(json: inout JSONScanner) throws(JSONError) {
        let place = json.offset
        var ends = (0.0, 0.0)
        var count = 0
        try json.beginArray()
        while try json.nextElement() {
            ends = (ends.1, try json.double())
            count += 1
        }
        guard count == 2 else { throw JSONError("expected [start, end] in seconds", offset: place) }
        self.init(ends.0, ends.1)
    }
}

/// A clip: a piece of a video that annotations and queries refer to.
public struct Clip: Hashable, Sendable {
    /// Its id in the data set.
    public var clipUID: String
    /// Its place in the video, in seconds.
    public var span: Interval

    /// Creates a clip.
    public init(clipUID: String, span: Interval) {
        self.clipUID = clipUID
        self.span = span
    }

    /// Writes the JSON form.
    public func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("clip_uid", self.clipUID)
        json.field("start_sec", self.span.start)
        json.field("end_sec", self.span.end)
        json.endObject()
    }

    /// Reads the JSON form.
    public init(json: inout JSONScanner) throws(JSONError) {
        var uid: String?
        var start: Double?
        var end: Double?
        try json.beginObject()
        while let key = try json.nextKey() {
            if key == "clip_uid" {
                uid = try json.string()
            } else if key == "start_sec" {
                start = try json.double()
            } else if key == "end_sec" {
                end = try json.double()
            } else {
                try json.skip()
            }
        }
        guard let uid, let start, let end else {
            throw JSONError("a clip wants `clip_uid`, `start_sec` and `end_sec`", offset: json.offset)
        }
        self.init(clipUID: uid, span: Interval(start, end))
    }
}
