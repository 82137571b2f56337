// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records

/// A text that somebody wrote about a moment of a video.
public struct Narration: Hashable, Sendable {
    /// The id of the video that it is about.
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
    /// The texts of the other narrations that the window covers, in order of time, where it is that of a moment that
    /// several tell of; `nil`, and not written, elsewhere.
    public var covered: [String]?
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

    /// Creates a narration of which nothing else is known.
    init(plain videoUID: String, _ pass: Int, _ index: Int, _ timestampSec: Double, _ text: String) {
        self.videoUID = videoUID
        self.pass = pass
        self.index = index
        self.timestampSec = timestampSec
        self.text = text
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
        if let covered = self.covered {
            json.key("covers")
            json.beginArray()
            for text in covered { json.value(text) }
            json.endArray()
        }
    }

    /// The fields that the source has beside, if any.
    func writeDetails(to json: inout JSONWriter) {
        if let details = self.moreDetails?.details { details.writeFields(to: &json) }
    }
}

extension Narration {
    /// Reads a narration as `write` writes those of most sources: without an interval, a window or details.
    init?(usual json: inout JSONScanner) throws(JSONError) {
        guard json.take("{\"kind\":\"narration\",\"video_uid\":") else { return nil }
        let videoUID = try json.internedString()
        guard json.take(",\"pass\":") else { return nil }
        let pass = try json.int()
        guard json.take(",\"index\":") else { return nil }
        let index = try json.int()
        guard json.take(",\"timestamp_sec\":") else { return nil }
        let timestampSec = try json.double()
        guard timestampSec.isFinite, json.take(",\"text\":") else { return nil }
        let text = try json.string()
        guard json.take("}") else { return nil }
        self.init(plain: videoUID, pass, index, timestampSec, text)
    }
}
