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
import Telemetry
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
              millrace run topologies/nlq.yaml --http 127.0.0.1:8090
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
    @OptionGroup(title: "Status server") var http: HTTPArguments
    @OptionGroup(title: "Options of every command") var common: CommonOptions

    func run() throws {
        let home = try self.common.makeHome()
        try CommandFailure.reporting {
            let topology = try self.topologyOptions.load(self.file, as: self.alias)
            let http = try self.http.options()
            let log = try home.openLog()
            defer { log.close() }
            try home.finishRemovals(in: log)
            var options = self.arguments.options(for: home)
            options.untilIdle = self.untilIdle
            options.acceptsChangedTopology = self.acceptChanges
            let pulse = home.makePulse(role: "run", name: topology.name, log: log)
            let serving = try http.map { try StatusServing($0, of: pulse, home: home) }
            defer { serving?.stop() }
            options.metrics = pulse.registry
            options.onBeat = { pulse.beat() }
            let models = try ModelRun(home, topology: topology.name, self.arguments, metrics: pulse.registry)
            options.services = models.services
            options.use(try NewestVideos.ingested(for: topology, in: log))
            let engine = Engine(
                topology: topology, log: log, options: options, warn: Console.warning,
                makeSink: home.sinkMaker(for: topology, log: log))
            try EngineRun(
                engine, topology: topology, home: home, log: log, models: models, pulse: pulse,
                drainSeconds: self.arguments.drainSeconds
            ).run(json: self.common.json)
        }
    }
}

/// Runs an engine with progress and signals, and prints what has come of it.
struct EngineRun {
    private let engine: Engine
    private let topology: Topology
    private let log: any RecordLog
    private let models: ModelRun
    private let pulse: Pulse
    private let drainSeconds: Double
    private let board: OpenShardBoard

    init(
        _ engine: Engine, topology: Topology, home: Home, log: any RecordLog, models: ModelRun, pulse: Pulse,
        drainSeconds: Double
    ) {
        self.pulse = pulse
        self.drainSeconds = drainSeconds
        self.board = OpenShardBoard(home, topology)
        self.engine = engine
        self.topology = topology
        self.log = log
        self.models = models
    }

    func run(json: Bool) throws {
        let engine = self.engine
        let models = self.models
        let pulse = self.pulse
        models.onHalt {
            models.beginNoMore()
            engine.stop()
        }
        let interrupts = Interrupts(within: self.drainSeconds) {
            pulse.end()
            models.beginNoMore()
            models.announceWait()
            engine.stop()
        }
        defer { interrupts.cancel() }
        pulse.start { figures in
            let run = engine.figures()
            figures.graph = run.graph
            figures.stages = run.stages
            figures.sets = run.sets
            figures.models = models.figures
            figures.waits = run.waits + models.waits
            pulse.health.set(run.readiness)
        }
        defer { pulse.stop() }
        let progress = ProgressReporter()
        let watcher = ProgressWatcher(
            engine: engine, topology: self.topology, models: models, board: self.board, reporter: progress)
        watcher.start()
        let result = Result { try engine.run() }
        watcher.stop()
        progress.finish()
        let isDone = (try? result.get()) != nil && !Interrupts.hasCome
        self.models.end(isDone: isDone)
        try result.get()
        var summary = try StageSummary.read(self.topology, log: self.log)
        summary.add(engine.progress())
        if json { try Results.json(summary.json) } else { try Results.text(summary.text) }
        summary.revisionWarnings(file: self.topology.file).forEach(Console.warning)
        self.models.report()
        if let problem = self.models.problem { throw problem }
    }
}
