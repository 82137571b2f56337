// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Foundation
import MillraceTesting
import Records
import TaskRooms
import Testing
import Topologies

@testable import Commands

/// The program's own operators keep what is asked of others', each with the input that the topologies' test cases give
/// the steps before it.
@Suite("Own operators") struct OwnOperatorTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private static let topologies = [
        "naq", "nlq", "nlq-matched", "proassist", "anticipation", "anticipation-llm", "frames", "more",
    ]

    /// The videos of the adapters' samples, each with its end.
    private static func narrations() throws -> [Record] {
        var batch = RecordBatch()
        func take<Adapter: SourceAdapter>(_ trial: SampleTrial<Adapter>) throws {
            let folder = FileManager.default.temporaryDirectory.appendingPathComponent("own-\(UUID().uuidString)")
            defer { try? FileManager.default.removeItem(at: folder) }
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            for (name, bytes) in trial.files { try Data(bytes).write(to: folder.appendingPathComponent(name)) }
            try trial.makeAdapter(in: folder.path).read { item in
                guard case .group(let group) = item else { return }
                EncodedGroup(group).append(to: &batch, key: Bytes(group.key.utf8), revision: 1)
            }
        }
        try take(AdapterSamples.goalStep)
        try take(AdapterSamples.captainCook4D)
        try take(AdapterSamples.holoAssist)
        try take(AdapterSamples.llavaPretrain)
        return (0..<batch.count).map { batch[$0] }
    }

    /// Steps that no topology which ships has.
    private static let more = """
        name: more
        stages:
          pack: { from: narrations, steps: [{ pack: {} }], to: { shards: packs } }
        """

    /// The steps of a topology, each with the input that its cases lead to, or else what the stage before it made.
    private static func trials(_ name: String) async throws -> [OperatorTrial] {
        let shipped = Self.root.appendingPathComponent("topologies").path
        let temporary = FileManager.default.temporaryDirectory.appendingPathComponent("more-\(UUID().uuidString).yaml")
        try Data(Self.more.utf8).write(to: temporary)
        defer { try? FileManager.default.removeItem(at: temporary) }
        let isMore = name == "more"
        let (topology, _) = try Topology.load(
            path: isMore ? temporary.path : "\(shipped)/\(name).yaml", registry: Tasks.registered.operators,
            environment: [:])
        let cases =
            try isMore ? [] : TopologyTestSuite.load(path: "\(shipped)/\(name).test.yaml", environment: [:]).cases
        var topics = ["narrations": try Self.narrations()]
        var trials: [OperatorTrial] = []
        for stage in topology.stages {
            let values = cases.filter { $0.stage == stage.name }.flatMap(\.input)
            var records = values.map { value in
                Record(
                    key: value["video_uid"]?.string.map { Array($0.utf8) }, value: value.bytes,
                    headers: stage.inputType.headers)
            }
            records += topics[stage.from] ?? []
            for (number, step) in stage.steps.enumerated() {
                var context = OperatorContext(topologyHash: topology.hash, allowUnguarded: true)
                context.stage = stage.name
                if number == 0 { records = records.filter { (try? Self.isReadable($0, step)) == true } }
                var trial = OperatorTrial(step, input: records, context: context)
                // Cases show ends that never come, too.
                trial.isComplete = values.isEmpty
                records = try await trial.output()
                if !trial.input.isEmpty { trials.append(trial) }
            }
            if case .topic(let topic) = stage.destination { topics[topic, default: []] += records }
        }
        return trials
    }

    /// Cases also show what no step can read.
    private static func isReadable(_ record: Record, _ step: Step) throws -> Bool {
        _ = try step.overload.input.rewritten(record.value ?? [])
        return true
    }

    @Test("Operators keep their promises", arguments: Self.topologies)
    func keeps(_ topology: String) async throws {
        let trials = try await Self.trials(topology)
        #expect(!trials.isEmpty)
        for trial in trials {
            for promise in OperatorCase.all {
                do {
                    _ = try await promise.run(on: trial)
                } catch let broken as BrokenPromise {
                    Issue.record("\(topology): \(trial): \(promise): \(broken)")
                } catch {
                    Issue.record("\(topology): \(trial): \(promise): threw \(error)")
                }
            }
        }
    }

    @Test("Every operator of the program has been tried")
    func complete() async throws {
        var tried: Set<String> = []
        for name in Self.topologies {
            tried.formUnion(try await Self.trials(name).map(\.description))
        }
        let all = Set(
            Tasks.registered.operators.overloads.map {
                "\($0.specification.name) (\($0.input.name) → \($0.output.name))"
            })
        // A judge is in no topology that ships; all that it does is in its conversations' tests.
        let untried = all.subtracting(tried).filter { !$0.hasPrefix("judge ") }
        #expect(untried.isEmpty, "\(untried.sorted())")
    }
}
