// SPDX-License-Identifier: Apache-2.0

import Records
import Testing
import Topologies

@testable import Engine

/// Names that change.
extension OwnershipTests {
    @Test("each name that differs from that of earlier commits is named, with what it was")
    func renamed() async throws {
        try self.world.fill("input", with: 1...5)
        try self.world.fill("input2", with: 1...5)
        try await self.run(try self.pair(rejects: "refuse"))
        let before = try self.topics()
        func expect(_ topology: Topology, _ parts: String...) async {
            let message = await self.refusal(topology)
            for part in parts { #expect(message.contains(part), "\(message)") }
            for part in ["put the old names back", "replay pair.yaml --from earliest", "run pair.yaml --as NAME"] {
                #expect(message.contains(part), "\(message)")
            }
        }
        await expect(
            try self.pair(set: "v2", rejects: "refuse"), "stage `two`: `shards` changed from `numbers` to `v2`",
            "--accept-changes")
        await expect(
            try self.pair(middle: "between", rejects: "refuse"), "stage `one`: `to` changed from `middle` to `between`",
            "stage `two`: `from` changed from `middle` to `between`")
        await expect(
            try self.pair(from: "input2", rejects: "refuse"), "stage `one`: `from` changed from `input` to `input2`")
        await expect(try self.pair(), "`rejects` changed from `refuse` to nothing")
        await expect(try self.pair(rejects: "no"), "`rejects` changed from `refuse` to `no`")
        await expect(
            try self.pair(stages: ("uno", "two"), rejects: "refuse"), "the stage that writes the topic `middle`",
            "changed from `one` to `uno`")
        await expect(
            try self.pair(stages: ("one", "due"), rejects: "refuse"), "the stage that writes the shards `numbers`",
            "changed from `two` to `due`")
        let moved = await self.refusal(try self.pair(from: "input2", rejects: "refuse")) {
            $0.acceptsChangedTopology = true
        }
        #expect(!moved.contains("--accept-changes"), "offsets of another topic cannot be taken over: \(moved)")
        #expect(try self.topics() == before, "a refused run creates nothing")
        try await self.run(try self.pair(rejects: "refuse"))
        #expect(try self.samples("numbers") == 5)
    }

    @Test("a set of another name takes what comes where that is accepted, and keeps it")
    func acceptedSet() async throws {
        try self.world.fill("input", with: 1...5)
        try await self.run(try self.pair())
        try self.world.append([Record(key: "k", value: "{\"value\":9}")], to: "input")
        try await self.run(try self.pair(set: "v2")) { $0.acceptsChangedTopology = true }
        #expect(try self.samples("numbers") == 5 && self.samples("v2") == 1)
        try await self.run(try self.pair(set: "v2"))
        #expect(await self.refusal(try self.pair()).contains("`shards` changed from `v2` to `numbers`"))
        #expect(await self.refusal(try self.pair("other", middle: "m")).contains("which the topology `pair` writes"))
    }

    @Test("names may change as long as nothing was committed under them")
    func nothingCommitted() async throws {
        try self.world.fill("input", with: [])
        try await self.run(try self.pair())
        try await self.run(try self.pair(middle: "between", set: "v2", stages: ("uno", "due")))
        try self.world.append([Record(key: "k", value: "{\"value\":9}")], to: "input")
        try await self.run(try self.pair(middle: "between", set: "v2", stages: ("uno", "due")))
        #expect(try self.samples("v2") == 1)
    }
}
