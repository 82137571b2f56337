// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// The command line.
struct Millrace: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "millrace",
        abstract: "Streams narrations of first-person video into training data.",
        discussion: """
            Narrations flow as records through topics and operators and land as compressed shards, exactly once.

            EXAMPLES
              millrace sample --output world
              millrace ingest ego4d --narrations world/narration.json \\
                  --metadata world/ego4d.json \\
                  --exclude world/nlq_val.json --exclude world/nlq_test_unannotated.json \\
                  --features world/features
              millrace run topologies/nlq.yaml --until-idle
              millrace shards list
              millrace export nlq --shards nlq --output nlq_train.json
              millrace train --shards nlq --features world/features --text words \\
                  --vocabulary-from world/nlq_train.json --steps 1000 --output runs/first
              millrace evaluate --checkpoint runs/first/step-000001000.safetensors \\
                  --ground-truth world/nlq_val.json \\
                  --features world/features --train world/nlq_train.json

            EXIT CODES
              0    done
              1    failed on the way; what was committed stays, and the same command
                   goes on from there
              2    bad usage, topology or configuration, or what was named does not
                   exist; nothing was done
              130  interrupted by Ctrl-C (SIGINT), 143 by SIGTERM, also where it ended
                   well; as after 1
            """,
        version: "0.1.0",
        groupedSubcommands: [
            CommandGroup(
                name: "Running",
                subcommands: [
                    InitCommand.self, SampleCommand.self, IngestCommand.self, RunCommand.self, ReplayCommand.self,
                    PlanCommand.self, StatusCommand.self, ServeCommand.self,
                ]),
            CommandGroup(
                name: "Topology",
                subcommands: [
                    LintCommand.self, GraphCommand.self, TestCommand.self, PreviewCommand.self,
                ]),
            CommandGroup(
                name: "Data",
                subcommands: [
                    TopicsCommand.self, GroupsCommand.self, ShardsCommand.self, ExportCommand.self, ProfileCommand.self,
                    ExplainCommand.self, RejectsCommand.self, DeadLettersCommand.self, CacheCommand.self,
                ]),
            CommandGroup(
                name: "Training",
                subcommands: Tasks.registered.trainingCommands + [
                    TrainFramesCommand.self, FineTuneCommand.self, EvaluateCommands.self, PredictCommands.self,
                    GenerateCommands.self, ExperimentCommand.self,
                ]),
        ])

    @Flag(help: "With --version: also the processor, and which kernels multiply matrices on it.")
    var verbose = false

    func validate() throws {
        if self.verbose { throw ValidationError("--verbose goes with --version; commands have --log-level debug.") }
    }

    /// Tells whether the arguments ask for the long version, which the parser answers with the short one.
    static func wantsLongVersion(_ arguments: some Sequence<String>) -> Bool {
        Set(arguments) == ["--version", "--verbose"]
    }
}
