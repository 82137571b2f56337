// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import RecordLog
import TaskRooms

/// `millrace train-NAME`, for each network that a task brings.
struct TaskTrainCommand<Training: SampleTraining>: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "train-" + Training.name, abstract: Training.abstract, discussion: Training.discussion)
    }

    @Option(help: ArgumentHelp("The shard set.", valueName: "name"))
    var shards: String

    @Option(
        help: ArgumentHelp("The folder of the run. A run that is there is gone on with.", valueName: "dir"))
    var output: String

    @OptionGroup var training: Training
    @OptionGroup var common: CommonOptions

    func run() throws {
        let home = try self.common.makeHome()
        try CommandFailure.reporting {
            try MatrixKernels.prepare()
            let log = try home.openLogToRead()
            defer { log.close() }
            let set = try home.shardSet(self.shards, in: log)
            let stop = StopFlag()
            let interrupts = Interrupts("stopping: writing a checkpoint; once more to stop now") { stop.set() }
            defer { interrupts.cancel() }
            let progress = ProgressReporter()
            let lines = try self.training.train(on: set, in: self.output, isStopping: { stop.isSet }) { line in
                progress.show { _ in line }
            }
            progress.finish()
            try Results.lines(lines)
        }
    }
}

extension TaskRegistry {
    /// A command for each network that tasks bring.
    var trainingCommands: [any ParsableCommand.Type] { self.trainings.map { Self.command($0) } }

    private static func command<Training: SampleTraining>(_: Training.Type) -> any ParsableCommand.Type {
        TaskTrainCommand<Training>.self
    }
}
