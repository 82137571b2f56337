// SPDX-License-Identifier: Apache-2.0

import Foundation
import KafkaBroker
import Testing

/// The sample world, ingested into a broker of a test's own and into an embedded log beside it.
final class KafkaBench {
    let folder: TestFolder
    let broker: Broker
    let home: KafkaHome
    let sample: SampleHome

    init() async throws {
        self.folder = try TestFolder()
        self.broker = try Broker()
        self.home = KafkaHome(self.folder.file("home"), on: self.broker)
        self.sample = try SampleHome.small.get()
        try await self.home.output(self.sample.ingestArguments)
    }

    deinit { self.broker.remove() }

    /// A shipped topology with another rotation.
    func topology(_ name: String, rotate: String = "{ samples: 100, seconds: 0 }") throws -> String {
        try TestTopology.write(name, rotate: rotate, into: self.folder)
    }

    /// A home with the same world on the embedded log, in which a topology has run to its end undisturbed.
    func quiet(_ topology: String, as name: String = "quiet") async throws -> TestHome {
        let quiet = try self.sample.copy(into: self.folder, as: name)
        _ = try await quiet.output("run", topology, "--until-idle")
        return quiet
    }

    /// Expects a set to hold the shards of an undisturbed run, byte for byte, and no file beside them but those named.
    func expectShards(
        of set: String, equal expected: [TestHome.ShardPlace: Data], besides: Set<String> = [],
        at place: SourceLocation = #_sourceLocation
    ) async throws {
        let shards = try await self.home.shards(of: set)
        #expect(shards.keys.sorted() == expected.keys.sorted(), sourceLocation: place)
        for (shard, bytes) in expected where shards[shard] != bytes {
            Issue.record("shard \(shard) of \(set) differs", sourceLocation: place)
        }
        let listed = Set(try await self.home.listed(in: set).map(\.file))
        #expect(self.home.home.files(of: set) == listed.union(besides), sourceLocation: place)
        #expect(try self.home.home.listedBeside(set) == listed.sorted(), sourceLocation: place)
        let verified = try await self.home.run("shards", "verify", set)
        #expect(verified.code == 0, "\(verified.story)", sourceLocation: place)
    }

    /// Expects a set to hold the samples of an undisturbed run, each once and in the same order within its video.
    func expectSamples(
        of set: String, equal quiet: TestHome, at place: SourceLocation = #_sourceLocation
    ) async throws {
        let found = try await self.home.samples(of: set)
        let expected = try SampleLines.byVideo(try await quiet.output("shards", "cat", set))
        #expect(found.count == expected.count, sourceLocation: place)
        for (video, samples) in expected where found[video] != samples {
            let (here, there) = (found[video] ?? [], samples)
            Issue.record(
                "\(set), video \(video): \(here.count) samples, \(Set(here).count) different, instead of \(there.count)",
                sourceLocation: place)
        }
        let listed = Set(try await self.home.listed(in: set).map(\.file))
        #expect(self.home.home.files(of: set) == listed, sourceLocation: place)
        let verified = try await self.home.run("shards", "verify", set)
        #expect(verified.code == 0, "\(verified.story)", sourceLocation: place)
    }
}
