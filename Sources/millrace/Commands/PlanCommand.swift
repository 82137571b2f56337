// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Dataflow
import Engine
import Foundation
import RecordLog
import Records

/// `millrace plan`
struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Say what a run would do, and do nothing.",
        discussion: """
            Prints for each stage how many records wait for it now. Where a stage asks a model, it renders their requests and looks \
            them up in the response cache, and prints how many calls are left to make, with the tokens and the time that they \
            take by what the calls so far took. Nothing is asked. Records that a stage in front has yet to make are not known, \
            and not counted.

            EXAMPLES
              millrace plan topologies/nlq.yaml
              LLM_PROVIDER=openai LLM_MODEL=gemma-3-270m millrace plan topologies/nlq.yaml --json | jq .[].calls
            """)

    @Argument(help: "The topology file.")
    var file: String

    @Option(name: .customLong("as"), help: .alias)
    var alias: String?

    @OptionGroup var common: CommonOptions

    func run() throws {
        let home = try self.common.makeHome()
        try CommandFailure.reporting {
            let topology = try Home.loadTopology(self.file, as: self.alias)
            let log = try home.openLogToRead()
            defer { log.close() }
            let known = Set(try log.topics().map(\.name))
            var table = TextTable(["stage", "reads", "done", "waiting", "steps"])
            var json = JSONWriter()
            json.beginArray()
            var models: [String] = []
            for stage in topology.stages {
                let input = try Self.input(of: stage, in: topology, known: known, log: log)
                let (done, waiting) = (input.metadata.recordsIn, input.waiting)
                let plan = try ModelPlan(
                    stage, of: topology, ranges: input.ranges, counts: input.metadata.counts, home: home, log: log)
                models += plan?.lines(stage: stage.name) ?? []
                let steps = stage.steps.map(\.name).joined(separator: " → ")
                table.add([
                    stage.name, stage.from, ProgressReporter.grouped(done), ProgressReporter.grouped(waiting), steps,
                ])
                json.beginObject()
                json.field("stage", stage.name)
                json.field("topic", stage.from)
                json.field("done", done)
                json.field("waiting", waiting)
                plan?.write(to: &json)
                json.endObject()
            }
            json.endArray()
            if self.common.json {
                try Results.json(json.bytes)
            } else {
                try Results.lines(table.lines)
                if models.isEmpty { models = ["model calls: none; no step of this topology asks a model"] }
                try Results.lines(models)
            }
        }
    }

    /// What waits for a stage, and what its commits have counted.
    private struct Input {
        var ranges: [TopicPartition: Range<Offset>] = [:]
        var metadata: TaskMetadata

        var waiting: Int { self.ranges.values.reduce(0) { $0 + Int($1.upperBound - $1.lowerBound) } }
    }

    private static func input(
        of stage: Stage, in topology: Topology, known: Set<String>, log: any RecordLog
    ) throws -> Input {
        var input = Input(metadata: TaskMetadata(stageHash: stage.hash))
        guard known.contains(stage.from) else { return input }
        for number in 0..<topology.partitions {
            let partition = TopicPartition(stage.from, number)
            let range = try log.offsets(of: partition)
            let committed = try log.committedOffset(group: "\(topology.name).\(stage.name)", partition: partition)
            if let committed, let metadata = try? TaskMetadata(parsing: committed.metadata) {
                input.metadata.add(metadata)
            }
            let next = max(range.lowerBound, committed?.offset ?? range.lowerBound)
            input.ranges[partition] = next..<max(next, range.upperBound)
        }
        return input
    }
}
