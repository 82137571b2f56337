// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records
import TaskRooms

/// The length, the camera, the part and the clips of each video, as `ego4d.json` has them.
///
/// The file is `{"videos": [{"video_uid", "duration_sec", "device", …}], "clips": [{"clip_uid", "video_uid",
/// "video_start_sec", "video_end_sec", …}], …}` (EGO4D/docs, `docs/data/annotations-schemas.md`). Clips inside videos
/// are taken, too.
struct Ego4DMetadata: Sendable {
    struct Entry: Sendable {
        /// Tells whether the video itself is there, and not just a clip of it.
        var isListed = false
        var durationSec: Double?
        /// The camera (`device`); `nil` where there is none.
        var camera: String?
        /// The part of the data set, by the benchmarks that hold it out; `nil` where none is named.
        var split: SourceSplit?
        /// In the order of the file.
        var clips: [Clip] = []
    }

    private(set) var videos: [String: Entry] = [:]
    /// Clips and videos that could not be used.
    private(set) var problems: [SourceProblem] = []
    private let path: String
    private var clipUIDs: Set<String> = []

    /// Reads the file, one video or clip at a time.
    init(path: String) throws(SourceError) {
        self.path = path
        let reader = try FileReader.text(path: path)
        var splitter = JSONSplitter(reader, layout: JSONLayout(opening: ["videos", "clips"], taking: []))
        while let piece = try splitter.next() {
            let place = SourcePlace(file: path, line: piece.line, offset: piece.offset)
            do {
                if piece.isCut { throw JSONError("larger than \(SourceLimits.videoBytesMax >> 20) MiB", offset: 0) }
                let value = try JSONValue(parsing: piece.bytes)
                if piece.container == "clips" {
                    self.add(clip: value, of: nil, at: place, raw: piece.bytes)
                } else {
                    self.add(video: value, at: place, raw: piece.bytes)
                }
            } catch {
                self.problems.append(
                    SourceProblem(
                        reason: SourceReason.malformedJSON, message: "\(place): \(error)", key: nil, raw: piece.bytes,
                        byteCount: piece.byteCount))
            }
        }
        self.clipUIDs = []
        guard self.videos.values.contains(where: \.isListed) else {
            throw SourceError(file: path, "lists no video under `videos`: give the ego4d.json of the data set")
        }
    }

    private mutating func add(video: JSONValue, at place: SourcePlace, raw: Bytes) {
        guard let uid = video["video_uid"]?.string, !uid.isEmpty else {
            self.refuse("a video without `video_uid`", SourceReason.missingKey, key: nil, at: place, raw: raw)
            return
        }
        var entry = self.videos[uid] ?? Entry()
        entry.isListed = true
        if let value = video["duration_sec"], value != .null {
            if let seconds = value.double, seconds > 0, seconds <= SourceLimits.secondsMax {
                entry.durationSec = seconds
            } else {
                self.refuse(
                    "`duration_sec` of video \(uid) is no length in seconds; the length counts as unknown",
                    SourceReason.notANumber, key: uid, at: place, raw: raw)
            }
        }
        if let device = video["device"]?.string?.trimming(), !device.isEmpty, device.lowercased() != "none",
            device.utf8.count <= SourceLimits.detailBytesMax
        {
            entry.camera = String(device)
        }
        if Ego4DSplits.isNamed(in: video) { entry.split = Ego4DSplits(video).split }
        self.videos[uid] = entry
        for clip in video["clips"]?.array ?? [] { self.add(clip: clip, of: uid, at: place, raw: raw) }
    }

    private mutating func add(clip: JSONValue, of video: String?, at place: SourcePlace, raw: Bytes) {
        guard let uid = clip["clip_uid"]?.string, let video = clip["video_uid"]?.string ?? video else {
            self.refuse(
                "a clip without `clip_uid` or `video_uid`", SourceReason.missingKey, key: nil, at: place, raw: raw)
            return
        }
        guard let start = clip["video_start_sec"]?.double, let end = clip["video_end_sec"]?.double, start < end,
            abs(start) <= SourceLimits.secondsMax, abs(end) <= SourceLimits.secondsMax
        else {
            self.refuse(
                "clip \(uid) has no span from `video_start_sec` to `video_end_sec`; it is left out",
                SourceReason.badClip, key: video, at: place, raw: raw)
            return
        }
        guard self.clipUIDs.insert(uid).inserted else { return }
        self.videos[video, default: Entry()].clips.append(Clip(clipUID: uid, span: Interval(start, end)))
    }

    private mutating func refuse(_ what: String, _ reason: String, key: String?, at place: SourcePlace, raw: Bytes) {
        self.problems.append(SourceProblem(reason: reason, message: "\(place): \(what)", key: key, raw: raw))
    }
}
