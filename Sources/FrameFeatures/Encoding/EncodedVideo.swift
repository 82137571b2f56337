// SPDX-License-Identifier: Apache-2.0

public import Codecs
public import Dataflow
import Records

/// A video whose frames are encoded: the file of their features, which is complete once this record is there.
public struct EncodedVideo: Hashable, Sendable {
    /// The id of the video.
    public var videoUID: String
    /// The file's name in the folder of features.
    public var file: String
    /// The file's bytes.
    public var bytes: Int
    /// The SHA-256 of the file, in hexadecimal.
    public var sha256: String
    /// The rows of features: row k is that of frame k.
    public var frames: Int
    /// Frames a second, as an exact fraction.
    public var rate: String
    /// The columns of a row.
    public var width: Int
    /// The SHA-256 of the video's file.
    public var video: String
    /// The SHA-256 of the encoder's weights.
    public var encoder: String
}

extension EncodedVideo: StreamValue {
    /// The type's name in topologies, diagnostics and headers.
    public static var typeName: String { "encoded-video" }
    /// Counts the incompatible changes of the JSON form.
    public static var schemaVersion: Int { 1 }

    /// Writes the JSON form.
    public func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("video_uid", self.videoUID)
        json.field("file", self.file)
        json.field("bytes", self.bytes)
        json.field("sha256", self.sha256)
        json.field("frames", self.frames)
        json.field("rate", self.rate)
        json.field("width", self.width)
        json.field("video_sha256", self.video)
        json.field("encoder_sha256", self.encoder)
        json.endObject()
    }

    /// Reads the JSON form.
    public init(json: inout JSONScanner) throws(JSONError) {
        let value = try JSONValue(&json)
        guard let videoUID = value["video_uid"]?.string, let file = value["file"]?.string,
            let sha256 = value["sha256"]?.string, let frames = value["frames"]?.count
        else {
            throw JSONError("an encoded video wants `video_uid`, `file`, `sha256` and `frames`", offset: json.offset)
        }
        self.init(
            videoUID: videoUID, file: file, bytes: value["bytes"]?.count ?? 0, sha256: sha256, frames: frames,
            rate: value["rate"]?.string ?? "", width: value["width"]?.count ?? 0,
            video: value["video_sha256"]?.string ?? "", encoder: value["encoder_sha256"]?.string ?? "")
    }
}
