// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import Records
import Testing

@testable import Dialogues
@testable import VideoAnnotations

/// The steps and clips that ProAssist's own loaders and parsers make of annotation files: through our adapters, their
/// records, and the activities that are made of them.
@Suite struct ActivityGoldenTests {
    /// A rule by which the mended way departs from the original, and the inputs to which it applies.
    enum Rule: String, CaseIterable {
        /// The first step of a video shows its substeps: GoalStep.
        case firstStep = "the first step's substeps are shown"
        /// Substeps that are not essential are left out: GoalStep.
        case relevance = "a substep's own relevance counts"
        /// Actions and talk before the first and after the last step's start are kept: HoloAssist, WTaG.
        case flushed = "every list is flushed"
        /// Clips are closed, and steps counted, by the lines that there are.
        case realLines = "real lines are counted"
        /// Texts that are none are dropped.
        case emptyText = "NaN and empty text are dropped"

        /// Tells whether it applies to a video.
        func applies(to video: VideoNarrations, _ dataset: String) -> Bool {
            let narrations = video.narrations
            let steps = narrations.filter { $0.details.level != .substep }
            let substeps = narrations.filter { $0.details.level == .substep }
            switch self {
            case .firstStep:
                guard dataset == "ego4d" else { return false }
                let essential = steps.filter { $0.details.relevance == "essential" }
                let first = essential.min {
                    ($0.details.order ?? $0.index, $0.index) < ($1.details.order ?? $1.index, $1.index)
                }
                return substeps.contains { $0.details.parent == first?.index }
            case .relevance: return dataset == "ego4d" && substeps.contains { $0.details.relevance != "essential" }
            case .flushed:
                guard dataset == "holoassist" || dataset == "wtag" else { return false }
                let begin = steps.first { $0.text.lowercased() == "start" }?.annotated?.end ?? 0
                let starts = steps.compactMap(\.annotated?.start).filter { dataset != "wtag" || $0 >= begin }
                guard let first = starts.min(), let last = starts.max() else { return false }
                return substeps.contains { substep in
                    let start = substep.details.role == nil ? substep.annotated?.start ?? 0 : substep.timestampSec
                    return dataset == "wtag" ? begin <= start && start < first : start < first || start >= last
                }
            case .realLines: return dataset == "ego4d" || !substeps.isEmpty
            case .emptyText:
                return narrations.contains { ActivityNarration.isMissing($0.text) || $0.text.isBlank }
                    || narrations.contains { $0.details.mistake == true && ($0.details.mistakeNote ?? "").isEmpty }
            }
        }
    }

    private static func folder(_ dataset: String, _ one: GoldenCases.Case) throws -> SourceFolder {
        switch dataset {
        case "ego4d":
            let text = #"{"videos": [\#(String(decoding: one.input.bytes, as: UTF8.self))]}"#
            return try SourceFolder([("goalstep_train.json", text)])
        case "holoassist":
            return try SourceFolder([("holoassist.json", "[\(String(decoding: one.input.bytes, as: UTF8.self))]")])
        default:
            let folder = try SourceFolder()
            guard case .object(let files)? = one.input["files"] else { return folder }
            for file in files { try folder.write(file.key, file.value.string ?? "") }
            for file in one.input["empty_files"]?.array ?? [] { try folder.write(file.string ?? "x", "") }
            return folder
        }
    }

    /// Activities as ProAssist writes them.
    private static func value(_ activity: Activity, countsSubsteps: Bool) -> JSONValue {
        .members([
            ("dataset", .string(activity.dataset)), ("domain", .string(activity.domain)),
            ("knowedge_type", .string(activity.knowledgeType)), ("video_uid", .string(activity.videoUID)),
            ("goal_description", .string(activity.goal ?? "")),
            ("all_step_descriptions", .string(activity.stepDescriptions)),
            (
                "clips",
                .array(
                    activity.clips.map {
                        .array([.double($0.span.start), .double($0.span.end), .string($0.text)])
                    })
            ),
            ("duration", .double(activity.durationSec)), ("ann_ratio", .double(activity.annotatedShare)),
            ("num_steps", .int(activity.stepCount)), ("video_start_time", .double(activity.videoStartSec)),
            ("has_mistake", .bool(activity.hasMistake)),
            ("num_substeps", countsSubsteps ? .int(activity.substepCount) : .null),
            ("fps", activity.fps.map(JSONValue.double) ?? .null),
        ])
    }

    private static func output(
        _ dataset: String, _ videos: [VideoNarrations], _ one: GoldenCases.Case, _ manner: Manner
    ) throws -> JSONValue? {
        let countsSubsteps = ["ego4d", "holoassist", "assembly101"].contains(dataset)
        var parts: [String: [JSONValue]] = ["train": [], "val": []]
        for video in videos {
            let outcome = try ActivityMaking(manner).activity(of: video.video, video.narrations)
            guard let activity = outcome.activity else { continue }
            parts[activity.split ?? "train", default: []].append(
                Self.value(activity, countsSubsteps: countsSubsteps))
        }
        guard one.config["splits"] != nil else { return parts["train"]?.first }
        return .members([("train", .array(parts["train"] ?? [])), ("val", .array(parts["val"] ?? []))])
    }

    @Test(arguments: ["ego4d", "holoassist", "egoexolearn", "epickitchens", "wtag", "assembly101"])
    func `steps and clips are the original's, or depart by a rule`(_ dataset: String) throws {
        var applied: [Rule: Int] = [:]
        try GoldenCases.check("steps_\(dataset)") { one in
            let videos = try SourceVideos.read(dataset, in: Self.folder(dataset, one)).videos
            let rules = Rule.allCases.filter { rule in videos.contains { rule.applies(to: $0, dataset) } }
            for rule in rules { applied[rule, default: 0] += 1 }
            return !rules.isEmpty
        } _: { one, manner in
            let folder = try Self.folder(dataset, one)
            let videos = try SourceVideos.read(dataset, in: folder).videos
            return try Self.output(dataset, videos, one, manner)
        }
        for (rule, count) in applied.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            print("golden steps_\(dataset): \(count) departures to which applies: \(rule.rawValue)")
        }
    }

    @Test func `clocks are read as seconds`() throws {
        try GoldenCases.check("clock_seconds") { one, _ in
            EpicKitchensAdapter.seconds(ofTimestamp: try one.input.text("text")).map(JSONValue.double)
        }
    }
}
