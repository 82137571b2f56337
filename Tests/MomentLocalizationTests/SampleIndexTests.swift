// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import MomentLocalization
import MomentQueries
import Shards
import Synchronization
import Testing

@testable import Training

/// The shards of a folder, with a count of how often one was opened.
private final class CountingStorage: ShardStorage {
    private let storage: FileShardStorage
    private let opened = Mutex(0)

    init(_ storage: FileShardStorage) { self.storage = storage }

    var openings: Int { self.opened.withLock { $0 } }
    var location: String { self.storage.location }
    func create(_ name: String) throws(ShardError) -> any ShardFile { try self.storage.create(name) }
    func rename(_ name: String, to newName: String, replacing: Bool) throws(ShardError) {
        try self.storage.rename(name, to: newName, replacing: replacing)
    }
    func replace(
        _ name: String, with temporary: String, if permits: (Bytes, Int) -> Bool
    ) throws(ShardError) -> Bool {
        try self.storage.replace(name, with: temporary, if: permits)
    }
    func isNamed(_ file: any ShardFile, _ name: String) -> Bool { self.storage.isNamed(file, name) }
    func synchronizeFolder() throws(ShardError) { try self.storage.synchronizeFolder() }
    func list() throws(ShardError) -> [String] { try self.storage.list() }
    func remove(_ name: String) throws(ShardError) { try self.storage.remove(name) }
    func open(_ name: String) throws(ShardError) -> any ShardContent {
        self.opened.withLock { $0 += 1 }
        return try self.storage.open(name)
    }
}

@Suite struct SampleIndexTests {
    private let world: TrainingWorld
    private let file: String

    init() throws {
        self.world = try TrainingWorld()
        self.file = self.world.folder("samples.index")
        try self.world.publish((0..<9).map { TrainingWorld.sample($0) })
        try self.world.publish((9..<15).map { TrainingWorld.sample($0, length: $0 % 3 == 0 ? 0.01 : 2) })
    }

    private func index(_ rule: TargetRule = .fixed) throws -> (index: SampleIndex<MomentReader>, opened: Int) {
        let storage = CountingStorage(self.world.shards)
        let features = FeatureStore(
            folder: self.world.features.path, bins: TrainingWorld.configuration.positionsMax,
            columns: TrainingWorld.columns)
        let index = SampleIndex(
            try TailingReader(name: "nlq", log: self.world.log, storage: storage), storage: storage,
            reader: MomentReader(features: features, rule: rule), file: self.file)
        #expect(
            try index.refresh().map(\.usable)
                == (0..<index.shards.count).map {
                    index.prefix($0 + 1).usable - index.prefix($0).usable
                })
        try index.save()
        return (index, storage.openings)
    }

    private func samples(_ index: SampleIndex<MomentReader>) throws -> [MomentQuery] {
        try (0..<index.usable).map { try index.sample($0) }
    }

    @Test func shardsAreReadOnceAndSamplesWhenTheyAreAskedFor() throws {
        let (first, opened) = try self.index()
        #expect(opened == 2 && first.usable == 13 && first.counts.skipped == [.emptyWindow: 2])
        let samples = try self.samples(first)
        #expect(samples.map(\.id) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 13, 14].map { "q\($0)" })
        let (second, again) = try self.index()
        #expect(again == 0 && second.counts == first.counts)
        #expect(try self.samples(second) == samples)
        // New shards are read, and nothing else.
        try self.world.publish([TrainingWorld.sample(20)])
        let (third, more) = try self.index()
        #expect(more == 1 && third.usable == 14)
        #expect(try self.index().opened == 0)
    }

    @Test func whatItDependsOnIsLookedAtAnew() throws {
        _ = try self.index()
        let (official, opened) = try self.index(.official)
        #expect(opened == 2 && official.usable == 15)
        #expect(try self.index().opened == 2)
        try FileManager.default.removeItem(at: self.world.features.appending(path: "v1.safetensors"))
        let (fewer, more) = try self.index()
        #expect(more == 2 && fewer.counts.skipped[.withoutFeatures] == 3)
    }

    @Test func aDamagedFileIsMadeAgain() throws {
        let (whole, _) = try self.index()
        let sound = try Data(contentsOf: URL(fileURLWithPath: self.file))
        for place in stride(from: 0, to: sound.count, by: 7) {
            var damaged = sound
            damaged[place] ^= 1
            for bytes in [damaged, sound.prefix(place)] {
                try Data(bytes).write(to: URL(fileURLWithPath: self.file))
                let (again, opened) = try self.index()
                #expect(opened > 0 && again.counts == whole.counts && again.usable == whole.usable, "\(place)")
                #expect(try Data(contentsOf: URL(fileURLWithPath: self.file)) == sound)
            }
        }
    }

    @Test func aShardThatIsGoneIsNamedWhenItIsAskedFor() throws {
        _ = try self.index()
        let entry = try #require(try self.index().index.shards.last)
        try self.world.shards.remove(entry.file)
        let (index, _) = try self.index()
        _ = try index.sample(0)
        let error = #expect(throws: ShardError.self) { try index.sample(index.usable - 1) }
        #expect(error?.message.contains(entry.file) == true)
    }
}
