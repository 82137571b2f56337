// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records

/// All fields that any of the three kinds has, so that members may come in any order.
struct NarrationFields {
    var kind: String?
    var videoUID: String?
    var pass = 1
    /// Made for the first field of a video: nearly all records are narrations, and have none.
    private var video: VideoFields?
    var index: Int?
    var timestampSec: Double?
    var text: String?
    var startSec: Double?
    var endSec: Double?
    var window: Interval?
    var covered: [String]?
    var count: Int?
    /// Made for the first of them, as few narrations have any.
    private var details: NarrationDetails?

    private struct VideoFields {
        var source = ""
        var durationSec: Double?
        var clips: [Clip] = []
        var splits: [String]?
        var knownSplits: [String]?
        var hasFeatures: Bool?
        var revision = 1
        var meanGapSec: Double?
        var details = VideoDetails()
    }

    init(_ json: inout JSONScanner) throws(JSONError) {
        try json.beginObject()
        while let key = try json.nextKey() {
            if try self.readNarration(key, &json) { continue }
            var video = self.video ?? VideoFields()
            if try Self.readVideo(key, &json, into: &video) {
                self.video = video
                continue
            }
            var details = self.details ?? NarrationDetails()
            if try details.read(key, &json) {
                self.details = details
            } else {
                try json.skip()
            }
        }
    }

    private mutating func readNarration(_ key: JSONKey, _ json: inout JSONScanner) throws(JSONError) -> Bool {
        if key == "kind" {
            self.kind = try json.string()
        } else if key == "video_uid" {
            self.videoUID = try json.internedString()
        } else if key == "pass" {
            self.pass = try json.int()
        } else if key == "index" {
            self.index = try json.int()
        } else if key == "timestamp_sec" {
            self.timestampSec = try json.double()
        } else if key == "text" {
            self.text = try json.string()
        } else if key == "narrations" {
            self.count = try json.int()
        } else if key == "start_sec" {
            self.startSec = try json.doubleOrNull()
        } else if key == "end_sec" {
            self.endSec = try json.doubleOrNull()
        } else if key == "window" {
            self.window = try json.isNull() ? nil : try Interval(json: &json)
        } else if key == "covers" {
            self.covered = try Self.strings(&json)
        } else {
            return false
        }
        return true
    }

    private static func readVideo(
        _ key: JSONKey, _ json: inout JSONScanner, into video: inout VideoFields
    ) throws(JSONError) -> Bool {
        if key == "source" {
            video.source = try json.string()
        } else if key == "duration_sec" {
            video.durationSec = try json.doubleOrNull()
        } else if key == "clips" {
            video.clips = []
            try json.beginArray()
            while try json.nextElement() { video.clips.append(try Clip(json: &json)) }
        } else if key == "splits" {
            video.splits = try Self.strings(&json)
        } else if key == "known_splits" {
            video.knownSplits = try Self.strings(&json)
        } else if key == "features" {
            video.hasFeatures = try json.boolOrNull()
        } else if key == "revision" {
            video.revision = try json.int()
        } else if key == "mean_gap_sec" {
            video.meanGapSec = try json.doubleOrNull()
        } else {
            return try video.details.read(key, &json)
        }
        return true
    }

    private static func strings(_ json: inout JSONScanner) throws(JSONError) -> [String]? {
        if try json.isNull() { return nil }
        var strings: [String] = []
        try json.beginArray()
        while try json.nextElement() { strings.append(try json.string()) }
        return strings
    }

    func narration(videoUID: String, pass: Int, at offset: Int) throws(JSONError) -> Narration {
        guard let index = self.index, let timestampSec = self.timestampSec, let text = self.text else {
            throw JSONError("a narration wants `index`, `timestamp_sec` and `text`", offset: offset)
        }
        guard timestampSec.isFinite else { throw JSONError("`timestamp_sec` is not a finite number", offset: offset) }
        var annotated: Interval?
        if let start = self.startSec, let end = self.endSec { annotated = Interval(start, end) }
        var narration = Narration(
            videoUID: videoUID, pass: pass, index: index, timestampSec: timestampSec, text: text,
            annotated: annotated, window: self.window, details: self.details ?? NarrationDetails())
        narration.covered = self.covered
        return narration
    }

    func event(at offset: Int) throws(JSONError) -> NarrationEvent {
        guard let videoUID = self.videoUID else { throw JSONError("missing key `video_uid`", offset: offset) }
        switch self.kind {
        case "narration": return .narration(try self.narration(videoUID: videoUID, pass: self.pass, at: offset))
        case "video":
            var video = self.video ?? VideoFields()
            video.details.camera = self.details?.camera
            return .video(
                Video(
                    videoUID: videoUID, pass: self.pass, source: video.source, durationSec: video.durationSec,
                    clips: video.clips, splits: video.splits, knownSplits: video.knownSplits,
                    hasFeatures: video.hasFeatures, revision: video.revision, meanGapSec: video.meanGapSec,
                    details: video.details))
        case "end":
            guard let count = self.count else { throw JSONError("an end wants `narrations`", offset: offset) }
            return .end(EndOfVideo(videoUID: videoUID, pass: self.pass, narrations: count))
        default:
            throw JSONError("`kind` must be `video`, `narration` or `end`", offset: offset)
        }
    }
}
