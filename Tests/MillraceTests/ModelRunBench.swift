// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

extension ModelRunTests {
    /// The parts of a run that the tests have in common.
    struct Bench {
        let folder: TestFolder
        let home: TestHome
        let topology: String
        let blocks: Int

        init(_ topology: ModelTopology = ModelTopology(), videos: Int = 4, blocks: Int = 10) async throws {
            self.folder = try TestFolder()
            self.home = TestHome(self.folder.file("home"))
            self.topology = try topology.write(to: "topologies", in: self.folder)
            self.blocks = videos * blocks
            try await ModelWorld.ingest(into: self.home, in: self.folder, videos: videos, blocks: blocks)
        }

        /// Runs to the end of the input.
        func run(_ model: ScriptedModel, _ more: String...) async throws -> ProcessResult {
            try await self.home.start(
                ["run", self.topology, "--until-idle", "--json", "--allow-unguarded"] + more,
                environment: model.environment()
            ).finished(seconds: 240)
        }

        /// Replays from the earliest record.
        func replay(_ topology: String, into: String, _ model: ScriptedModel) async throws -> ProcessResult {
            try await self.home.start(
                ["replay", topology, "--from", "earliest", "--into", into, "--json", "--allow-unguarded"],
                environment: model.environment()
            ).finished(seconds: 240)
        }

        /// The number of answers in the response cache.
        func keptAnswers() async throws -> Int {
            let result = try await self.home.run("cache", "stats", "--json")
            // Before the first answer there is no cache.
            return result.code == 0 ? try JSONTree(result.output)["entries"].int ?? 0 : 0
        }

        /// The sum of a count over the partitions, as committed.
        static func count(_ name: String, in result: ProcessResult) throws -> Int {
            let stages = try JSONTree(result.output)["stages"].array
            return stages.first { $0["stage"].string == "generate" }?["counts"][name].int ?? 0
        }
    }
}
