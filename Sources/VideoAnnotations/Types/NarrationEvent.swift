// SPDX-License-Identifier: Apache-2.0

public import Codecs
public import Dataflow
import Records

/// One record of the `narrations` topic. Per video and pass: a `video`, its `narration`s sorted by time, an `end`; so
/// the stream describes itself, and a replay needs no side files.
public enum NarrationEvent: Hashable, Sendable {
    /// The video and pass that begins, as far as it is known.
    case video(Video)
    /// One narration.
    case narration(Narration)
    /// The video and pass is complete.
    case end(EndOfVideo)
}

/// The end of a video and pass.
public struct EndOfVideo: Hashable, Sendable {
    /// The id of the video.
    public var videoUID: String
    /// The annotation pass.
    public var pass: Int
    /// The number of narrations.
    public var narrations: Int

    /// Creates an end.
    public init(videoUID: String, pass: Int = 1, narrations: Int) {
        self.videoUID = videoUID
        self.pass = pass
        self.narrations = narrations
    }
}

extension NarrationEvent {
    /// The video it belongs to.
    public var videoUID: String {
        switch self {
        case .video(let video): video.videoUID
        case .narration(let narration): narration.videoUID
        case .end(let end): end.videoUID
        }
    }

    /// The annotation pass it belongs to.
    public var pass: Int {
        switch self {
        case .video(let video): video.pass
        case .narration(let narration): narration.pass
        case .end(let end): end.pass
        }
    }
}

extension NarrationEvent: StreamValue {
    /// The type's name in topologies, diagnostics and headers.
    public static var typeName: String { "narration" }
    /// Counts the incompatible changes of the JSON form.
    public static var schemaVersion: Int { 1 }

    /// Writes the JSON form.
    public func write(to json: inout JSONWriter) {
        json.beginObject()
        switch self {
        case .video(let video): video.writeFields(to: &json)
        case .narration(let narration):
            json.field("kind", "narration")
            json.field("video_uid", narration.videoUID)
            json.field("pass", narration.pass)
            narration.writeFields(to: &json)
            narration.writeDetails(to: &json)
        case .end(let end):
            json.field("kind", "end")
            json.field("video_uid", end.videoUID)
            json.field("pass", end.pass)
            json.field("narrations", end.narrations)
        }
        json.endObject()
    }

    /// Reads the JSON form.
    public init(json: inout JSONScanner) throws(JSONError) {
        let mark = json.mark
        if let narration = try? Narration(usual: &json) {
            self = .narration(narration)
            return
        }
        json.goBack(to: mark)
        let fields = try NarrationFields(&json)
        self = try fields.event(at: json.offset)
    }
}
