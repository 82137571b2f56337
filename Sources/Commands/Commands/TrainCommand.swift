// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Engine
import RecordLog
import Shards
import TaskRooms
import Training

/// `millrace train`, and `millrace train-NAME` for each network more that a task brings.
struct TrainCommand<Subject: SampleTraining>: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: Subject.commandName, abstract: Subject.abstract, discussion: Subject.discussion)
    }

    @Option(help: ArgumentHelp("The shard set.", valueName: "name"))
    var shards = Subject.defaults.source

    @Option(help: ArgumentHelp("Steps between two looks at what has come, up to 1000000000.", valueName: "n"))
    var segmentSteps = Subject.defaults.segmentSteps

    @Option(help: "The share of a segment that is drawn from what came since the one before, 0 to 1.")
    var newShare = Subject.defaults.newShare

    @Option(help: ArgumentHelp("Another run's plan.jsonl, to repeat its segments.", valueName: "file"))
    var plan: String?

    @Flag(help: "Wait for shards that are not there yet.")
    var wait = false

    @OptionGroup(title: "Run") var length: RunLengthArguments<Subject>
    @OptionGroup var subject: Subject
    @OptionGroup(title: "Options of every command") var common: CommonOptions

    func validate() throws {
        if let problem = self.options.problem() { throw ValidationError(problem) }
    }

    private var options: TrainingOptions {
        var options = self.length.options(source: self.shards)
        options.segmentSteps = self.segmentSteps
        options.newShare = self.newShare
        return options
    }

    func run() throws {
        let home = try self.common.makeHome()
        try CommandFailure.reporting {
            try MatrixKernels.prepare()
            // Before the log: a network that cannot be made leaves no home behind.
            let subject = try self.subject.subject(self.options) { name in
                let log = try home.openLogToRead()
                defer { log.close() }
                return try home.shardSet(name, in: log)
            }
            let log = try self.openLog(home)
            defer { log.close() }
            let parts = self.length.parts(subject.network, self.options, validation: subject.validation)
            let run = try self.length.run(
                Subject.commandName, on: self.shards, exchange: home.figureExchange(log), home: home)
            let storage = FileShardStorage(folder: home.shardFolder(self.shards))
            // Kept until the run ends: a set must not be dropped under it.
            let note = Trainings.note(self.length.output, set: self.shards, in: home)
            defer { withExtendedLifetime(note) {} }
            let training = try ShardTraining(
                TailingReader(name: self.shards, log: log, storage: storage), storage: storage,
                reader: subject.reader, parts, following: self.plan,
                waiting: ShardWaiting(
                    isAllowed: self.wait,
                    pause: { want in
                        run.waits("\(want) (`\(self.shards)`)") {
                            OpenShardBoard.read(home, set: self.shards).text(now: Engine.systemClock())
                        }
                        log.awaitAppend(timeoutMilliseconds: 200)
                        return !run.stopping
                    }, onSight: { run.saw($0) }))
            let outcome = try run.run(training.trainer, look: training.look)
            if outcome == .finished, run.didNothing {
                try Results.line("this run did nothing: all \(self.length.steps) steps were done before")
            }
            try self.report(outcome, training)
        }
    }

    private func openLog(_ home: Home) throws -> any RecordLog {
        if !self.wait {
            let log = try home.openLogToRead()
            _ = try ShardSets.manifest(self.shards, in: log)
            return log
        }
        // The generator may come later: its log and its topic are made as it would make them.
        let log = try home.openLog()
        try log.createTopic(Manifest.topicSpecification(self.shards))
        return log
    }

    private func report(
        _ outcome: TrainingOutcome, _ training: ShardTraining<Subject.Network, Subject.Reader>
    ) throws {
        let index = training.index
        try Results.line(
            "\(outcome == .finished ? "trained" : "stopped after") \(training.trainer.step) of \(self.length.steps) steps on "
                + "\(index.usable) samples of \(index.shards.count) shards; checkpoints are in \(self.length.output)"
        )
        try Results.lines(self.subject.report(index.counts, of: training.trainer.network))
        if outcome == .stopped { try Results.line("the same command goes on from here") }
    }
}

extension TaskRegistry {
    /// A command for each network that tasks bring.
    var trainingCommands: [any ParsableCommand.Type] { self.trainings.map { Self.command($0) } }

    private static func command<Subject: SampleTraining>(_: Subject.Type) -> any ParsableCommand.Type {
        TrainCommand<Subject>.self
    }
}
