// SPDX-License-Identifier: Apache-2.0

public import Codecs
public import Dataflow
import Records

/// Consecutive narrations of one clip that are shown to the model together.
public struct Block: Hashable, Sendable {
    /// Derived from the video, the pass, the clip, and the narrations' indices, texts and windows.
    public var blockID: String
    /// The id of the video, which all narrations share.
    public var videoUID: String
    /// The annotation pass.
    public var pass: Int
    /// The clip that holds all of them.
    public var clip: Clip
    /// The narrations, each with a window that lies in the clip.
    public var narrations: [Narration]
    /// The mean gap between narrations of the video and pass, in seconds (β of EgoVLP), where `window` found one.
    public var meanGapSec: Double?

    /// Creates a block. Its narrations are without details, which a block's record does not have.
    public init(
        blockID: String, videoUID: String, pass: Int, clip: Clip, narrations: [Narration], meanGapSec: Double?
    ) {
        self.blockID = blockID
        self.videoUID = videoUID
        self.pass = pass
        self.clip = clip
        self.narrations = narrations.allSatisfy(\.isPlain) ? narrations : narrations.map(\.plain)
        self.meanGapSec = meanGapSec
    }
}

extension Block: StreamValue {
    /// The type's name in topologies, diagnostics and headers.
    public static var typeName: String { "block" }
    /// Counts the incompatible changes of the JSON form.
    public static var schemaVersion: Int { 1 }

    /// Writes the JSON form.
    public func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("block_id", self.blockID)
        json.field("video_uid", self.videoUID)
        json.field("pass", self.pass)
        json.key("clip")
        self.clip.write(to: &json)
        json.key("narrations")
        json.beginArray()
        for narration in self.narrations {
            json.beginObject()
            narration.writeFields(to: &json)
            json.endObject()
        }
        json.endArray()
        json.key("mean_gap_sec")
        if let gap = self.meanGapSec { json.value(gap) } else { json.null() }
        json.endObject()
    }

    /// Reads the JSON form.
    public init(json: inout JSONScanner) throws(JSONError) {
        var blockID: String?
        var videoUID: String?
        var pass = 1
        var clip: Clip?
        var fields: [NarrationFields] = []
        var meanGapSec: Double?
        try json.beginObject()
        while let key = try json.nextKey() {
            if key == "block_id" {
                blockID = try json.string()
            } else if key == "video_uid" {
                videoUID = try json.string()
            } else if key == "pass" {
                pass = try json.int()
            } else if key == "clip" {
                clip = try Clip(json: &json)
            } else if key == "narrations" {
                try json.beginArray()
                while try json.nextElement() { fields.append(try NarrationFields(&json)) }
            } else if key == "mean_gap_sec" {
                meanGapSec = try json.doubleOrNull()
            } else {
                try json.skip()
            }
        }
        guard let blockID, let videoUID, let clip else {
            throw JSONError("a block wants `block_id`, `video_uid` and `clip`", offset: json.offset)
        }
        var narrations: [Narration] = []
        for field in fields {
            narrations.append(try field.narration(videoUID: videoUID, pass: pass, at: json.offset))
        }
        self.init(
            blockID: blockID, videoUID: videoUID, pass: pass, clip: clip, narrations: narrations, meanGapSec: meanGapSec
        )
    }
}
