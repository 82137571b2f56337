// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// `nlq.yaml` with a real model at a real server, over real narrations.
///
/// A model of 270 million parameters writes few good questions. What is tested is that whatever it writes is either a
/// sample about the narrations it names or a reject with its reason, and that nothing is asked twice.
@Suite("A real model", .enabled(if: LlamaServer.isInstalled, "\(LlamaServer.missing)"), .timeLimit(.minutes(15)))
struct LiveModelTests {
    private static let source = RealSource(
        "EPIC-KITCHENS", ["epic-kitchens-100/EPIC_100_validation.csv", "epic-kitchens-100/EPIC_100_video_info.csv"])

    /// The first rows of EPIC-KITCHENS' validation table.
    private static func narrations(_ count: Int) throws -> String {
        let file = RealSource.folder.appendingPathComponent("epic-kitchens-100/EPIC_100_validation.csv")
        let lines = try String(contentsOf: file, encoding: .utf8).split(
            separator: "\n", omittingEmptySubsequences: true)
        return lines.prefix(1 + count).joined(separator: "\n") + "\n"
    }

    @Test(
        "Forty real narrations become samples and rejects, each accounted for; a replay asks nothing",
        .enabled(if: Self.source.isThere, "needs \(RealSource.folder.path)"))
    func fortyNarrations() async throws {
        let folder = try TestFolder()
        let home = TestHome(folder.file("home"))
        let table = try folder.write(Self.narrations(40), to: "narrations.csv")
        let videos = RealSource.folder.appendingPathComponent("epic-kitchens-100/EPIC_100_video_info.csv").path
        let ingested = try await home.start(
            ["ingest", "epic-kitchens", "--annotations", table, "--videos", videos]).finished()
        #expect(ingested.code == 0, Comment(rawValue: ingested.story))

        var topology = ModelTopology()
        topology.llm = "max-tokens: 320"
        topology.validate = "{}"
        let path = try topology.write(to: "topologies", in: folder)
        let server = try LlamaServer()
        let arguments = [path, "--json", "--allow-unguarded"]
        let run = try await home.start(
            ["run", "--until-idle"] + arguments, environment: server.environment
        ).finished(seconds: 600)
        #expect(run.code == 0, Comment(rawValue: run.story))

        let blocks = try await Self.blocks(of: home)
        #expect(blocks.count == 8)
        let calls = try ModelRunTests.Bench.count("llm.calls", in: run)
        #expect(calls >= blocks.count && calls <= 2 * blocks.count, "one for each block, and one to repair it")
        let samples = try await home.output("shards", "cat", "nlq").outputLines.map(JSONTree.init)
        let rejects = try await home.output("topics", "read", "queries.rejected", "--json").outputLines
        let letters = try await home.output("topics", "read", "nlq.dead-letters", "--json").outputLines
        print(
            "A real model: \(calls) calls, \(samples.count) samples, \(rejects.count) rejects, \(letters.count) dead letters"
        )
        #expect(!samples.isEmpty, "a few of its questions are good enough")
        for sample in samples { try Self.check(sample, in: blocks) }

        let again = try await home.start(
            ["replay", "--from", "earliest", "--into", "again"] + arguments, environment: server.environment
        ).finished(seconds: 120)
        #expect(again.code == 0, Comment(rawValue: again.story))
        #expect(try ModelRunTests.Bench.count("llm.calls", in: again) == 0)
        #expect(try await home.shards(of: "again") == home.shards(of: "nlq"))
    }

    private static func blocks(of home: TestHome) async throws -> [String: JSONTree] {
        var blocks: [String: JSONTree] = [:]
        for line in try await home.output("topics", "read", "blocks", "--json").outputLines {
            let value = try JSONTree(line)["value"]
            let id = try #require(value["block_id"].string)
            blocks[id] = value
        }
        return blocks
    }

    /// A sample is a question about narrations of the block that it names, within their windows.
    private static func check(_ sample: JSONTree, in blocks: [String: JSONTree]) throws {
        let query = try #require(sample["query"].string)
        #expect(query.hasSuffix("?"))
        let id = try #require(sample["lineage"]["block"].string)
        let block = try #require(blocks[id])
        let indices = sample["lineage"]["narrations"].array.compactMap(\.int)
        let own = block["narrations"].array.filter { indices.contains($0["index"].int ?? -1) }
        #expect(!indices.isEmpty && own.count == indices.count)
        let windows = own.map { $0["window"].array.compactMap(\.double) }
        let start = try #require(sample["video_start_sec"].double)
        let end = try #require(sample["video_end_sec"].double)
        #expect(abs(start - (windows.map { $0[0] }.min() ?? -1)) < 1e-6)
        #expect(abs(end - (windows.map { $0[1] }.max() ?? -1)) < 1e-6)
    }
}
