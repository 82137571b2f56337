// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records

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

extension Video {
    func writeFields(to json: inout JSONWriter) {
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
