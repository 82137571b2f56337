// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Engine
import Foundation
import RecordLog
import Records
import VideoAnnotations

/// `millrace ingest`
struct IngestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ingest",
        abstract: "Read a data set's annotations into a topic.",
        discussion: """
            Each video and pass is written as a whole, once: a rerun, after a kill too, skips what is there. What cannot be used \
            is counted and kept as a dead letter; the rest goes on.

            EXAMPLES
              millrace ingest ego4d --narrations narration.json --metadata ego4d.json \\
                  --exclude nlq_val.json --exclude nlq_test_unannotated.json --features features
              millrace ingest goalstep --annotations goalstep_train.json --groups goalstep_video_groups.tsv \\
                  --exclude nlq_val.json
              millrace ingest epic-kitchens --annotations EPIC_100_validation.csv --videos EPIC_100_video_info.csv
            """,
        subcommands: [Ego4D.self, GoalStep.self, EpicKitchens.self, CaptainCook4D.self, EgoClip.self, JSONL.self])

    /// Options that every source has.
    struct Target: ParsableArguments {
        @Option(help: "The topic.")
        var topic = "narrations"

        @Option(help: "Partitions of the topic, fixed when it is created; the topology's number.")
        var partitions = 4

        @Flag(help: "Write videos that have changed since they were ingested again, as a new revision.")
        var replace = false

        @Option(help: ArgumentHelp("Narrations a second, at most.", valueName: "n"))
        var maxRate: Double?

        @OptionGroup var common: CommonOptions

        func validate() throws {
            if !TopicSpecification.isValid(name: self.topic) {
                throw ValidationError("--topic takes letters, digits, '.', '_' and '-', not `\(self.topic)`.")
            }
            if let problem = ReservedTopics.problem(writing: self.topic) ?? ReservedTopics.problem(naming: self.topic) {
                throw ValidationError("--topic: \(problem).")
            }
            if !(1...1024).contains(self.partitions) { throw ValidationError("--partitions takes 1 to 1024.") }
            if let maxRate, !(0.001...1e9 ~= maxRate) {
                throw ValidationError("--max-rate wants 0.001 to 1000000000 records a second.")
            }
        }

        func ingest(_ adapter: some SourceAdapter) throws {
            let home = try self.common.makeHome()
            for note in adapter.notes { Console.warning(note) }
            let log = try home.openLog()
            defer { log.close() }
            let specification = TopicSpecification(name: self.topic, partitions: self.partitions)
            let ingest = try Ingest(
                log: log, topic: specification, source: type(of: adapter).name, replaces: self.replace)
            defer { ingest.close() }
            let report = try IngestRun(ingest, maxRate: self.maxRate).run(adapter)
            if self.common.json {
                try Results.json(report.json)
            } else {
                try Results.text(report.text(topic: self.topic))
            }
            report.guardWarnings.forEach(Console.warning)
            if report.isUseless {
                throw CommandFailure(
                    .failed,
                    "nothing in the file could be used: is it what `\(type(of: adapter).name)` reads? See the warnings above"
                )
            }
            if report.refused > 0 {
                throw CommandFailure(
                    .failed,
                    "\(report.refused) videos have changed since they were ingested, in their annotations, or in what lists and "
                        + "features say of them, \(report.refusedExample) for one; add --replace to write them again as a new "
                        + "revision, which runs and replays take in place of the old one")
            }
        }
    }

    /// Options of sources whose videos may be guarded and cut into clips.
    struct Guards: ParsableArguments {
        @Option(
            help: ArgumentHelp(
                "An annotation file whose videos are marked by its split, to be left out of training; may be repeated.",
                valueName: "file"))
        var exclude: [String] = []

        @Option(
            help: ArgumentHelp(
                "goalstep_video_groups.tsv: which videos are joined in a group; it is left out when any of them is.",
                valueName: "file"))
        var groups: String?

        @Option(help: ArgumentHelp("The folder with a feature file a video.", valueName: "dir"))
        var features: String?

        @Option(help: "Length of clips for videos that have none; 0 is the whole video.")
        var clipSeconds = 480.0

        func options() throws -> SourceOptions {
            guard ClipPlan(seconds: self.clipSeconds) != nil else {
                throw CommandFailure(.usage, "--clip-seconds takes 0, or at least 1 second, not \(self.clipSeconds)")
            }
            return SourceOptions(
                exclusions: self.exclude, groups: self.groups, features: self.features, clipSeconds: self.clipSeconds)
        }
    }

    struct Ego4D: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ego4d",
            abstract: "Ego4D's narration.json, or all_narrations_redacted.json.",
            discussion: """
                EXAMPLES
                  millrace ingest ego4d --narrations narration.json --metadata ego4d.json \\
                      --exclude nlq_val.json --exclude nlq_test_unannotated.json --features features --pass both
                """)

        @Option(help: ArgumentHelp("The narrations.", valueName: "file"))
        var narrations: String

        @Option(help: ArgumentHelp("ego4d.json, for durations and clips.", valueName: "file"))
        var metadata: String?

        @Option(name: .customLong("pass"), help: "The annotation pass: 1, 2 or both.", transform: passSelection)
        var passes: PassSelection = .first

        @OptionGroup var guards: Guards
        @OptionGroup var target: Target

        func run() throws {
            try CommandFailure.reporting {
                try self.target.ingest(
                    Ego4DAdapter(
                        narrations: self.narrations, metadata: self.metadata, passes: self.passes,
                        options: try self.guards.options()))
            }
        }
    }

    struct GoalStep: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "goalstep",
            abstract: "Ego4D Goal-Step: steps and substeps with their intervals.",
            discussion: """
                EXAMPLES
                  millrace ingest goalstep --annotations goalstep_train.json --groups goalstep_video_groups.tsv \\
                      --exclude nlq_val.json --exclude nlq_test_unannotated.json
                """)

        @Option(help: ArgumentHelp("goalstep_train.json or goalstep_valid.json.", valueName: "file"))
        var annotations: String

        @OptionGroup var guards: Guards
        @OptionGroup var target: Target

        func run() throws {
            try CommandFailure.reporting {
                try self.target.ingest(
                    GoalStepAdapter(annotations: self.annotations, options: try self.guards.options()))
            }
        }
    }

    struct EpicKitchens: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "epic-kitchens",
            abstract: "EPIC-KITCHENS-100: narrations with their intervals.",
            discussion: """
                EXAMPLES
                  millrace ingest epic-kitchens --annotations EPIC_100_train.csv --videos EPIC_100_video_info.csv
                """)

        @Option(help: ArgumentHelp("EPIC_100_train.csv or EPIC_100_validation.csv.", valueName: "file"))
        var annotations: String

        @Option(help: ArgumentHelp("EPIC_100_video_info.csv, for durations.", valueName: "file"))
        var videos: String?

        @OptionGroup var guards: Guards
        @OptionGroup var target: Target

        func run() throws {
            try CommandFailure.reporting {
                try self.target.ingest(
                    EpicKitchensAdapter(
                        annotations: self.annotations, videos: self.videos, options: try self.guards.options()))
            }
        }
    }

    struct CaptainCook4D: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "captaincook4d",
            abstract: "CaptainCook4D: recipe steps with their intervals.",
            discussion: """
                EXAMPLES
                  millrace ingest captaincook4d --annotations complete_step_annotations.json
                """)

        @Option(help: ArgumentHelp("complete_step_annotations.json.", valueName: "file"))
        var annotations: String

        @OptionGroup var guards: Guards
        @OptionGroup var target: Target

        func run() throws {
            try CommandFailure.reporting {
                try self.target.ingest(
                    CaptainCook4DAdapter(annotations: self.annotations, options: try self.guards.options()))
            }
        }
    }

    struct EgoClip: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "egoclip",
            abstract: "EgoClip's table of narrations with windows.",
            discussion: """
                EXAMPLES
                  millrace ingest egoclip --annotations egoclip.csv --exclude nlq_val.json
                """)

        @Option(help: ArgumentHelp("egoclip.csv, tab-separated.", valueName: "file"))
        var annotations: String

        @Option(name: .customLong("pass"), help: "The annotation pass: 1, 2 or both.", transform: passSelection)
        var passes: PassSelection = .both

        @OptionGroup var guards: Guards
        @OptionGroup var target: Target

        func run() throws {
            try CommandFailure.reporting {
                try self.target.ingest(
                    EgoClipAdapter(
                        annotations: self.annotations, passes: self.passes, options: try self.guards.options()))
            }
        }
    }

    struct JSONL: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "jsonl",
            abstract: "JSON Lines: narration records as `topics read` prints their values, or loose narrations.",
            discussion: """
                A loose narration is {"video_uid": …, "timestamp_sec": …, "text": …}, with pass, start_sec, end_sec and duration_sec \
                if known; the lines of a video stand together.

                EXAMPLES
                  millrace ingest jsonl --file narrations.jsonl
                  millrace topics read narrations --json | jq -c .value > copy.jsonl
                """)

        @Option(help: ArgumentHelp("The file.", valueName: "file"))
        var file: String

        @OptionGroup var guards: Guards
        @OptionGroup var target: Target

        func run() throws {
            try CommandFailure.reporting {
                try self.target.ingest(JSONLinesAdapter(file: self.file, options: try self.guards.options()))
            }
        }
    }
}

/// Reads `1`, `2` or `both`.
private func passSelection(_ text: String) throws -> PassSelection {
    guard let selection = PassSelection(rawValue: text) else { throw ValidationError("--pass takes 1, 2 or both.") }
    return selection
}
