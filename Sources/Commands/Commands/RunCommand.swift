// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Codecs
import Dataflow
import Engine
import Foundation
import ModelCalls
import RecordLog
import Records
import Shards
import Synchronization
import Topologies
import VideoAnnotations

/// Options for a topology's run, shared by `run` and `replay`.
struct RunArguments: ParsableArguments {
    @Option(help: ArgumentHelp("Source records a second, at most.", valueName: "n"))
    var maxRate: Double?

    @Option(help: "Threads that run tasks; by default as many as cores, on Kafka four times as many.")
    var threads: Int?

    @Flag(help: "Let videos pass for which no exclusion list was given at ingest, so none is known to be safe.")
    var allowUnguarded = false

    @Option(
        help: ArgumentHelp(
            "Calls to model servers, at most, probes, retries and repairs among them: then the run ends with exit code 1, "
                + "and the next one goes on.",
            valueName: "n"))
    var maxCalls: Int?

    @Option(help: ArgumentHelp("Tokens of prompts and answers, at most, in the same way.", valueName: "n"))
    var maxTokens: Int?

    @Option(
        help: ArgumentHelp(
            "Longest wait for a model server that does not answer, such as 90, 90s, 10m or 2h: then the run ends with "
                + "exit code 1, and the next one goes on. For ever by default.", valueName: "time"))
    var maxWait: WaitLimit?

    @OptionGroup var media: MediaOption

    @Option(help: ArgumentHelp("Silence of a process after which others take its partitions.", valueName: "ms"))
    var sessionTimeout = 10_000

    func validate() throws {
        if let maxRate, !(0.001...1e9 ~= maxRate) {
            throw ValidationError("--max-rate wants 0.001 to 1000000000 records a second.")
        }
        if let threads, threads < 1 { throw ValidationError("--threads wants at least 1.") }
        for (name, limit) in [("--max-calls", self.maxCalls), ("--max-tokens", self.maxTokens)] {
            if let limit, !JSONScanner.counts.contains(limit) {
                throw ValidationError("\(name) wants 0 to \(JSONScanner.counts.upperBound).")
            }
        }
        if !(100...600_000).contains(self.sessionTimeout) {
            throw ValidationError("--session-timeout wants 100 to 600000 milliseconds.")
        }
    }

    /// The limits on what may be spent on models.
    var limits: BudgetLimits? {
        self.maxCalls == nil && self.maxTokens == nil ? nil : BudgetLimits(calls: self.maxCalls, tokens: self.maxTokens)
    }

    /// The options, over a home's log.
    func options(for home: Home) -> RunOptions {
        var options = RunOptions()
        options.maxRate = self.maxRate
        // Commits to a log elsewhere wait for its answers most of their time.
        if home.logIsRemote { options.threads *= 4 }
        if let threads { options.threads = threads }
        options.allowUnguarded = self.allowUnguarded
        options.sessionTimeoutMilliseconds = self.sessionTimeout
        return options
    }
}

/// `millrace run`
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run a topology.",
        discussion: """
            Follows new records until Ctrl-C, which commits what is finished; a second Ctrl-C ends at once, and nothing is lost \
            by that either. Start the same command in more processes to share the partitions.

            EXAMPLES
              millrace run topologies/nlq.yaml
              millrace run topologies/naq.yaml --until-idle
              millrace run topologies/nlq.yaml --as trial --until-idle
              LLM_PROVIDER=rules millrace run topologies/nlq.yaml --until-idle --max-rate 1000
            """)

    @Argument(help: "The topology file.")
    var file: String

    @Flag(help: "End when everything there is has been processed.")
    var untilIdle = false

    @Flag(
        help: ArgumentHelp(
            "Take over the offsets of an earlier version of a changed topology, where no state is held, or of one whose "
                + "outputs had other names."))
    var acceptChanges = false

    @Option(name: .customLong("as"), help: .alias)
    var alias: String?

    @OptionGroup var arguments: RunArguments
    @OptionGroup var common: CommonOptions

    func run() throws {
        let home = try self.common.makeHome()
        try CommandFailure.reporting {
            let topology = try Home.loadTopology(self.file, as: self.alias)
            let log = try home.openLog()
            defer { log.close() }
            var options = self.arguments.options(for: home)
            options.untilIdle = self.untilIdle
            options.acceptsChangedTopology = self.acceptChanges
            let models = try ModelRun(home, topology: topology.name, self.arguments)
            options.services = models.services
            options.use(try NewestVideos.ingested(for: topology, in: log))
            let engine = Engine(
                topology: topology, log: log, options: options, warn: Console.warning,
                makeSink: home.sinkMaker(for: topology, log: log))
            try EngineRun(engine, topology: topology, log: log, models: models).run(json: self.common.json)
        }
    }
}

/// Runs an engine with progress and signals, and prints what has come of it.
struct EngineRun {
    private let engine: Engine
    private let topology: Topology
    private let log: any RecordLog
    private let models: ModelRun

    init(_ engine: Engine, topology: Topology, log: any RecordLog, models: ModelRun) {
        self.engine = engine
        self.topology = topology
        self.log = log
        self.models = models
    }

    func run(json: Bool) throws {
        let engine = self.engine
        let models = self.models
        models.onHalt {
            models.beginNoMore()
            engine.stop()
        }
        let interrupts = Interrupts {
            models.beginNoMore()
            models.announceWait()
            engine.stop()
        }
        defer { interrupts.cancel() }
        let progress = ProgressReporter()
        let watcher = ProgressWatcher(engine: engine, models: models, reporter: progress)
        watcher.start()
        let result = Result { try engine.run() }
        watcher.stop()
        progress.finish()
        let isDone = (try? result.get()) != nil && !Interrupts.hasCome
        self.models.end(isDone: isDone)
        try result.get()
        let summary = try StageSummary.read(self.topology, log: self.log)
        if json { try Results.json(summary.json) } else { try Results.text(summary.text) }
        summary.revisionWarnings(file: self.topology.file).forEach(Console.warning)
        self.models.report()
        if let problem = self.models.problem { throw problem }
    }
}

/// Shows the rates of a running engine.
final class ProgressWatcher: @unchecked Sendable {
    // @unchecked: `last` is touched on `queue` only, the rest does not change.
    private let isStopped = Atomic(false)
    private let engine: Engine
    private let models: ModelRun
    private let reporter: ProgressReporter
    private let queue = DispatchQueue(label: "millrace.progress")
    private let timer: any DispatchSourceTimer
    private var last: (time: ContinuousClock.Instant, records: [String: Int])?

    init(engine: Engine, models: ModelRun, reporter: ProgressReporter) {
        self.engine = engine
        self.models = models
        self.reporter = reporter
        self.timer = DispatchSource.makeTimerSource(queue: self.queue)
    }

    func start() {
        self.timer.schedule(deadline: .now() + 0.5, repeating: 0.5)
        self.timer.setEventHandler { [weak self] in self?.show() }
        self.timer.resume()
    }

    /// Shows nothing more. A look that is under way may wait for a log that is away, so it is not waited for.
    func stop() {
        self.timer.cancel()
        self.isStopped.store(true, ordering: .releasing)
    }

    private func show() {
        self.reporter.show { _ in
            let stages = self.engine.progress()
            let now = ContinuousClock.now
            let seconds = self.last.map { (now - $0.time).seconds } ?? 0
            let lines = stages.map { stage in
                let before = self.last?.records[stage.stage] ?? stage.recordsIn
                return ProgressLine.Stage(
                    name: stage.stage, records: stage.recordsIn,
                    rate: seconds > 0 ? Int(Double(stage.recordsIn - before) / seconds) : 0, waiting: stage.lag,
                    inFlight: stage.inFlight)
            }
            if self.isStopped.load(ordering: .acquiring) { return nil }
            self.last = (now, Dictionary(stages.map { ($0.stage, $0.recordsIn) }) { first, _ in first })
            return ProgressLine(stages: lines, wait: self.models.longestWait?.text).text
        }
    }
}

/// The work of a topology's stages since their first commit, over all processes, as committed.
struct StageSummary {
    struct Row {
        var stage: String
        var metadata: TaskMetadata
    }

    var topology: String
    var rows: [Row] = []
    var shards: [(name: String, shards: Int, samples: Int, bytes: Int)] = []

    static func read(_ topology: Topology, log: any RecordLog) throws -> StageSummary {
        var summary = StageSummary(topology: topology.name)
        for stage in topology.stages {
            var total = TaskMetadata(stageHash: stage.hash)
            for number in 0..<topology.partitions {
                let committed = try log.committedOffset(
                    group: "\(topology.name).\(stage.name)", partition: TopicPartition(stage.from, number))
                if let committed, let metadata = try? TaskMetadata(parsing: committed.metadata) { total.add(metadata) }
            }
            summary.rows.append(Row(stage: stage.name, metadata: total))
        }
        for name in topology.shardSets {
            let manifest = try Manifest(reading: name, from: log)
            let bytes = manifest.commits.reduce(0) { $0 + $1.entry.bytes }
            summary.shards.append((name, manifest.commits.count, manifest.samples, bytes))
        }
        return summary
    }

    var text: String {
        var table = TextTable(["stage", "in", "out", "rejected", "dead letters"])
        for row in self.rows {
            let metadata = row.metadata
            table.add([
                row.stage, ProgressReporter.grouped(metadata.recordsIn), ProgressReporter.grouped(metadata.recordsOut),
                ProgressReporter.grouped(metadata.rejected), ProgressReporter.grouped(metadata.deadLetters),
            ])
        }
        var lines = table.lines
        for row in self.rows {
            if let usage = ModelUsage(row.metadata.counts) { lines.append("\(row.stage), model: \(usage.line)") }
            if let open = OpenGroups(row.metadata.open) { lines.append("\(row.stage), \(open.line)") }
        }
        for row in self.rows where !row.metadata.counts.isEmpty {
            lines.append("\(row.stage), counted by step and reason:")
            for (reason, count) in row.metadata.counts.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) }) {
                lines.append("  \(reason): \(ProgressReporter.grouped(count))")
            }
        }
        for set in self.shards {
            lines.append(
                "shards \(set.name): \(set.shards) files, \(ProgressReporter.grouped(set.samples)) samples, "
                    + "\(ProgressReporter.grouped(set.bytes)) bytes")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    var json: Bytes {
        var json = JSONWriter()
        json.beginObject()
        json.field("topology", self.topology)
        json.key("stages")
        json.beginArray()
        for row in self.rows {
            json.beginObject()
            json.field("stage", row.stage)
            json.field("in", row.metadata.recordsIn)
            json.field("out", row.metadata.recordsOut)
            json.field("rejected", row.metadata.rejected)
            json.field("dead_letters", row.metadata.deadLetters)
            json.key("counts")
            json.beginObject()
            for (reason, count) in row.metadata.counts.sorted(by: { $0.key < $1.key }) {
                json.key(text: reason)
                json.value(count)
            }
            json.endObject()
            OpenGroups(row.metadata.open)?.write(to: &json)
            json.endObject()
        }
        json.endArray()
        json.key("shards")
        json.beginArray()
        for set in self.shards {
            json.beginObject()
            json.field("name", set.name)
            json.field("shards", set.shards)
            json.field("samples", set.samples)
            json.field("bytes", set.bytes)
            json.endObject()
        }
        json.endArray()
        json.endObject()
        return json.bytes
    }
}
