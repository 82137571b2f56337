// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Engine
import Foundation
import RecordLog
import Records
import TaskRooms

/// `millrace ingest`
struct IngestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ingest",
        abstract: "Read a data set's annotations into a topic.",
        discussion: """
            Each group (a video and pass, most often) is written as a whole, once: a rerun, after a kill too, skips what is \
            there. What cannot be used is counted and kept as a dead letter; the rest goes on.

            EXAMPLES
              millrace ingest ego4d --narrations narration.json --metadata ego4d.json \\
                  --exclude nlq_val.json --exclude nlq_test_unannotated.json \\
                  --features features
              millrace ingest goalstep --annotations goalstep_train.json \\
                  --groups goalstep_video_groups.tsv \\
                  --exclude nlq_val.json
              millrace ingest epic-kitchens --annotations EPIC_100_validation.csv \\
                  --videos EPIC_100_video_info.csv
            """,
        subcommands: Self.sources(of: Tasks.registered))

    /// A command for each source that tasks read.
    static func sources(of tasks: TaskRegistry) -> [any ParsableCommand.Type] { tasks.sources.map { Self.command($0) } }

    private static func command<Arguments: SourceArguments>(_: Arguments.Type) -> any ParsableCommand.Type {
        Source<Arguments>.self
    }

    /// `millrace ingest NAME`
    struct Source<Arguments: SourceArguments>: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(
                commandName: Arguments.Adapter.name, abstract: Arguments.abstract, discussion: Arguments.discussion)
        }

        @OptionGroup var source: Arguments
        @OptionGroup var target: Target<Arguments.Adapter>

        func run() throws {
            try CommandFailure.reporting { try self.target.ingest(try self.source.makeAdapter()) }
        }
    }

    /// Options that every source has.
    struct Target<Adapter: SourceAdapter>: ParsableArguments {
        @Option(help: "The topic that the records are written to.")
        var topic = Adapter.topic

        @Option(help: "Partitions of the topic, fixed when it is created; the topology's number.")
        var partitions = 4

        @Flag(help: "Write what has changed since it was ingested again, as a new revision.")
        var replace = false

        @Option(help: ArgumentHelp("Records a second, at most.", valueName: "n"))
        var maxRate: Double?

        @OptionGroup(title: "Status server") var http: HTTPArguments
        @OptionGroup(title: "Options of every command") var common: CommonOptions

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

        func ingest(_ adapter: Adapter) throws {
            let home = try self.common.makeHome()
            for note in adapter.notes { Console.warning(note) }
            let http = try self.http.options()
            let log = try home.openLog()
            defer { log.close() }
            try home.finishRemovals(in: log)
            let lock = IngestLock(self.topic, in: home)
            defer { withExtendedLifetime(lock) {} }
            let specification = TopicSpecification(name: self.topic, partitions: self.partitions)
            let ingest = try Ingest(log: log, topic: specification, source: Adapter.name, replaces: self.replace)
            defer { ingest.close() }
            let pulse = home.makePulse(role: "ingest", name: self.topic, log: log)
            let serving = try http.map { try StatusServing($0, of: pulse, home: home) }
            defer { serving?.stop() }
            let report = try IngestRun(ingest, into: self.topic, maxRate: self.maxRate, pulse: pulse).run(adapter)
            if self.common.json {
                try Results.json(report.json)
            } else {
                try Results.text(report.text(topic: self.topic))
            }
            report.guardWarnings.forEach(Console.warning)
            Adapter.warnings(about: report.counts).forEach(Console.warning)
            if report.isUseless {
                throw CommandFailure(
                    .failed,
                    "nothing in the file could be used: is it what `\(Adapter.name)` reads? See the warnings above")
            }
            if report.refused > 0 {
                throw CommandFailure(
                    .failed,
                    "\(report.refused) \(Adapter.Group.words.groups) have changed since they were ingested, in their "
                        + "annotations, or in what lists and features say of them, \(report.refusedExample) for one; add "
                        + "--replace to write them again as a new revision, which runs and replays take in place of the old one"
                )
            }
        }
    }
}
