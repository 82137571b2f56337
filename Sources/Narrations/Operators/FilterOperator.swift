// SPDX-License-Identifier: Apache-2.0

internal import Dataflow
internal import Records

/// Drops whole videos, and narrations that make no good query.
///
/// A dropped video goes with its record, its narrations and its end, so that nothing behind the filter sees any of it.
/// A dropped narration leaves its video's end as it is, whose count is that of the source.
///
/// What is dropped is counted by reason: `excluded-split` and `no-features` count videos, and with `-narrations` behind
/// them the narrations that went with those; `unsure`, `blank` and `summary` count narrations. `no-video-record` counts
/// narrations that came without their video's record, as after a start in the middle of a video.
///
/// A video of which nobody said whether it is in a split is refused where `exclude-splits` is not empty, unless the user
/// allows it (`unguarded-video`): the stage stops there, and the video is read again once the user has decided.
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
        "videos", help: "Which videos are dropped.", fields: [Self.excludeSplits, Self.requireFeatures])

    static let dropUnsure = Field(
        "drop-unsure", default: true, help: "Drop narrations with a tag that says unsure, in any of its spellings.")
    static let dropBlank = Field(
        "drop-blank", default: true, help: "Drop narrations that are empty, white space or a tag alone.")
    static let dropSummary = Field(
        "drop-summary", default: true, help: "Drop narrations that begin with `#summary`.")
    static let narrations = Section(
        "narrations", help: "Which narrations are dropped.",
        fields: [Self.dropUnsure, Self.dropBlank, Self.dropSummary])

    static let specification = OperatorSpecification(
        name: "filter", summary: "Drops videos by split and features, and narrations by their tags.",
        fields: [Self.videos, Self.narrations], isStateful: true)

    /// What `videos` asks for.
    private struct VideoRules: Sendable {
        let excludedSplits: Set<String>
        let requiresFeatures: Bool
        let allowsUnguarded: Bool
    }

    /// What `narrations` asks for.
    private struct NarrationRules: Sendable {
        let dropsUnsure: Bool
        let dropsBlank: Bool
        let dropsSummary: Bool
    }

    /// What was decided of a video; the raw values are the reasons.
    private enum Verdict: String, Sendable {
        case passed
        case excludedSplit = "excluded-split"
        case noFeatures = "no-features"
        case unguarded = "unguarded-video"
    }

    private let videoRules: VideoRules?
    private let narrationRules: NarrationRules?
    private var open = OpenVideos<OpenVerdict>()

    init(_ configuration: Configuration, _ context: OperatorContext) throws(ConfigurationError) {
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
            verdict = Self.judge(video, rules)
            self.open.open(VideoPass(videoUID: video.videoUID, pass: video.pass), OpenVerdict(verdict))
            if verdict == .excludedSplit || verdict == .noFeatures { output.count(verdict.rawValue) }
        case .narration(let narration):
            guard let index = self.open.index(of: narration.videoUID, narration.pass) else {
                output.count("no-video-record")
                return false
            }
            verdict = self.open[index].verdict
            if verdict == .excludedSplit || verdict == .noFeatures { output.count(verdict.rawValue + "-narrations") }
        case .end(let end):
            let video = VideoPass(videoUID: end.videoUID, pass: end.pass)
            guard let closed = self.open.close(video) else { return false }
            verdict = closed.verdict
        }
        if verdict == .unguarded { Self.refuse(element, into: &output) }
        return verdict == .passed
    }

    private static func judge(_ video: Video, _ rules: VideoRules) -> Verdict {
        if !rules.excludedSplits.isEmpty {
            if let splits = video.splits {
                if !rules.excludedSplits.isDisjoint(with: splits) { return .excludedSplit }
            } else if !rules.allowsUnguarded {
                return .unguarded
            }
        }
        return rules.requiresFeatures && video.hasFeatures == false ? .noFeatures : .passed
    }

    private static func refuse(
        _ element: Element<NarrationEvent>, into output: inout Collector<NarrationEvent>
    ) {
        output.refuse(
            element, reason: Verdict.unguarded.rawValue,
            message: """
                `exclude-splits` is set, but nothing is known of the splits of video \(element.value.videoUID): \
                ingest into another topic or home with --exclude, or run with --allow-unguarded
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
