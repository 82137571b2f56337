// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Codecs
import Dataflow
import Engine
import Foundation
import RecordLog
import Records
import Topologies

/// `millrace plan`
struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Say what a run would do, and do nothing.",
        discussion: """
            Runs the topology in memory over what waits, and prints for each stage how many records that is, those included \
            that the stages in front of it are yet to make. Where a stage asks a model, it renders the requests and looks them \
            up in the response cache, and prints how many calls are left to make, with the tokens and the time that they take \
            by what the calls so far took. Nothing is asked and nothing written. The numbers are exact up to the first stage \
            that asks; behind one whose answers are still to come they are ranges. Where a run would be refused, so is the \
            plan, with the same words and exit code.

            EXAMPLES
              millrace plan topologies/nlq.yaml
              LLM_PROVIDER=openai LLM_MODEL=gemma-3-270m millrace plan topologies/nlq.yaml \\
                  --json | jq .[].calls
            """)

    @Argument(help: "The topology file; - is standard input.")
    var file: String

    @Option(name: .customLong("as"), help: .alias)
    var alias: String?

    @Flag(help: "Plan a run with this flag: videos pass for which no exclusion list was given at ingest.")
    var allowUnguarded = false

    @Flag(help: "Plan a run with this flag: it takes over the offsets of an earlier version of a changed topology.")
    var acceptChanges = false

    @OptionGroup var media: MediaOption
    @OptionGroup(title: "The topology") var topologyOptions: TopologyOptions
    @OptionGroup(title: "Options of every command") var common: CommonOptions

    func run() throws {
        let home = try self.common.makeHome()
        try CommandFailure.reporting {
            let topology = try self.topologyOptions.load(self.file, as: self.alias)
            let log = try home.openLogToRead()
            defer { log.close() }
            var options = RunOptions()
            options.allowUnguarded = self.allowUnguarded
            options.acceptsChangedTopology = self.acceptChanges
            let plan = try RunPlan(topology, options: options, home: home, media: try self.media.folder(), log: log)
            var table = TextTable(["stage", "reads", "done", "waiting", "steps"])
            var json = JSONWriter()
            json.beginArray()
            var models: [String] = []
            var balances: [String] = []
            for part in plan.parts {
                let (stage, outlook) = (part.stage, part.outlook)
                models += part.model?.lines(part) ?? []
                balances += Self.balanceLines(part)
                table.add([
                    stage.name, stage.from, ProgressReporter.grouped(outlook.done.recordsIn),
                    part.range(outlook.waiting, part.waitingMax), stage.steps.map(\.name).joined(separator: " → "),
                ])
                json.beginObject()
                json.field("stage", stage.name)
                json.field("topic", stage.from)
                json.field("done", outlook.done.recordsIn)
                json.field("waiting", outlook.waiting)
                json.key("waiting_max")
                if let most = part.waitingMax { json.value(most) } else { json.null() }
                json.field("exact", outlook.isExact)
                part.model?.write(to: &json)
                if let balance = Self.balance(part) {
                    json.field("balanced", balance.kept)
                    json.field("balanced_of", balance.all)
                }
                json.endObject()
            }
            json.endArray()
            if self.common.json {
                try Results.json(json.bytes)
            } else {
                try Results.lines(table.lines)
                if models.isEmpty { models = ["model calls: none; no step of this topology asks a model"] }
                try Results.lines(models + balances)
            }
        }
    }

    /// The size of the set that a stage's `balance` makes of what waits, as far as that could be run.
    private static func balanceLines(_ part: RunPlan.Part) -> [String] {
        let balance = Self.balance(part)
        guard let balance else { return [] }
        let (kept, all) = (ProgressReporter.grouped(balance.kept), ProgressReporter.grouped(balance.all))
        let more = part.outlook.isExact && part.outlook.unanswered == 0 ? "" : ", and more once answers come"
        return ["balanced set of stage \(part.stage.name): \(kept) of \(all) queries that wait\(more)"]
    }

    private static func balance(_ part: RunPlan.Part) -> (kept: Int, all: Int)? {
        guard part.stage.steps.contains(where: { $0.name == "balance" }) else { return nil }
        let kept = part.outlook.counts["balance.kept"] ?? 0
        let dropped = part.outlook.counts.filter { $0.key.hasPrefix("balance.dropped.") }.values.reduce(0, +)
        return (kept, kept + dropped)
    }
}
