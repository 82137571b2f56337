// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records

/// The origin of a query, in content and not in position: the same on every run and in every log.
public struct Lineage: Hashable, Sendable {
    /// The id of the video.
    public var videoUID: String
    /// The annotation pass.
    public var pass: Int
    /// The indices of the narrations it is about.
    public var narrations: [Int]
    /// The id of the block that was shown to the model, if one was.
    public var block: String?
    /// The SHA-256 of the prompt, if there was one.
    public var prompt: String?
    /// The SHA-256 of the answer, if there was one.
    public var answer: String?
    /// The hash of the topology.
    public var topology: String

    /// Creates a lineage.
    public init(
        videoUID: String, pass: Int, narrations: [Int], block: String? = nil, prompt: String? = nil,
        answer: String? = nil, topology: String
    ) {
        self.videoUID = videoUID
        self.pass = pass
        self.narrations = narrations
        self.block = block
        self.prompt = prompt
        self.answer = answer
        self.topology = topology
    }

    func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("video_uid", self.videoUID)
        json.field("pass", self.pass)
        json.key("narrations")
        json.beginArray()
        for index in self.narrations { json.value(index) }
        json.endArray()
        Self.write("block", self.block, to: &json)
        Self.write("prompt", self.prompt, to: &json)
        Self.write("answer", self.answer, to: &json)
        json.field("topology", self.topology)
        json.endObject()
    }

    private static func write(_ name: StaticString, _ text: String?, to json: inout JSONWriter) {
        json.key(name)
        if let text { json.value(text) } else { json.null() }
    }

    init(json: inout JSONScanner) throws(JSONError) {
        var lineage = Lineage(videoUID: "", pass: 1, narrations: [], topology: "")
        try json.beginObject()
        while let key = try json.nextKey() {
            if key == "video_uid" {
                lineage.videoUID = try json.string()
            } else if key == "pass" {
                lineage.pass = try json.int()
            } else if key == "narrations" {
                try json.beginArray()
                while try json.nextElement() { lineage.narrations.append(try json.int()) }
            } else if key == "block" {
                lineage.block = try json.stringOrNull()
            } else if key == "prompt" {
                lineage.prompt = try json.stringOrNull()
            } else if key == "answer" {
                lineage.answer = try json.stringOrNull()
            } else if key == "topology" {
                lineage.topology = try json.string()
            } else {
                try json.skip()
            }
        }
        self = lineage
    }
}
