// SPDX-License-Identifier: Apache-2.0

import Dataflow
import Foundation
import MomentQueries
import Testing
import Topologies
import VideoAnnotations

/// Values that take the place of what a file says.
@Suite struct TopologyOverrideTests {
    private static let registry = {
        var registry = OperatorRegistry()
        registerVideoAnnotations(in: &registry)
        registerMomentQueries(in: &registry)
        return registry
    }()

    /// Loads `naq.yaml` with overrides.
    private func load(
        _ overrides: String..., environment: [String: String] = [:]
    ) throws(TopologyError) -> Topology {
        try Topology.load(
            path: repository.appendingPathComponent("topologies/naq.yaml").path, registry: Self.registry,
            environment: environment, overrides: overrides.compactMap(TopologyOverride.init(parsing:))
        ).topology
    }

    /// The first thing that is said against overrides.
    private func problem(_ override: String) -> String {
        do throws(TopologyError) {
            _ = try self.load(override)
            return "nothing"
        } catch {
            return error.description
        }
    }

    private func shards(_ topology: Topology) throws -> ShardDestination {
        guard case .shards(let shards) = try #require(topology.stages.last).destination else {
            throw ConfigurationError("no shards")
        }
        return shards
    }

    @Test("They replace, add, and count in the order in which they are given")
    func values() throws {
        #expect(try self.load("name=other", "name=third").name == "third")
        #expect(try self.load("partitions=7").partitions == 7)
        let shards = try self.shards(
            try self.load(
                "stages.land.to.rotate.bytes=8MiB", "stages.land.to.rotate.samples=100", "stages.land.to.level=9"))
        #expect(shards.bytesMax == 8 << 20 && shards.samplesMax == 100 && shards.level == 9)
        #expect(try self.shards(try self.load("stages.land.to.rotate={ samples: 5, seconds: 1 }")).samplesMax == 5)
        #expect(try self.load("retention.bytes=1GB").retention.bytes == 1_000_000_000)
        #expect(try self.load("retention.bytes=${KEEP}", environment: ["KEEP": "5"]).retention.bytes == 5)
    }

    @Test("In a list they go by number, or by the step that there is one of; hashes are those of such a file")
    func lists() throws {
        let plain = try self.load()
        let byName = try self.load("stages.land.steps.window.alpha=2.5")
        #expect(byName.hash != plain.hash)
        #expect(try self.load("stages.land.steps.1.window.alpha=2.5").hash == byName.hash)
        #expect(try self.load("stages.land.steps.window.alpha=4.9").hash == plain.hash)
        #expect(try self.load("stages.land.steps.0.filter.videos.exclude-splits=[val]").hash != plain.hash)
    }

    @Test("What leads nowhere is refused, with the place and the nearest word")
    func refused() {
        #expect(TopologyOverride(parsing: "name") == nil)
        #expect(TopologyOverride(parsing: "=3") == nil)
        #expect(TopologyOverride(parsing: "a..b=3") == nil)
        let cases = [
            (
                "stages.land.steps.filter.videos=x",
                "`filter` is in the elements 0 and 2 of the list; name one by its number"
            ),
            ("stages.land.steps.windou.alpha=2", "did you mean `window`?"),
            ("stages.land.steps.9.window=x", "the list at `stages.land.steps` has 4 elements, counted from 0"),
            ("name.first=x", "there is `naq`, and nothing below it, at `name`"),
            ("stages.land.to.rotat.samples=5", "unknown key `rotat`; did you mean `rotate`?"),
            ("stages.land.to.rotate.bytes=many", "expected a number of bytes, such as 64MB or 64MiB, found `many`"),
            ("stages.land.to.rotate.bytes=5GiB", "5368709120 is outside 1…4294967296"),
            ("partitions=[", "error: not YAML"),
            ("partitions=${NO_SUCH}", "the environment variable `NO_SUCH` is not set"),
            ("stages.lnad.from=narrations", "stage `lnad` lacks the key `steps`"),
        ]
        for (override, words) in cases {
            let problem = self.problem(override)
            #expect(problem.contains(words), "\(override): \(problem)")
        }
    }
}
