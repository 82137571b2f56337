// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Records
import VideoAnnotations

/// Makes an activity of each annotated video, at its end.
///
/// Counted, for whole videos: `ignored-video`, `no-steps`, `no-duration`, `little-annotated` and `excluded-split`, the
/// videos that make none; for narrations and lines: `ActivitySteps.Drop`; `superseded`, `no-video-record` and
/// `end-without-video` as in `window`. A video with more text than a record holds is a dead letter of its own.
struct ActivityOperator: Operator {
    static let leastAnnotated = Field<Double?>(
        "min-annotated", default: nil,
        help: "The least share of a video that its steps must cover; without it, that of its source (0.3 to 0.5).",
        check: { $0.map { 0...1000 ~= $0 } ?? true ? nil : "must be from 0 to 1000" })
    static let excludeSplits = Field<[ActivitySplit]>(
        "exclude-splits", default: [],
        help: "Drop the videos that their own data set has in these parts; others keep their part, for `choose`.")

    static let specification = OperatorSpecification(
        name: "activity", summary: "Makes an activity of each annotated video: its steps, and the clips to talk about.",
        fields: [Manner.field, Self.leastAnnotated, Self.excludeSplits], isStateful: true)

    /// A part of a data set.
    enum ActivitySplit: String, Choice {
        case train
        case val
        case test
    }

    private let making: ActivityMaking
    private let excludedSplits: Set<String>
    private var open = OpenVideos<HeldVideo>()

    init(_ configuration: Configuration, _ context: OperatorContext) throws(ConfigurationError) {
        self.making = ActivityMaking(
            configuration[Manner.field], leastAnnotated: configuration[Self.leastAnnotated])
        self.excludedSplits = Set(configuration[Self.excludeSplits].map(\.rawValue))
    }

    mutating func process(_ element: Element<NarrationEvent>, into output: inout Collector<Activity>) {
        guard let held = self.open.hold(element, into: &output) else { return }
        if let split = held.video.details.sourceSplit, self.excludedSplits.contains(split) {
            output.count("excluded-split")
            return
        }
        do throws(ActivityFault) {
            let outcome = try self.making.activity(of: held.video, held.entries.map(\.narration))
            for (reason, count) in outcome.drops { output.count(reason, count) }
            if let drop = outcome.drop {
                output.count(drop.rawValue)
            } else if let activity = outcome.activity {
                output.emit(Element(key: held.key, value: activity, origin: held.origin))
            }
        } catch {
            output.fail(element, reason: error.rawValue, message: "video \(held.video.videoUID): \(error.message)")
        }
    }

    var openCount: Int { self.open.count }

    mutating func stateChanges() -> [StateChange] { self.open.stateChanges() }

    mutating func restore(_ entries: [StateEntry]) throws(JSONError) { try self.open.restore(entries) }
}
