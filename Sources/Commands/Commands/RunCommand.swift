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
              LLM_PROVIDER=rules millrace run topologies/nlq.yaml --until-idle \\
                  --max-rate 1000
            """)

    @Argument(help: "The topology file; - is standard input.")
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
    @OptionGroup(title: "The topology") var topologyOptions: TopologyOptions
    @OptionGroup(title: "Options of every command") var common: CommonOptions

    func run() throws {
        let home = try self.common.makeHome()
        try CommandFailure.reporting {
            let topology = try self.topologyOptions.load(self.file, as: self.alias)
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
                    inFlight: stage.inFlight, callsToCome: stage.callsToCome)
            }
            if self.isStopped.load(ordering: .acquiring) { return nil }
            self.last = (now, Dictionary(stages.map { ($0.stage, $0.recordsIn) }) { first, _ in first })
            return ProgressLine(stages: lines, wait: self.models.longestWait?.text).text
        }
    }
}
