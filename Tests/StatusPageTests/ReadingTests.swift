// SPDX-License-Identifier: Apache-2.0

import Codecs
import Fuzzing
import TaskRooms
import Testing

@testable import StatusPage

@Suite("Samples of any schema") struct ReadingTests {
    private func value(_ text: String) throws -> JSONValue { try JSONValue(parsing: text.utf8) }

    @Test func `a query is summed up by its question, template, video and window`() throws {
        let summary = SampleSummary(
            try self.value(
                #"{"video_id":"x","query_id":"q1","video_uid":"v","query":"Where?","template":"T","clip_start_sec":1,"clip_end_sec":2.5}"#
            ))
        #expect(summary.id == "q1")
        #expect(summary.title == "Where?")
        #expect(summary.template == "T")
        #expect(summary.video == "v")
        #expect(summary.window == 1...2.5)
    }

    @Test func `a schema that nobody knows has a title and an id all the same`() throws {
        let summary = SampleSummary(
            try self.value(#"{"caption_id":"c1","words":"a long text about things","k":"short","start":3,"end":1}"#))
        #expect(summary.id == "c1")
        #expect(summary.title == "a long text about things")
        #expect(summary.window == nil)
        #expect(SampleSummary(.null) == SampleSummary(.array([])))
        #expect(SampleSummary(.string("text")).title == "text")
        let talk = try self.value(#"{"dialogue_id":"d","conversation":[{"role":"user","time":2,"content":"Hello"}]}"#)
        #expect(SampleSummary(talk).title == "Hello")
    }

    @Test func `a block becomes a track of its narrations on its clip`() throws {
        let block = try self.value(
            #"""
            {"block_id":"b","clip":{"clip_uid":"c","start_sec":10,"end_sec":40},"narrations":[
            {"index":1,"timestamp_sec":12,"text":"one","window":[11,14]},{"index":2,"timestamp_sec":20,"text":"two"}]}
            """#)
        let timeline = try #require(TimelineReading.timeline(of: block))
        #expect((timeline.start, timeline.end) == (10, 40))
        #expect(timeline.tracks.map(\.name) == ["narrations"])
        #expect(timeline.tracks[0].marks.map(\.text) == ["one", "two"])
        #expect(timeline.tracks[0].marks[0] == .init(11, 14, moment: 12, text: "one"))
    }

    @Test func `a dialogue becomes a track of its turns`() throws {
        let dialogue = try self.value(
            #"{"duration_sec":30,"conversation":[{"role":"user","time":2,"content":"Hi"},{"role":"assistant","time":9,"content":"Cut it"}]}"#
        )
        let timeline = try #require(TimelineReading.timeline(of: dialogue))
        #expect((timeline.start, timeline.end) == (0, 30))
        #expect(timeline.tracks[0].marks.map(\.who) == ["user", "assistant"])
    }

    @Test func `what says nothing of time has no timeline, and no value makes one that cannot be drawn`() throws {
        #expect(TimelineReading.timeline(of: try self.value(#"{"a":[1,2],"b":"c"}"#)) == nil)
        for text in [
            #"{"x":[{"start":1e300,"end":1e301}]}"#, #"{"x":[{"time":5}]}"#, #"{"start_sec":5,"end_sec":5}"#,
            #"{"duration_sec":-4,"x":[{"time":-1},{"time":-1}]}"#, #"{"clip":{"start":9,"end":1},"x":[{"time":3}]}"#,
        ] {
            guard let timeline = TimelineReading.timeline(of: try self.value(text)) else { continue }
            #expect(timeline.start < timeline.end && timeline.start.isFinite && timeline.end.isFinite, "\(text)")
        }
    }

    @Test func `a long text is cut by its scalars`() {
        #expect("abc".cut(to: 3) == "abc")
        #expect("abcd".cut(to: 3) == "abc…")
        let accents = "a" + String(repeating: "\u{301}", count: 5_000)
        #expect(accents.cut(to: 10).unicodeScalars.count == 11)
    }
}
