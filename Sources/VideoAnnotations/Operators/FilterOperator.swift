// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Records

/// Drops whole videos, and narrations that make no good query.
///
/// A dropped video goes with its record, its narrations and its end, so that nothing behind the filter sees any of it.
/// A dropped narration leaves its video's end as it is, whose count is that of the source.
///
/// Drops are counted by reason: `excluded-split` and `no-features` count videos, and with `-narrations` behind them the
/// narrations that went with those; `unsure`, `blank` and `summary` count narrations. `no-video-record` counts
/// narrations that came without their video's record, as after a start in the middle of a video, and
/// `end-without-video` ends that came without it or a second time.
///
/// A video of which nobody said whether it is in a split is refused where `exclude-splits` is not empty, unless the
/// user allows it: the stage stops there, and the video is read again once the user has decided. `unguarded-video`
/// counts those that were allowed. What is known of some members of a group of joined videos excludes it in any case.
///
/// Of a video and pass that was ingested again only the newest revision passes, as far as it is known (`NewestVideos`);
/// `superseded-revision` counts the others. `newer-revision` counts those of which an earlier revision had been read
/// before, so that what was made of that stays beside what is made of this, and `newly-excluded` those of them that are
/// excluded now. A video is judged by what its newest revisions say, whatever its own record says.
struct FilterOperator: Operator {
    /// A split of Natural Language Queries.
    enum Split: String, Choice {
        case train
        case val
        case test
    }

    static let excludeSplits = Field<[Split]>(
        "exclude-splits", default: [.val, .test], help: "Drop the videos that occur in these splits.")
    static let requireFeatures = Field(
        "require-features", default: true, help: "Drop the videos whose features are known not to exist.")
    static let videos = Section(
        "videos", help: "Videos that are dropped.", fields: [Self.excludeSplits, Self.requireFeatures])

    static let dropUnsure = Field(
        "drop-unsure", default: true, help: "Drop narrations with a tag that says unsure, in any of its spellings.")
    static let dropBlank = Field(
        "drop-blank", default: true, help: "Drop narrations that are empty, white space or a tag alone.")
    static let dropSummary = Field(
        "drop-summary", default: true, help: "Drop narrations that begin with `#summary`.")
    static let narrations = Section(
        "narrations", help: "Narrations that are dropped.",
        fields: [Self.dropUnsure, Self.dropBlank, Self.dropSummary])

    static let specification = OperatorSpecification(
        name: "filter", summary: "Drops videos by split and features, and narrations by their tags.",
        fields: [Self.videos, Self.narrations], isStateful: true)

    /// The rules of the setting `videos`.
    private struct VideoRules: Sendable {
        let excludedSplits: Set<String>
        let requiresFeatures: Bool
        let allowsUnguarded: Bool
    }

    /// The rules of the setting `narrations`.
    private struct NarrationRules: Sendable {
        let dropsUnsure: Bool
        let dropsBlank: Bool
        let dropsSummary: Bool
    }

    /// The decision about a video; the raw values are the reasons.
    private enum Verdict: String, Sendable {
        case passed
        case excludedSplit = "excluded-split"
        case noFeatures = "no-features"
        case unguarded = "unguarded-video"
        /// A newer revision is on its way; none has been read before.
        case superseded = "superseded-revision"
        /// A newer revision is on its way, and an older one has been read.
        case supersededBetween = "superseded-revision-between"

        /// The reason that counts the video, and with `-narrations` behind it its narrations; `nil` if it passes.
        var reason: String? {
            switch self {
            case .passed, .unguarded: nil
            case .excludedSplit, .noFeatures, .superseded: self.rawValue
            case .supersededBetween: Self.superseded.rawValue
            }
        }

        var isSuperseded: Bool { self == .superseded || self == .supersededBetween }
    }

    /// Videos in an excluded split.
    static let excludedReason = Verdict.excludedSplit.rawValue

    private let videoRules: VideoRules?
    private let narrationRules: NarrationRules?
    private let newest: NewestVideos?
    private var open = OpenVideos<OpenVerdict>()

    init(_ configuration: Configuration, _ context: OperatorContext) throws(ConfigurationError) {
        self.newest = context.services[NewestVideos.self]
        self.videoRules = configuration[Self.videos].map { videos in
            VideoRules(
                excludedSplits: Set(videos[Self.excludeSplits].map(\.rawValue)),
                requiresFeatures: videos[Self.requireFeatures], allowsUnguarded: context.allowUnguarded)
        }
        self.narrationRules = configuration[Self.narrations].map { narrations in
            NarrationRules(
                dropsUnsure: narrations[Self.dropUnsure], dropsBlank: narrations[Self.dropBlank],
                dropsSummary: narrations[Self.dropSummary])
        }
        if self.videoRules == nil, self.narrationRules == nil {
            throw ConfigurationError("a filter wants `videos`, `narrations` or both")
        }
    }

    mutating func process(_ element: Element<NarrationEvent>, into output: inout Collector<NarrationEvent>) {
        if let rules = self.videoRules, !self.isOfPassedVideo(element, rules, into: &output) { return }
        if let rules = self.narrationRules, case .narration(let narration) = element.value,
            let reason = Self.reasonToDrop(narration.text, rules)
        {
            output.count(reason)
            return
        }
        output.emit(element)
    }

    // MARK: Videos

    private mutating func isOfPassedVideo(
        _ element: Element<NarrationEvent>, _ rules: VideoRules, into output: inout Collector<NarrationEvent>
    ) -> Bool {
        let verdict: Verdict
        switch element.value {
        case .video(let video):
            verdict = self.begin(video, rules, into: &output)
        case .narration(let narration):
            guard let index = self.open.index(of: narration.videoUID, narration.pass) else {
                output.count("no-video-record")
                return false
            }
            verdict = self.open[index].verdict
            if let reason = verdict.reason { output.count(reason + "-narrations") }
        case .end(let end):
            guard let index = self.open.index(of: end.videoUID, end.pass) else {
                output.count("end-without-video")
                return false
            }
            verdict = self.open[index].verdict
            // A superseded revision is remembered until the newer one comes, which tells what was read before it.
            if !verdict.isSuperseded { self.open.close(VideoPass(videoUID: end.videoUID, pass: end.pass)) }
        }
        if verdict == .unguarded { Self.refuse(element, into: &output) }
        return verdict == .passed
    }

    /// Decides on a video at its record, and counts what comes of it.
    private mutating func begin(
        _ video: Video, _ rules: VideoRules, into output: inout Collector<NarrationEvent>
    ) -> Verdict {
        let key = VideoPass(videoUID: video.videoUID, pass: video.pass)
        let former = self.open.index(of: video.videoUID, video.pass).map { self.open[$0].verdict }
        self.newest?.take(video)
        let hasReadEarlier = video.revision > 1 && former != .superseded && self.newest?.isBounded != true
        let verdict: Verdict
        if self.newest?.isSuperseded(video) == true {
            verdict = hasReadEarlier ? .supersededBetween : .superseded
        } else {
            verdict = self.judge(video, rules, into: &output)
            if hasReadEarlier, verdict != .unguarded {
                output.count("newer-revision")
                if verdict == .excludedSplit { output.count("newly-excluded") }
                self.newest?.tellOfLate(video, isExcluded: verdict == .excludedSplit)
            }
        }
        self.open.open(key, OpenVerdict(verdict))
        if let reason = verdict.reason { output.count(reason) }
        return verdict
    }

    private func judge(
        _ video: Video, _ rules: VideoRules, into output: inout Collector<NarrationEvent>
    ) -> Verdict {
        if !rules.excludedSplits.isEmpty {
            let splitGuard = self.newest?.splitGuard(of: video.videoUID) ?? video.splitGuard
            if splitGuard?.isComplete != true {
                if !rules.allowsUnguarded { return .unguarded }
                output.count(Verdict.unguarded.rawValue)
            }
            if let splitGuard, !rules.excludedSplits.isDisjoint(with: splitGuard.splits) { return .excludedSplit }
        }
        return rules.requiresFeatures && video.hasFeatures == false ? .noFeatures : .passed
    }

    private static func refuse(
        _ element: Element<NarrationEvent>, into output: inout Collector<NarrationEvent>
    ) {
        let uid = element.value.videoUID
        let isGroup = RecordingName.firstOfGroup(RecordingName.canonical(uid)) != nil
        let what = isGroup ? "the videos are that are joined in \(uid)" : "video \(uid) is"
        let options = isGroup ? "--exclude and --groups goalstep_video_groups.tsv" : "--exclude"
        output.refuse(
            element, reason: Verdict.unguarded.rawValue,
            message: """
                `exclude-splits` is set, but it is not known in which splits \(what): ingest again with \(options), and \
                with --replace, or run with --allow-unguarded
                """)
    }

    // MARK: Narrations

    private static func reasonToDrop(_ text: String, _ rules: NarrationRules) -> String? {
        let tag = NarrationTag(in: text)
        if tag.isSummary, rules.dropsSummary { return "summary" }
        if tag.isUnsure, rules.dropsUnsure { return "unsure" }
        if tag.isBlank, rules.dropsBlank { return "blank" }
        return nil
    }

    // MARK: State

    var openCount: Int { self.open.count }

    mutating func stateChanges() -> [StateChange] { self.open.stateChanges() }

    mutating func restore(_ entries: [StateEntry]) throws(JSONError) { try self.open.restore(entries) }

    /// A verdict that is kept until the video's end. Its only piece is its name.
    private struct OpenVerdict: OpenVideo {
        let verdict: Verdict
        private var isSaved = false

        init(_ verdict: Verdict) { self.verdict = verdict }

        mutating func takeUnsavedPieces() -> [Bytes] {
            if self.isSaved { return [] }
            self.isSaved = true
            var json = JSONWriter()
            json.value(self.verdict.rawValue)
            return [json.bytes]
        }

        init(_ video: VideoPass, restoring pieces: [Bytes]) throws(JSONError) {
            let names = try pieces.map { piece throws(JSONError) in
                try JSONScanner.scan(piece) { json throws(JSONError) in try json.string() }
            }
            guard names.count == 1, let verdict = Verdict(rawValue: names[0]) else {
                throw JSONError("the state of video \(video.videoUID) is not a verdict of `filter`", offset: 0)
            }
            self.verdict = verdict
            self.isSaved = true
        }
    }
}
