// SPDX-License-Identifier: Apache-2.0

import Dataflow
import Foundation
import Fuzzing
import MomentQueries
import Records
import Testing
import Topologies
import VideoAnnotations

/// Broken topologies and test files: errors with places, never a trap, and what is read twice is the same twice.
@Suite struct TopologyFuzzTests {
    private let folder = FileManager.default.temporaryDirectory
        .appendingPathComponent("topology-fuzz-\(UUID().uuidString)")
    private let registry: OperatorRegistry

    init() throws {
        var registry = OperatorRegistry()
        registerVideoAnnotations(in: &registry)
        registerMomentQueries(in: &registry)
        self.registry = registry
        try FileManager.default.createDirectory(at: self.folder, withIntermediateDirectories: true)
        let prompts = repository.appendingPathComponent("topologies/prompts")
        try FileManager.default.copyItem(at: prompts, to: self.folder.appendingPathComponent("prompts"))
    }

    private static func text(_ name: String) throws -> String {
        try String(contentsOf: repository.appendingPathComponent("topologies/\(name)"), encoding: .utf8)
    }

    private func load(_ path: String) throws -> Topology {
        try Topology.load(path: path, registry: self.registry, environment: ["LLM_MODEL": "m"]).topology
    }

    @Test func topologies() throws {
        defer { try? FileManager.default.removeItem(at: self.folder) }
        let small = """
            name: small
            partitions: 2
            retention: { seconds: 3600, bytes: 1000000 }
            stages:
              curate: { from: narrations, steps: [{ window: { alpha: 4.9 } }, { block: { size: 5, stride: 5 } }], to: blocks }
              land:
                from: { topic: narrations, type: narration }
                steps: [{ window: {} }, { format: { schema: naq } }]
                to: { shards: naq, rotate: { samples: 10, bytes: 1000, seconds: 1.5 } }
                commit: { records: 10, bytes: 1000, seconds: 0.5 }
            """
        let seeds = try [small, Self.text("nlq.yaml"), Self.text("naq.yaml")]
        let url = self.folder.appendingPathComponent("topology.yaml")
        for input in Fuzz("topology", seeds: seeds, tokens: .yaml, seconds: 1.5) {
            try Data(input.bytes).write(to: url)
            guard let topology = try? self.load(url.path) else {
                try #require(input.number != 1 && input.number != 2, "\(input)")
                continue
            }
            try #require(try self.load(url.path).hash == topology.hash, "\(input)")
            let graph = TopologyGraph(topology).mermaid
            try #require(topology.stages.allSatisfy { graph.contains($0.name) }, "\(input)")
        }
    }

    @Test func testFiles() throws {
        defer { try? FileManager.default.removeItem(at: self.folder) }
        let topology = try self.load(repository.appendingPathComponent("topologies/naq.yaml").path)
        let url = self.folder.appendingPathComponent("topology.test.yaml")
        for input in Fuzz("topology-test", seeds: [try Self.text("naq.test.yaml")], tokens: .yaml) {
            try Data(input.bytes).write(to: url)
            guard let suite = try? TopologyTestSuite.load(path: url.path, environment: [:]) else {
                try #require(input.number != 0, "\(input)")
                continue
            }
            for test in suite.cases.prefix(3) {
                let first = try? TopologyTestRunner(topology).run(test)
                let second = try? TopologyTestRunner(topology).run(test)
                try #require(first == second, "\(input)")
            }
        }
    }

    @Test(arguments: ["[", "{a: ", "- ", "? ", "- ? ", "[{a: ", "\"", "!!a ", "&a ", "a: [", "- - {b: ["])
    func depthIsAnError(_ mark: String) throws {
        defer { try? FileManager.default.removeItem(at: self.folder) }
        let url = self.folder.appendingPathComponent("deep.yaml")
        for count in [200, 300, 5000, 100_000] {
            try String(repeating: mark, count: count).write(to: url, atomically: false, encoding: .utf8)
            #expect(throws: TopologyError.self) { try self.load(url.path) }
            let lines = (0..<min(count, 1000)).map { String(repeating: " ", count: $0) + "a:\n" }.joined()
            try lines.write(to: url, atomically: false, encoding: .utf8)
            #expect(throws: TopologyError.self) { try self.load(url.path) }
        }
    }

    @Test(arguments: [
        "seconds: 9223372036854775807", "seconds: 0", "bytes: -9223372036854775808", "bytes: 9223372036854775807",
        "seconds: 1e999", "seconds: 18446744073709551616",
    ])
    func limitsHaveARange(_ limit: String) throws {
        defer { try? FileManager.default.removeItem(at: self.folder) }
        let url = self.folder.appendingPathComponent("limits.yaml")
        let text = """
            name: small
            retention: { \(limit) }
            stages: { s: { from: narrations, steps: [{ window: {} }], to: windows } }
            """
        try text.write(to: url, atomically: false, encoding: .utf8)
        let error = #expect(throws: TopologyError.self) { try self.load(url.path) }
        #expect(error?.diagnostics.map(\.mark?.line) == [2])
    }
}
