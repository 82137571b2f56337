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
            Prints for each stage how many records wait for it now, and how many of them would be put to a model. Records that a \
            stage in front has yet to make are not known, and not counted.

            EXAMPLES
              millrace plan topologies/nlq.yaml
            """)

    @Argument(help: "The topology file.")
    var file: String

    @OptionGroup var common: CommonOptions

    func run() throws {
        let home = try self.common.makeHome()
        try CommandFailure.reporting {
            let topology = try Home.loadTopology(self.file)
            let log = try home.openLogToRead()
            defer { log.close() }
            let known = Set(try log.topics().map(\.name))
            var table = TextTable(["stage", "reads", "done", "waiting", "steps"])
            var json = JSONWriter()
            json.beginArray()
            for stage in topology.stages {
                let (done, waiting) = try Self.records(of: stage, in: topology, known: known, log: log)
                let steps = stage.steps.map(\.name).joined(separator: " → ")
                table.add([
                    stage.name, stage.from, ProgressReporter.grouped(done), ProgressReporter.grouped(waiting), steps,
                ])
                json.beginObject()
                json.field("stage", stage.name)
                json.field("topic", stage.from)
                json.field("done", done)
                json.field("waiting", waiting)
                json.endObject()
            }
            json.endArray()
            if self.common.json {
                print(String(decoding: json.bytes, as: UTF8.self))
            } else {
                table.lines.forEach { print($0) }
                print("model calls: none; the provider of `llm` is `rules`, which asks no model")
            }
        }
    }

    private static func records(
        of stage: Stage, in topology: Topology, known: Set<String>, log: any RecordLog
    ) throws -> (done: Int, waiting: Int) {
        guard known.contains(stage.from) else { return (0, 0) }
        var (done, waiting) = (0, 0)
        for number in 0..<topology.partitions {
            let partition = TopicPartition(stage.from, number)
            let range = try log.offsets(of: partition)
            let committed = try log.committedOffset(group: "\(topology.name).\(stage.name)", partition: partition)
            if let committed, let metadata = try? TaskMetadata(parsing: committed.metadata) {
                done += metadata.recordsIn
            }
            waiting += Int(max(0, range.upperBound - (committed?.offset ?? range.lowerBound)))
        }
        return (done, waiting)
    }
}
