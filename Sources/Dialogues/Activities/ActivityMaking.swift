// SPDX-License-Identifier: Apache-2.0

import VideoAnnotations

/// The faults that make no activity of a video at all.
enum ActivityFault: String, Error {
    /// Its lines are more than `linesMax`.
    case tooManyLines = "activity-too-long"
    /// Its texts are more than `textBytesMax`.
    case tooMuchText = "activity-too-large"

    /// The most lines of an activity.
    static let linesMax = 20_000
    /// The most text of all clips, in bytes: their lines are beside it in the record, which holds 8 MiB.
    static let textBytesMax = 2 << 20

    /// Says what is wrong and what to do.
    var message: String {
        let limit =
            self == .tooManyLines ? "\(Self.linesMax) lines" : "\(Self.textBytesMax >> 20) MiB of text in its clips"
        return
            "the video has more than \(limit), which no dialogue can be about: cut the annotations into shorter videos"
    }
}

/// Makes activities of annotated videos.
public struct ActivityMaking: Sendable {
    /// The way in which ProAssist's faults are dealt with.
    public var manner: Manner
    /// The least share of a video that is annotated; `nil`: that of its source.
    public var leastAnnotated: Double?

    /// Chooses a way.
    public init(_ manner: Manner = .mended, leastAnnotated: Double? = nil) {
        self.manner = manner
        self.leastAnnotated = leastAnnotated
    }

    /// An activity, or the reason why there is none, and what was dropped on the way.
    struct Outcome {
        var activity: Activity?
        var drop: Drop?
        /// Narrations and lines that were dropped, by reason.
        var drops: [String: Int] = [:]
    }

    /// The reasons why a video makes no dialogue.
    enum Drop: String {
        /// ProAssist always passes over it.
        case ignored = "ignored-video"
        /// It has no step.
        case noSteps = "no-steps"
        /// It has no length, or one of no seconds.
        case noDuration = "no-duration"
        /// Too little of it is annotated.
        case littleAnnotated = "little-annotated"
    }

    /// Makes the activity of a video, and judges whether it is to be kept.
    /// - Parameter narrations: all narrations of the video and pass.
    func activity(of video: Video, _ narrations: [Narration]) throws(ActivityFault) -> Outcome {
        let profile = ActivityProfile(
            video, hasSubsteps: narrations.contains { $0.details.level == .substep || $0.details.role != nil })
        guard narrations.count <= ActivityFault.linesMax else { throw .tooManyLines }
        if profile.ignores(videoUID: video.videoUID) { return Outcome(drop: .ignored) }
        let steps = try StepReading.steps(of: narrations, profile.reading, self.manner)
        var outcome = Outcome(drops: steps.drops)
        guard let durationSec = self.duration(of: video, steps, profile), durationSec > 0, durationSec.isFinite else {
            // Without a step there is nothing by which to tell the length of some sources' videos.
            outcome.drop = profile.lastsAsAnnotated && steps.steps.isEmpty ? .noSteps : .noDuration
            return outcome
        }
        let activity = try self.activity(video, steps, profile, durationSec)
        outcome.activity = activity
        if !steps.steps.contains(where: { !$0.isMark }) {
            outcome.drop = .noSteps
        } else if activity.annotatedShare < self.leastAnnotated ?? profile.leastAnnotated {
            outcome.drop = .littleAnnotated
        }
        return outcome
    }

    /// The length of the video, or of the part that steps cover, in seconds.
    private func duration(of video: Video, _ steps: ActivitySteps, _ profile: ActivityProfile) -> Double? {
        guard profile.lastsAsAnnotated else {
            return video.durationSec.map { $0 - (video.details.annotatedStartSec ?? 0) }
        }
        guard let first = steps.steps.first, let last = steps.steps.last else { return nil }
        return last.span.end - first.span.start
    }

    private func activity(
        _ video: Video, _ steps: ActivitySteps, _ profile: ActivityProfile, _ durationSec: Double
    ) throws(ActivityFault) -> Activity {
        let isAssembly = profile.reading == .stepsWithMistakes
        let hasSummary = profile.dataset == "holoassist"
        let ending = hasSummary ? "Summary: \(video.details.summary ?? "")\n" : ""
        let cutting = ClipCutting(
            reading: profile.reading, linesPerClip: profile.linesPerClip, manner: self.manner, ending: ending)
        let clips = try cutting.clips(of: steps.steps)
        let words = profile.words(for: video)
        let start = isAssembly ? max(0, (steps.steps.first?.span.start ?? 0) - 2) : 0
        return Activity(
            dataset: profile.dataset, domain: words.domain, knowledgeType: words.knowledgeType,
            videoUID: video.videoUID, goal: video.details.goal,
            stepDescriptions: Self.text(of: steps.steps, profile.reading) + ending,
            lines: steps.steps.flatMap { [$0.line] + $0.substeps }, clips: clips, durationSec: durationSec,
            // Assembly101's steps are held to cover all of their video.
            annotatedShare: isAssembly ? 1 : steps.annotatedSec / durationSec,
            stepCount: self.stepCount(of: steps, profile), substepCount: steps.substepCount, videoStartSec: start,
            hasMistake: steps.hasMistake, fps: video.details.fps, split: video.details.sourceSplit,
            session: video.details.session, revision: video.revision)
    }

    /// The original counts GoalStep's steps one too few.
    private func stepCount(of steps: ActivitySteps, _ profile: ActivityProfile) -> Int {
        let isShort = self.manner == .original && profile.reading == .essentialSteps
        return max(0, steps.steps.count - (isShort ? 1 : 0))
    }

    /// All steps with their substeps, a line each; where steps alone are read, no line break follows the last.
    private static func text(of steps: [ActivityStep], _ reading: ActivityProfile.Reading) -> String {
        if reading == .steps { return steps.map(\.printed).joined(separator: "\n") }
        return steps.flatMap { [$0.printed] + $0.printedSubsteps }.map { $0 + "\n" }.joined()
    }
}
