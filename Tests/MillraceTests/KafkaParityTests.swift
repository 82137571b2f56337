// SPDX-License-Identifier: Apache-2.0

import Foundation
import KafkaBroker
import Testing

/// The same topologies on both logs, over the same input.
@Suite("Kafka: parity", .serialized, .enabled(if: Broker.program != nil, "\(Broker.missing)"))
struct KafkaParityTests {
    /// The topics that an ingest and the two topologies write, apart from shards.
    private static let topics = ["narrations", "narrations.dead-letters", "naq.dead-letters"]
    private static let topicsOfNLQ = ["blocks", "queries", "queries.rejected", "nlq.dead-letters"]

    @Test("The sample world: the same shards, blocks, queries, rejects and dead letters")
    func sampleWorld() async throws {
        let bench = try await KafkaBench()
        #expect(try await bench.home.records(of: "narrations.dead-letters").joined().count > 10)
        try await Self.compare(
            bench.home, with: try bench.sample.copy(into: bench.folder, as: "quiet"), in: bench.folder)
        let lines = try await bench.home.output("shards", "cat", "nlq").outputLines
        let whole = try lines.allSatisfy { line in
            let lineage = try JSONTree(line)["lineage"]
            return lineage["block"].string != nil && lineage["answer"].string?.count == 64
                && !lineage["narrations"].array.isEmpty
        }
        #expect(whole && lines.count > 1000)
        #expect(try await bench.home.records(of: "queries.rejected").joined().count > 10)
    }

    @Test("Topics and sets have one owning topology there too, and `--as` makes a second one's own")
    func ownership() async throws {
        let bench = try await KafkaBench()
        let topology = try bench.topology("nlq")
        try await bench.home.output("run", topology, "--until-idle")
        let samples = try await bench.home.samples(of: "nlq")
        let text = try String(contentsOfFile: topology, encoding: .utf8)
        let second = topology.replacingOccurrences(of: "nlq.yaml", with: "nlq2.yaml")
        try text.replacing("name: nlq\n", with: "name: nlq2\n").write(toFile: second, atomically: true, encoding: .utf8)
        let refused = try await bench.home.run("run", second, "--until-idle")
        #expect(refused.end == .exit(2), "\(refused.story)")
        #expect(refused.errorText.contains("which the topology `nlq` writes"), "\(refused.story)")
        try await bench.home.output("run", second, "--as", "other", "--until-idle")
        #expect(try await bench.home.samples(of: "nlq") == samples)
        #expect(try await bench.home.samples(of: "other").values.joined().count == samples.values.joined().count)
    }

    @Test(
        "Real files: the same shards, topics and dead letters",
        arguments: [
            RealSource(
                "Goal-Step", ["ingest", "goalstep", "--annotations", "ego4d-goalstep/goalstep_valid.json"]),
            RealSource(
                "EPIC-KITCHENS",
                [
                    "ingest", "epic-kitchens", "--annotations", "epic-kitchens-100/EPIC_100_validation.csv",
                    "--videos", "epic-kitchens-100/EPIC_100_video_info.csv",
                ]),
            RealSource(
                "CaptainCook4D",
                [
                    "ingest", "captaincook4d", "--annotations", "captaincook4d/complete_step_annotations.json",
                    "--clip-seconds", "0",
                ]),
        ])
    func realFiles(source: RealSource) async throws {
        guard source.isThere else {
            print("Kafka: parity: \(source.name) is skipped: it needs \(RealSource.folder.path)")
            return
        }
        let folder = try TestFolder()
        let broker = try Broker()
        defer { broker.remove() }
        let home = KafkaHome(folder.file("home"), on: broker)
        let quiet = TestHome(folder.file("quiet"))
        let report = try await home.output(source.arguments + ["--json"])
        let expected = try await quiet.start(source.arguments + ["--json"]).finished()
        #expect(report.outputText == expected.outputText, "\(expected.story)")
        try await Self.compare(home, with: quiet, in: folder, options: ["--allow-unguarded"])
    }

    /// Runs both topologies on both logs and expects everything that they write to be the same.
    private static func compare(
        _ home: KafkaHome, with quiet: TestHome, in folder: TestFolder, options: [String] = []
    ) async throws {
        for name in ["naq", "nlq"] {
            let topology = try TestTopology.write(name, rotate: "{ samples: 100, seconds: 0 }", into: folder)
            let arguments = ["run", topology, "--until-idle", "--json"] + options
            let environment = ["LLM_PROVIDER": "rules"]
            let found = try await home.start(arguments, environment: environment).finished()
            let expected = try await quiet.start(arguments, environment: environment).finished()
            #expect(found.code == 0, "\(found.story)")
            #expect(expected.code == 0, "\(expected.story)")
            // Counts by stage and reason, shards, samples and bytes.
            #expect(found.outputText == expected.outputText)

            let shards = try await home.shards(of: name)
            let expectedShards = try await quiet.shards(of: name)
            #expect(expectedShards.count > 20)
            #expect(shards.keys.sorted() == expectedShards.keys.sorted())
            for (place, bytes) in expectedShards where shards[place] != bytes {
                Issue.record("shard \(place) of \(name) differs")
            }
            #expect(try await home.run("shards", "verify", name).code == 0)
        }
        for topic in Self.topics + Self.topicsOfNLQ { try await home.expectTopic(topic, equals: quiet) }
    }
}

/// Real annotation files beside the package, if they are there.
struct RealSource: Sendable, CustomTestStringConvertible {
    let name: String
    private let words: [String]

    /// The folder that they are looked for in.
    static let folder = MillraceProcess.packageFolder.deletingLastPathComponent().appendingPathComponent("shared/data")

    init(_ name: String, _ words: [String]) {
        self.name = name
        self.words = words
    }

    var testDescription: String { self.name }

    private static func isFile(_ word: String) -> Bool { word.contains("/") }

    /// Tells whether all its files are there.
    var isThere: Bool {
        self.words.filter(Self.isFile).allSatisfy {
            FileManager.default.fileExists(atPath: Self.folder.appendingPathComponent($0).path)
        }
    }

    /// The command that ingests it.
    var arguments: [String] {
        self.words.map { Self.isFile($0) ? Self.folder.appendingPathComponent($0).path : $0 }
    }
}
