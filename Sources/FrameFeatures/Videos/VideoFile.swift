// SPDX-License-Identifier: Apache-2.0

public import Codecs
public import Dataflow
import Records

/// A record of the topic `videos`. Of each video: its file, an end.
public enum VideoRecord: Hashable, Sendable {
    /// The file of a video.
    case file(VideoFile)
    /// The video is complete.
    case end(videoUID: String)
}

/// The file of a video.
public struct VideoFile: Hashable, Sendable {
    /// The id of the video, by which annotations know it.
    public var videoUID: String
    /// The file's place in the folder of videos.
    public var path: String
    /// The bytes that the file had.
    public var bytes: Int
    /// The number of times that the video was ingested with other content.
    public var revision: Int

    /// Describes a file.
    public init(videoUID: String, path: String, bytes: Int, revision: Int = 1) {
        self.videoUID = videoUID
        self.path = path
        self.bytes = bytes
        self.revision = revision
    }
}

extension VideoRecord: StreamValue {
    /// The type's name in topologies, diagnostics and headers.
    public static var typeName: String { "video-file" }
    /// Counts the incompatible changes of the JSON form.
    public static var schemaVersion: Int { 1 }

    /// Writes the JSON form.
    public func write(to json: inout JSONWriter) {
        json.beginObject()
        switch self {
        case .file(let file):
            json.field("kind", "video")
            json.field("video_uid", file.videoUID)
            json.field("path", file.path)
            json.field("bytes", file.bytes)
            json.field("revision", file.revision)
        case .end(let videoUID):
            json.field("kind", "end")
            json.field("video_uid", videoUID)
        }
        json.endObject()
    }

    /// Reads the JSON form.
    public init(json: inout JSONScanner) throws(JSONError) {
        let value = try JSONValue(&json)
        guard let videoUID = value["video_uid"]?.string, !videoUID.isEmpty else {
            throw JSONError("a video wants `video_uid`", offset: json.offset)
        }
        switch value["kind"]?.string {
        case "video":
            guard let path = value["path"]?.string, !path.isEmpty else {
                throw JSONError("a video wants `path`, its file's place in the folder", offset: json.offset)
            }
            self = .file(
                VideoFile(
                    videoUID: videoUID, path: path, bytes: value["bytes"]?.count ?? 0,
                    revision: value["revision"]?.count ?? 1))
        case "end": self = .end(videoUID: videoUID)
        default: throw JSONError("`kind` must be `video` or `end`", offset: json.offset)
        }
    }
}
