// SPDX-License-Identifier: Apache-2.0

import Codecs
import TaskRooms

/// Finds the times in a sample or a record whose schema nobody here knows: lists of things that have a time become
/// tracks, the sample's own window goes through them.
enum TimelineReading {
    private static let (marksMax, tracksMax, depthMax) = (400, 8, 4)
    private static let moments = ["timestamp_sec", "time_sec", "time", "timestamp", "narration_time"]
    private static let spans = [
        ("start_sec", "end_sec"), ("start", "end"), ("start_time", "end_time"), ("clip_start_sec", "clip_end_sec"),
        ("video_start_sec", "video_end_sec"),
    ]
    private static let words = [
        "text", "content", "narration", "caption", "query", "question", "description", "label", "name",
    ]
    private static let speakers = ["role", "speaker", "who"]

    /// The timeline of a value; `nil` where it says nothing of time.
    static func timeline(of value: JSONValue) -> SampleTimeline? {
        var tracks: [SampleTimeline.Track] = []
        self.findTracks(in: value, named: "", depth: 0, &tracks)
        let clip = value["clip"].flatMap(self.span)
        let length = ["clip_duration_sec", "duration_sec", "duration"].lazy.compactMap { self.number(value[$0]) }.first
        // The window is on the clock of the tracks where there are some, else on the clip's.
        let window = self.window(
            of: value, prefixes: tracks.isEmpty ? ["clip_", "", "video_"] : ["video_", "", "clip_"])
        let windows = window.map { [$0] } ?? []
        let marks = tracks.flatMap(\.marks) + windows
        guard let first = marks.map(\.start).min(), let last = marks.map({ $0.end ?? $0.start }).max() else {
            return nil
        }
        if let clip, clip.start <= first, last <= clip.end {
            return SampleTimeline("Clip", clip.start, clip.end, windows: windows, tracks: tracks)
        }
        if let length, first >= 0, last <= length, length > 0 {
            let isClip = value["clip_duration_sec"] != nil
            return SampleTimeline(isClip ? "Clip" : "Video", 0, length, windows: windows, tracks: tracks)
        }
        let end = last > first ? last : first + 1
        return SampleTimeline("From the first to the last", first, end, windows: windows, tracks: tracks)
    }

    /// The window that a value itself has.
    static func window(
        of value: JSONValue, prefixes: [String] = ["video_", "", "clip_"]
    ) -> SampleTimeline.Mark? {
        let own = prefixes.lazy.compactMap { prefix -> (start: Double, end: Double)? in
            guard let start = self.number(value["\(prefix)start_sec"]),
                let end = self.number(value["\(prefix)end_sec"]),
                start <= end
            else { return nil }
            return (start, end)
        }.first
        guard let span = own ?? value["window"].flatMap(self.span) else { return nil }
        return SampleTimeline.Mark(span.start, span.end, text: SampleSummary(value).title)
    }

    private static func findTracks(
        in value: JSONValue, named name: String, depth: Int, _ tracks: inout [SampleTimeline.Track]
    ) {
        guard depth < self.depthMax, tracks.count < self.tracksMax else { return }
        switch value {
        case .array(let elements):
            let marks = elements.prefix(self.marksMax).compactMap(self.mark)
            // A list whose things mostly have no time is no track.
            if !marks.isEmpty, marks.count * 2 >= min(elements.count, self.marksMax) {
                tracks.append(.init(name.isEmpty ? "Things" : name, marks.sorted { $0.start < $1.start }))
            }
        case .object(let members):
            for member in members { self.findTracks(in: member.value, named: member.key, depth: depth + 1, &tracks) }
        default: break
        }
    }

    private static func mark(_ element: JSONValue) -> SampleTimeline.Mark? {
        let moment = self.moments.lazy.compactMap { self.number(element[$0]) }.first
        let span = element["window"].flatMap(self.span) ?? self.span(element)
        guard let start = span?.start ?? moment else { return nil }
        func text(_ names: [String]) -> String? { names.lazy.compactMap { element[$0]?.string }.first }
        return SampleTimeline.Mark(
            start, span?.end, moment: span == nil ? nil : moment, who: text(self.speakers),
            text: (text(self.words) ?? "").cut(to: 2_000))
    }

    /// A span as an object has it, or as `[start, end]`.
    private static func span(_ value: JSONValue) -> (start: Double, end: Double)? {
        if let pair = value.array, pair.count == 2, let start = self.number(pair[0]), let end = self.number(pair[1]),
            start <= end
        {
            return (start, end)
        }
        for (first, last) in self.spans {
            if let start = self.number(value[first]), let end = self.number(value[last]), start <= end {
                return (start, end)
            }
        }
        return nil
    }

    private static func number(_ value: JSONValue?) -> Double? {
        value?.double.flatMap { $0.isFinite && abs($0) < 1e9 ? $0 : nil }
    }
}

extension JSONWriter {
    /// Writes a timeline, or null.
    mutating func timeline(_ timeline: SampleTimeline?) {
        self.key("timeline")
        guard let timeline else { return self.null() }
        self.object { json in
            json.field("name", timeline.name)
            json.numbers("span", [timeline.start, timeline.end])
            json.list("windows", timeline.windows) { $1.mark($0) }
            json.list("tracks", timeline.tracks) { track, json in
                json.field("name", track.name)
                json.list("marks", track.marks) { $1.mark($0) }
            }
        }
    }

    private mutating func mark(_ mark: SampleTimeline.Mark) {
        self.field("start", mark.start)
        self.optional("end", mark.end)
        self.optional("moment", mark.moment)
        self.optional("who", mark.who)
        self.field("text", mark.text)
        self.field("marked", mark.isMarked)
    }
}
