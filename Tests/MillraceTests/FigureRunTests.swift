// SPDX-License-Identifier: Apache-2.0

import Foundation
import HostileServers
import Records
import Telemetry
import Testing

/// Figures of real processes: what they tell while they work, and what is left of them afterwards.
@Suite("Figures of processes")
struct FigureRunTests {
    /// Sightings of metrics over a run: the largest sum of each name.
    private struct Sightings {
        var largest: [String: Double] = [:]
        var last: [ProcessFigures] = []

        mutating func look(_ folder: String) throws {
            let found = try FolderExchange(folder: folder).read().figures
            if !found.isEmpty { self.last = found }
            for family in found.flatMap(\.metrics) {
                self.largest[family.name] = max(self.largest[family.name] ?? -1, family.sum())
            }
        }

        /// The names that have not risen above 0.
        func still(_ names: [MetricDefinition]) -> [String] {
            names.map(\.name).filter { (self.largest[$0] ?? 0) <= 0 }.sorted()
        }
    }

    private static func folder(_ home: String) -> String { home + "/processes" }

    private func watch(
        _ process: MillraceProcess, _ home: String, seconds: Double = 180, until isEnough: (Sightings) -> Bool
    ) async throws -> Sightings {
        var sightings = Sightings()
        var patience = Patience(seconds: seconds)
        while process.isRunning, patience.lasts() {
            try sightings.look(Self.folder(home))
            if isEnough(sightings) { break }
            try await Task.sleep(for: .milliseconds(50))
        }
        return sightings
    }

    @Test("A run without models moves every metric of stages, shards and process, and its figures say the same")
    func rules() async throws {
        let bench = try Workbench(videos: 12)
        try bench.expect(0, Workbench.ingestWorld)
        let process = try MillraceProcess(
            ["run", Workbench.topology("nlq"), "--max-rate", "15"],
            environment: ["MILLRACE_HOME": bench.home, "LLM_PROVIDER": "rules"], in: bench.folder.url)
        let wanted: [MetricDefinition] = [
            .stageRecordsIn, .stageRecordsOut, .stageBytesIn, .stageBytesOut, .stageCommits, .stageCommitSeconds,
            .stageLatencySeconds, .stageRejects, .stageDrops, .stageTasks, .stageTasksOpen, .stageOpenGroups,
            .stageStateBytes, .stageLagOffsets, .stageLagSeconds, .stageLastCommit, .stageEverIn, .stageEverOut,
            .stageEverRejects, .shardsOpen, .shardsOpenAge, .processInfo, .processLive, .processReady, .homeFree,
            .homeSize,
        ]
        let seen = try await self.watch(process, bench.home) { $0.still(wanted).isEmpty }
        #expect(seen.still(wanted).isEmpty, "\(seen.still(wanted)) stood still: \(process.errorsSoFar.suffix(500))")
        let figures = try #require(seen.last.first)
        #expect(figures.identity.role == "run" && figures.identity.pid == Int(process.pid))
        #expect(figures.graph?.stages.map(\.name) == figures.stages.map(\.name))
        #expect(figures.stages.contains { $0.rateIn > 0 && $0.recordsIn > 0 })
        #expect(figures.sets.map(\.name) == ["nlq"])
        process.send(SIGTERM)
        let result = try await process.finished(seconds: 60)
        #expect(result.end == .exit(143), Comment(rawValue: result.story))
        #expect(try FileManager.default.contentsOfDirectory(atPath: Self.folder(bench.home)).isEmpty)
        // The last shards are published at the end of the input.
        let rest = try MillraceProcess(
            ["run", Workbench.topology("nlq"), "--max-rate", "2000", "--until-idle"],
            environment: ["MILLRACE_HOME": bench.home, "LLM_PROVIDER": "rules"], in: bench.folder.url)
        _ = try await self.watch(rest, bench.home) { _ in false }
        #expect(try await rest.finished().end == .exit(0))
    }

    @Test("A run that asks a model moves the metrics of calls, tokens and money, and tells what it waits for")
    func models() async throws {
        let folder = try TestFolder()
        let home = TestHome(folder.file("home"))
        try await ModelWorld.ingest(into: home, in: folder, videos: 4, blocks: 30)
        let failures = Failures(6)
        let model = try await ScriptedModel { call in
            failures.take() ? .fail(503) : .after(0.1, QueryModel.reply(to: call))
        }
        var topology = ModelTopology()
        topology.llm = "in-flight: 4\n          price-in: 2.5\n          price-out: 10\n          price-currency: EUR"
        topology.rotate = "{ samples: 20, seconds: 1 }"
        let path = try topology.write(to: "priced", in: folder)
        let process = try home.start(["run", path, "--allow-unguarded"], environment: model.environment())
        let wanted: [MetricDefinition] = [
            .modelCalls, .modelAnswers, .modelRetries, .modelTokens, .modelCost, .modelServerFailures,
            .modelCallSeconds, .modelInFlight, .modelInFlightMax, .modelBreaker, .stageInFlight, .shardsPublished,
            .shardsRotationSeconds, .shardsLastPublished,
        ]
        let seen = try await self.watch(process, home.url.path) { $0.still(wanted).isEmpty }
        #expect(seen.still(wanted).isEmpty, "\(seen.still(wanted)) stood still: \(process.errorsSoFar.suffix(500))")
        let figures = try #require(seen.last.first?.models.first)
        #expect(figures.currency == "EUR" && (figures.cost ?? 0) > 0 && figures.tokensIn > 0)
        let cost = Double(figures.tokensIn) * 2.5e-6 + Double(figures.tokensOut) * 1e-5
        #expect(abs((figures.cost ?? 0) - cost) <= cost * 0.2)
        // A model server that is away makes nobody dead.
        await model.stop()
        // More to ask, however much was answered by then.
        try await ModelWorld.ingest(into: home, in: folder, videos: 6, blocks: 30)
        let waiting = try await self.watch(process, home.url.path) { seen in
            seen.last.first?.waits.contains { $0.kind == .model } == true
        }
        let last = try #require(waiting.last.first)
        #expect(last.waits.contains { $0.kind == .model })
        #expect(last.health.isLive && last.health.isReady)
        #expect((waiting.largest[MetricDefinition.modelWaitSeconds.name] ?? 0) >= 0)
        process.send(SIGTERM)
        #expect(try await process.finished(seconds: 60).end == .exit(143))
    }

    @Test("A process that is killed vanishes at once, and the next one takes its left-over away")
    func killed() async throws {
        let bench = try Workbench(videos: 3)
        try bench.expect(0, Workbench.ingestWorld)
        let environment = ["MILLRACE_HOME": bench.home]
        let command = ["run", Workbench.topology("naq"), "--max-rate", "5"]
        let first = try MillraceProcess(command, environment: environment, in: bench.folder.url)
        _ = try await self.watch(first, bench.home) { !$0.last.isEmpty }
        first.killNow()
        let exchange = FolderExchange(folder: Self.folder(bench.home))
        #expect(try exchange.read().figures.isEmpty)
        #expect(try !FileManager.default.contentsOfDirectory(atPath: Self.folder(bench.home)).isEmpty)
        let second = try MillraceProcess(command, environment: environment, in: bench.folder.url)
        let seen = try await self.watch(second, bench.home) { !$0.last.isEmpty }
        #expect(seen.last.map(\.identity.pid) == [Int(second.pid)])
        second.killNow()
        #expect(try FileManager.default.contentsOfDirectory(atPath: Self.folder(bench.home)).count == 2)
    }
}

/// So many failures, then none.
private final class Failures: Sendable {
    private let left: Counter
    init(_ count: Int) { self.left = Counter(count) }
    func take() -> Bool { self.left.take() }

    private final class Counter: @unchecked Sendable {
        // @unchecked: guarded by the lock.
        private let lock = NSLock()
        private var count: Int
        init(_ count: Int) { self.count = count }
        func take() -> Bool {
            self.lock.withLock {
                guard self.count > 0 else { return false }
                self.count -= 1
                return true
            }
        }
    }
}
