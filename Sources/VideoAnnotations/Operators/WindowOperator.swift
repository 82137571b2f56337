// SPDX-License-Identifier: Apache-2.0

import Codecs
public import Dataflow
import Records
import TaskRooms

/// Gives each narration the span of video that a query about it has.
///
/// A video is held until its end, because the contextual window depends on the mean gap of the whole video and pass;
/// then the video leaves with that gap, its narrations with their windows, and the end with the count of the source.
///
/// Counted: `no-gap`, narrations of a video with fewer than two distinct times; `no-interval`, narrations whose source
/// gives no interval of positive length, where `annotated` wants one; `no-moment`, narrations of which no moment has a
/// length that was drawn, where windows are `matched`; `superseded`, narrations of a video that begins
/// anew before its end came; `no-video-record`, narrations that came without their video's record; `end-without-video`,
/// ends that came without it or a second time.
struct WindowOperator: Operator {
    /// The source of the windows.
    enum Method: String, Choice {
        /// Around the timestamp, as long as the video's narrations are dense (EgoVLP).
        case contextual
        /// The interval that the source gives.
        case annotated
        /// Annotated for videos whose source gives intervals, contextual for others.
        case automatic
        /// A moment, of one narration or several, whose length is drawn from a reference (`MatchedMoments`).
        case matched
    }

    static let method = Field(
        "method", default: Method.contextual,
        help: "`contextual`: around the timestamp, by the mean gap; `annotated`: the interval that the source gives; "
            + "`automatic`: annotated where the video's source gives intervals, else contextual; `matched`: of one "
            + "narration or several about one thing, as long as a draw from the reference says.")
    static let alpha = Field(
        "alpha", default: 4.9, help: "Divisor of the mean gap (EgoVLP: 4.9, the mean over all of Ego4D).",
        check: { 1e-6...1e6 ~= $0 ? nil : "must be from 0.000001 to 1000000" })
    static let minimumSeconds = Field(
        "minimum-seconds", default: 1.0, help: "The least length of a contextual window, in seconds.",
        check: { 0...SourceLimits.secondsMax ~= $0 ? nil : "must be from 0 to \(Int(SourceLimits.secondsMax))" })
    static let reference = Field<FileReference?>(
        "reference", default: nil, isAdded: true,
        help: """
            For `matched`: queries in the official format, such as nlq_train.json, or aggregates of them, whose lengths are \
            drawn from; without it those of people's queries, which are built in.
            """)

    static let specification = OperatorSpecification(
        name: "window", summary: "Gives each narration the span of video that a query about it has.",
        fields: [Self.method, Self.alpha, Self.minimumSeconds, Self.reference], isStateful: true)

    private let method: Method
    private let alpha: Double
    private let minimumSeconds: Double
    /// The lengths to draw from, where windows are matched.
    private let lengths: Spread?
    private var open = OpenVideos<HeldVideo>()

    init(_ configuration: Configuration, _ context: OperatorContext) throws(ConfigurationError) {
        self.method = configuration[Self.method]
        self.alpha = configuration[Self.alpha]
        self.minimumSeconds = configuration[Self.minimumSeconds]
        let file = configuration[Self.reference]
        guard self.method == .matched else {
            if file != nil {
                throw ConfigurationError("only `method: matched` draws from it", field: Self.reference.name)
            }
            self.lengths = nil
            return
        }
        let reference = try file.map { file throws(ConfigurationError) in
            try QueryReference(file, field: Self.reference.name)
        }
        self.lengths = (reference ?? .humanTrain).durations
    }

    mutating func process(_ element: Element<NarrationEvent>, into output: inout Collector<NarrationEvent>) {
        guard let held = self.open.hold(element, into: &output) else { return }
        let meanGap = Self.meanGap(sortedTimes: held.sortedTimes)
        var video = held.video
        video.meanGapSec = meanGap
        output.emit(Element(key: held.key, value: .video(video), origin: held.origin))
        if let lengths = self.lengths {
            self.emitMatched(held, lengths, into: &output)
        } else if self.usesIntervals(of: held) {
            Self.emitAnnotated(held, into: &output)
        } else {
            self.emitContextual(held, meanGap, into: &output)
        }
        output.emit(element)
    }

    private func usesIntervals(of held: HeldVideo) -> Bool {
        switch self.method {
        case .contextual: false
        case .annotated: true
        case .automatic, .matched: held.entries.contains { $0.narration.annotated != nil }
        }
    }

    /// β of EgoVLP: the mean of the positive gaps between consecutive times, in seconds; `nil` where there is none.
    static func meanGap(sortedTimes times: [Double]) -> Double? {
        var sum = 0.0
        var count = 0
        for (time, next) in zip(times, times.dropFirst()) where next > time {
            sum += next - time
            count += 1
        }
        return count > 0 ? sum / Double(count) : nil
    }

    /// `[t − d/2, t + d/2]` with d = max(minimum-seconds, β/α): EgoVLP's window, with a floor.
    private func emitContextual(
        _ held: HeldVideo, _ meanGap: Double?, into output: inout Collector<NarrationEvent>
    ) {
        guard let meanGap else {
            if !held.entries.isEmpty { output.count("no-gap", held.entries.count) }
            return
        }
        let half = max(self.minimumSeconds, meanGap / self.alpha) / 2
        for entry in held.entries {
            let time = entry.narration.timestampSec
            Self.emit(entry, Interval(time - half, time + half), of: held, into: &output)
        }
    }

    private static func emitAnnotated(_ held: HeldVideo, into output: inout Collector<NarrationEvent>) {
        for entry in held.entries {
            guard let interval = entry.narration.annotated, interval.length > 0, interval.length.isFinite else {
                output.count("no-interval")
                continue
            }
            self.emit(entry, interval, of: held, into: &output)
        }
    }

    private func emitMatched(
        _ held: HeldVideo, _ lengths: Spread, into output: inout Collector<NarrationEvent>
    ) {
        let narrations = held.entries.map(\.narration)
        let matched = MatchedMoments(of: narrations, lengths: lengths, usesIntervals: self.usesIntervals(of: held))
        for (entry, moment) in zip(held.entries, matched.moments(in: held.video)) {
            guard let moment else {
                output.count("no-moment")
                continue
            }
            var entry = entry
            let texts = moment.others.map { narrations[$0].text }.filter { text in
                let tag = NarrationTag(in: text)
                return !tag.isUnsure && !tag.isBlank && !tag.isSummary
            }
            if !texts.isEmpty { entry.narration.covered = texts }
            Self.emit(entry, moment.window, of: held, into: &output)
        }
    }

    private static func emit(
        _ entry: HeldVideo.Entry, _ window: Interval, of held: HeldVideo,
        into output: inout Collector<NarrationEvent>
    ) {
        var narration = entry.narration
        narration.window = window
        output.emit(Element(key: held.key, value: .narration(narration), origin: entry.origin))
    }

    var openCount: Int { self.open.count }

    mutating func stateChanges() -> [StateChange] { self.open.stateChanges() }

    mutating func restore(_ entries: [StateEntry]) throws(JSONError) { try self.open.restore(entries) }
}

extension OpenVideos<HeldVideo> {
    /// Holds an element with its video, and answers the whole video at its end.
    ///
    /// A video that begins anew before its end came replaces what was held of it: the older revision was never
    /// completed, and the newer one is complete in itself.
    public mutating func hold<Output>(
        _ element: Element<NarrationEvent>, into output: inout Collector<Output>
    ) -> HeldVideo? {
        switch element.value {
        case .video(let video):
            let key = VideoPass(videoUID: video.videoUID, pass: video.pass)
            if let former = self.open(key, HeldVideo(video, from: element)), !former.entries.isEmpty {
                output.count("superseded", former.entries.count)
            }
            return nil
        case .narration(let narration):
            if let index = self.index(of: narration.videoUID, narration.pass) {
                self[index].entries.append(HeldVideo.Entry(narration: narration, origin: element.origin))
            } else {
                output.count("no-video-record")
            }
            return nil
        case .end(let end):
            let held = self.close(VideoPass(videoUID: end.videoUID, pass: end.pass))
            if held == nil { output.count("end-without-video") }
            return held
        }
    }
}
