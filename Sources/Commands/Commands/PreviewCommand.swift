// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Codecs
import Dataflow
import Engine
import Foundation
import ModelCalls
import ModelRequests
import ModelServers
import Records
import TaskRooms
import Topologies

/// `millrace preview`
struct PreviewCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "preview",
        abstract: "Show what a topology makes of the first records of an annotation file.",
        discussion: """
            Runs the records through all stages in memory, and shows each query with its template, its window, the verdict on \
            it and the narration that it goes back to; then counts of what was dropped, by reason. A model is asked about no \
            more records than are shown. Nothing is written to any home, and videos pass that no exclusion list guards.

            The file is of any source of `millrace ingest`, and is known by its content. The source's other options stand \
            behind `--`.

            EXAMPLES
              millrace preview narration.json -n 10
              millrace preview narration.json --no-model --json | jq '.rows[].query'
              millrace preview EPIC_100_validation.csv -n 5 \\
                  --topology topologies/naq.yaml --source epic-kitchens \\
                  -- --videos EPIC_100_video_info.csv
            """)

    @Argument(help: "The annotation file, or the folder of a source that has one.")
    var file: String

    @Option(name: .customShort("n"), help: ArgumentHelp("Rows to show.", valueName: "n"))
    var rows = 10

    @Option(
        help: ArgumentHelp("The topology file; by default topologies/nlq.yaml, or nlq.yaml here.", valueName: "file"))
    var topology: String?

    @Option(help: ArgumentHelp("The source, where the file's content does not tell it.", valueName: "name"))
    var source: String?

    @Flag(help: "Ask no model: its steps take their built-in rules, or nothing.")
    var noModel = false

    @Option(help: ArgumentHelp("Longest wait for a model server that does not answer.", valueName: "time"))
    var maxWait = WaitLimit(seconds: 60)

    @Argument(parsing: .postTerminator, help: "The source's own options, as `millrace ingest` takes them.")
    var sourceOptions: [String] = []

    @OptionGroup var media: MediaOption
    @OptionGroup(title: "The topology") var topologyOptions: TopologyOptions
    @OptionGroup(title: "Options of every command") var common: CommonOptions

    func validate() throws {
        if !(1...10_000).contains(self.rows) { throw ValidationError("-n wants 1 to 10000 rows.") }
    }

    func run() throws {
        _ = try self.common.makeHome()
        try CommandFailure.reporting {
            let topology = try self.loadTopology()
            let source = try PreviewSource.find(self.file, named: self.source, more: self.sourceOptions)
            guard topology.externalTopics.contains(source.topic) else {
                throw CommandFailure(
                    .usage,
                    "the source `\(source.name)` is written to the topic `\(source.topic)`, and the topology \(topology.name) "
                        + "reads \(topology.externalTopics.joined(separator: ", ")); name another one with --topology")
            }
            let models = try PreviewModels(media: try self.media.folder(), waitSeconds: self.maxWait.seconds)
            defer { models.end() }
            var options = RunOptions()
            options.allowUnguarded = true
            options.services = models.services
            let preview = try TopologyPreview(topology, options: options, rowsMax: self.rows, mayAsk: !self.noModel)
            models.onHalt(preview.stop)
            let table = try self.fill(preview, from: source, topology)
            if let problem = models.problem { throw problem }
            if self.common.json { try Results.json(table.json) } else { try Results.lines(table.lines) }
        }
    }

    private func fill(
        _ preview: TopologyPreview, from source: PreviewSource, _ topology: Topology
    ) throws -> PreviewTable {
        var entries: [PreviewEntry] = []
        let progress = ProgressReporter()
        let problems = try source.read { batch in
            // The rows that come of a group go back to that group, most often; more than one is not held.
            var narrations: [NarrationPlace: String] = [:]
            for index in 0..<batch.count {
                if let value = batch.value(at: index), let (place, text) = NarrationPlace.of(value) {
                    narrations[place] = text
                }
            }
            let before = preview.rows.count
            try preview.take(batch, of: source.topic)
            entries += preview.rows[before...].map { PreviewEntry($0, narrations: narrations) }
            progress.show { _ in "preview: \(entries.count) of \(self.rows) rows" }
            return !preview.isFull
        }
        progress.finish()
        return PreviewTable(
            topology: topology.name, source: source.name, entries: Array(entries.prefix(self.rows)),
            stages: preview.stages, problems: problems)
    }

    private func loadTopology() throws -> Topology {
        let path = try self.topology ?? Self.usualTopology()
        let topology = try self.topologyOptions.load(path)
        guard self.noModel else { return topology }
        // Steps that can do without a model are told to; others are not asked.
        let rules = topology.stages.flatMap { stage in
            stage.steps.enumerated().compactMap { index, step -> TopologyOverride? in
                let fields = step.overload.specification.fields
                guard step.overload.isAsynchronous, fields.contains(where: { $0.name == "provider" }) else {
                    return nil
                }
                return TopologyOverride(parsing: "stages.\(stage.name).steps.\(index).\(step.name).provider=rules")
            }
        }
        return try Home.loadTopology(path, overrides: self.topologyOptions.overrides + rules)
    }

    private static func usualTopology() throws -> String {
        let paths = ["topologies/nlq.yaml", "nlq.yaml"]
        guard let path = paths.first(where: { FileManager.default.fileExists(atPath: $0) }) else {
            throw CommandFailure(
                .usage, "there is no \(paths.joined(separator: " and no ")) here: name a topology with --topology FILE")
        }
        return path
    }
}

/// The model servers of a preview. Their answers are kept in a folder that is thrown away.
private struct PreviewModels {
    private let service: CompletionService
    private let folder: String

    init(media: MediaFolder?, waitSeconds: Double) throws {
        self.folder = FileManager.default.temporaryDirectory.path + "/millrace-preview-\(UUID().uuidString)"
        var options = CompletionService.Options(
            cacheFolder: self.folder, environment: ProcessInfo.processInfo.environment)
        options.notify = { notice in
            switch notice {
            case .info(let text): Console.info(text)
            case .warning(let text): Console.warning(text)
            }
        }
        options.media = media
        options.waitSecondsMax = waitSeconds
        self.service = CompletionService(options)
    }

    var services: OperatorServices {
        var services = OperatorServices()
        services.set(self.service, as: (any CompletionProvider).self)
        return services
    }

    func onHalt(_ body: @escaping @Sendable () -> Void) { self.service.onHalt(body) }

    /// The reason why the server was given up, if it was.
    var problem: CommandFailure? {
        switch self.service.halt {
        case .budgetSpent(let message), .failed(let message):
            CommandFailure(.failed, "\(message); --no-model shows what the rules make of it")
        case nil: nil
        }
    }

    func end() {
        let done = DispatchSemaphore(value: 0)
        Task { [service] in
            await service.shutdown()
            done.signal()
        }
        done.wait()
        try? FileManager.default.removeItem(atPath: self.folder)
    }
}
