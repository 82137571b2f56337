// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Testing
import VideoAnnotations

/// The form that narrations usually have is read by its looks; every other form must come to the same.
@Suite("NarrationEvent") struct NarrationEventTests {
    private func read(_ text: String) throws -> NarrationEvent {
        try JSONScanner.scan(Bytes(text.utf8)) { json throws(JSONError) in try NarrationEvent(json: &json) }
    }

    @Test(arguments: ["#C C picks a cup", "", "a \"quote\"\n and \\", "\u{e9}t\u{e9} \u{1f600}"])
    func `the usual form and others are the same narration`(text: String) throws {
        let narration = Narration(videoUID: "v", pass: 2, index: 7, timestampSec: 12.5, text: text)
        let usual = String(decoding: NarrationEvent.narration(narration).json, as: UTF8.self)
        #expect(try self.read(usual) == .narration(narration))
        // A blank, and another order of members, are not usual.
        #expect(try self.read(usual.replacing("\"pass\":2", with: "\"pass\": 2")) == .narration(narration))
        var members = JSONWriter()
        members.beginObject()
        members.field("text", text)
        members.field("timestamp_sec", 12.5)
        members.field("index", 7)
        members.field("pass", 2)
        members.field("video_uid", "v")
        members.field("kind", "narration")
        members.endObject()
        #expect(try self.read(String(decoding: members.bytes, as: UTF8.self)) == .narration(narration))
    }

    @Test func `what is behind the usual members is read, too`() throws {
        var narration = Narration(
            videoUID: "v", index: 0, timestampSec: 1, text: "t", annotated: Interval(0.5, 1.5),
            details: NarrationDetails(role: "user"))
        #expect(
            try self.read(String(decoding: NarrationEvent.narration(narration).json, as: UTF8.self))
                == .narration(narration))
        narration.window = Interval(0, 2)
        #expect(
            try self.read(String(decoding: NarrationEvent.narration(narration).json, as: UTF8.self))
                == .narration(narration))
    }

    @Test(arguments: [
        "\"pass\":1.5,\"index\":0,\"timestamp_sec\":1,\"text\":\"t\"}",
        "\"pass\":1,\"index\":0,\"timestamp_sec\":NaN,\"text\":\"t\"}",
        "\"pass\":1,\"index\":0,\"timestamp_sec\":1,\"text\":\"t\"",
        "\"pass\":1,\"index\":0,\"timestamp_sec\":1,\"text\":\"t\"}}",
        "\"pass\":1,\"index\":0,\"timestamp_sec\":1}",
    ]) func `what is wrong is refused in the usual form, too`(rest: String) {
        #expect(throws: JSONError.self) { try self.read("{\"kind\":\"narration\",\"video_uid\":\"v\"," + rest) }
    }

    @Test func `an interval has two ends`() throws {
        func interval(_ text: String) throws -> Interval {
            try JSONScanner.scan(Bytes(text.utf8)) { json throws(JSONError) in try Interval(json: &json) }
        }
        #expect(try interval("[1, 2.5]") == Interval(1, 2.5))
        for text in ["[]", "[1]", "[1,2,3]", "[1,null]"] { #expect(throws: JSONError.self) { try interval(text) } }
    }
}
