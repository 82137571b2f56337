// SPDX-License-Identifier: Apache-2.0

import Codecs
import Operations

/// A sample of any schema in a few words: those of its members that lists show and filters ask for.
struct SampleSummary: Equatable {
    /// The sample's id; empty where it has none.
    var id = ""
    /// The text that it is about: a query, a caption, the first words of a dialogue.
    var title = ""
    var template: String?
    var video: String?
    /// The window that it asks for, in seconds.
    var window: ClosedRange<Double>?

    /// The most characters of a title.
    private static let titleMax = 300
    private static let titles = [
        "query", "question", "narration_text", "narration", "caption", "text", "summary", "goal", "title",
        "instruction",
        "content", "answer", "prompt",
    ]
    private static let others = ["video", "clip", "annotation", "parent", "block", "source", "narration"]
    /// Windows by their prefixes, the likeliest first.
    private static let windows = ["clip_", "", "video_", "query_", "answer_"]

    /// Reads a sample.
    init(_ sample: JSONValue) {
        guard case .object(let members) = sample else {
            self.title = (sample.string ?? "").cut(to: Self.titleMax)
            return
        }
        func text(_ names: [String]) -> String? {
            names.lazy.compactMap { sample[$0]?.string }.first { !$0.isEmpty }
        }
        let ids = members.map(\.key).filter { $0.hasSuffix("_id") }
        let own = ids.filter { id in !Self.others.contains { id.hasPrefix($0) } }
        self.id = text(["id"] + own + ids) ?? ""
        self.template = sample["template"]?.string
        self.video = text(SampleFilter.videoMembers)
        let long = members.compactMap { $0.key.hasSuffix("id") ? nil : $0.value.string }.max { $0.count < $1.count }
        self.title = (text(Self.titles) ?? Self.words(sample) ?? long ?? "").cut(to: Self.titleMax)
        self.window =
            Self.windows.lazy.compactMap { prefix in
                Self.window(sample["\(prefix)start_sec"], sample["\(prefix)end_sec"])
            }.first ?? Self.window(sample["start"], sample["end"])
    }

    /// The first words of a dialogue.
    private static func words(_ sample: JSONValue) -> String? {
        let turns = sample["conversation"]?.array ?? sample["messages"]?.array ?? sample["turns"]?.array ?? []
        return turns.lazy.compactMap { $0["content"]?.string ?? $0["text"]?.string }.first { !$0.isEmpty }
    }

    private static func window(_ start: JSONValue?, _ end: JSONValue?) -> ClosedRange<Double>? {
        guard let start = start?.double, let end = end?.double, start.isFinite, end.isFinite, start <= end else {
            return nil
        }
        return start...end
    }

    /// Writes the members of an open object.
    func write(to json: inout JSONWriter) {
        json.field("id", self.id)
        json.field("title", self.title)
        json.optional("template", self.template?.cut(to: Self.titleMax))
        json.optional("video", self.video?.cut(to: Self.titleMax))
        json.key("window")
        guard let window else { return json.null() }
        json.beginArray()
        json.value(window.lowerBound)
        json.value(window.upperBound)
        json.endArray()
    }
}
