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

/// The facts known of a video.
public struct Video: Hashable, Sendable {
    /// Its id in the data set.
    public var videoUID: String
    /// The annotation pass: 1 or 2 in Ego4D, 1 elsewhere.
    public var pass: Int
    /// The data set: `ego4d`, `epic-kitchens`.
    public var source: String
    /// Its length in seconds, where the source says so.
    public var durationSec: Double?
    /// Its clips, in the order of the metadata file.
    public var clips: [Clip]
    /// The Natural Language Queries splits it occurs in; `nil` where no exclusion list was given.
    public var splits: [String]?
    /// The splits that it is known to be in although not all of them are known, as of videos that were joined to one
    /// where not all are known; `nil` where `splits` says all, or nothing is known.
    public var knownSplits: [String]?
    /// Tells whether its features exist; `nil` where no feature folder was given.
    public var hasFeatures: Bool?
    /// Counts the versions of this video and pass that were ingested, from 1.
    public var revision: Int
    /// The mean gap between narrations of the video and pass, in seconds (β of EgoVLP); `window` sets it.
    public var meanGapSec: Double?
    private var moreDetails: Boxed<VideoDetails>?

    /// Facts that the source has of it beside.
    public var details: VideoDetails {
        get { self.moreDetails?.details ?? VideoDetails() }
        set { self.moreDetails = newValue.isEmpty ? nil : Boxed(newValue) }
    }

    /// Creates a video.
    public init(
        videoUID: String, pass: Int = 1, source: String, durationSec: Double? = nil, clips: [Clip] = [],
        splits: [String]? = nil, knownSplits: [String]? = nil, hasFeatures: Bool? = nil, revision: Int = 1,
        meanGapSec: Double? = nil, details: VideoDetails = VideoDetails()
    ) {
        self.videoUID = videoUID
        self.pass = pass
        self.source = source
        self.durationSec = durationSec
        self.clips = clips
        self.splits = splits
        self.knownSplits = knownSplits
        self.hasFeatures = hasFeatures
        self.revision = revision
        self.meanGapSec = meanGapSec
        self.details = details
    }

    /// Tells whether the source has nothing of it beside.
    var isPlain: Bool { self.moreDetails == nil }
}

/// A text that somebody wrote about a moment of a video.
public struct Narration: Hashable, Sendable {
    /// The video.
    public var videoUID: String
    /// The annotation pass.
    public var pass: Int
    /// Its place among the narrations of the video and pass, by time, from 0.
    public var index: Int
    /// The moment, in seconds of the video.
    public var timestampSec: Double
    /// The text as it was written, tags and all.
    public var text: String
    /// The interval that the source itself gives, in seconds of the video.
    public var annotated: Interval?
    /// The window that a query about it has, in seconds of the video; `window` sets it.
    public var window: Interval?
    private var moreDetails: Boxed<NarrationDetails>?

    /// Facts that the source has of it beside.
    public var details: NarrationDetails {
        get { self.moreDetails?.details ?? NarrationDetails() }
        set { self.moreDetails = newValue.isEmpty ? nil : Boxed(newValue) }
    }

    /// Creates a narration.
    public init(
        videoUID: String, pass: Int = 1, index: Int, timestampSec: Double, text: String, annotated: Interval? = nil,
        window: Interval? = nil, details: NarrationDetails = NarrationDetails()
    ) {
        self.videoUID = videoUID
        self.pass = pass
        self.index = index
        self.timestampSec = timestampSec
        self.text = text
        self.annotated = annotated
        self.window = window
        self.details = details
    }

    /// Tells whether the source has nothing of it beside.
    var isPlain: Bool { self.moreDetails == nil }

    /// The same without details.
    var plain: Narration {
        var plain = self
        plain.moreDetails = nil
        return plain
    }
}

/// The end of a video and pass.
public struct EndOfVideo: Hashable, Sendable {
    /// The video.
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
        let fields = try NarrationFields(&json)
        self = try fields.event(at: json.offset)
    }
}

extension Video {
    fileprivate func writeFields(to json: inout JSONWriter) {
        json.field("kind", "video")
        json.field("video_uid", self.videoUID)
        json.field("pass", self.pass)
        json.field("source", self.source)
        json.key("duration_sec")
        if let duration = self.durationSec { json.value(duration) } else { json.null() }
        json.key("clips")
        json.beginArray()
        for clip in self.clips { clip.write(to: &json) }
        json.endArray()
        json.key("splits")
        Self.write(self.splits, to: &json)
        if let knownSplits = self.knownSplits {
            json.key("known_splits")
            Self.write(knownSplits, to: &json)
        }
        json.key("features")
        if let hasFeatures = self.hasFeatures { json.value(hasFeatures) } else { json.null() }
        json.field("revision", self.revision)
        if let meanGapSec = self.meanGapSec { json.field("mean_gap_sec", meanGapSec) }
        if let details = self.moreDetails?.details { details.writeFields(to: &json) }
    }

    private static func write(_ splits: [String]?, to json: inout JSONWriter) {
        guard let splits else { return json.null() }
        json.beginArray()
        for split in splits { json.value(split) }
        json.endArray()
    }
}

extension Narration {
    /// The fields that say which narration it is and what it says; not its video and pass, which blocks state once, nor
    /// its details, which blocks do not have.
    func writeFields(to json: inout JSONWriter) {
        json.field("index", self.index)
        json.field("timestamp_sec", self.timestampSec)
        json.field("text", self.text)
        if let annotated = self.annotated {
            json.field("start_sec", annotated.start)
            json.field("end_sec", annotated.end)
        }
        if let window = self.window {
            json.key("window")
            window.write(to: &json)
        }
    }

    /// The fields that the source has beside, if any.
    func writeDetails(to json: inout JSONWriter) {
        if let details = self.moreDetails?.details { details.writeFields(to: &json) }
    }
}

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
        return Narration(
            videoUID: videoUID, pass: pass, index: index, timestampSec: timestampSec, text: text,
            annotated: annotated, window: self.window, details: self.details ?? NarrationDetails())
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
