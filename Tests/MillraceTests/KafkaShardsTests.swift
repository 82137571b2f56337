// SPDX-License-Identifier: Apache-2.0

import Foundation
import KafkaBroker
import Testing

/// A folder of shards that several processes share, and what zombies leave in it.
@Suite(
    "Kafka: shards", .serialized, .enabled(if: Broker.program != nil, "\(Broker.missing)"),
    .enabled(if: OtherClient.isThere, "\(OtherClient.missing)"))
struct KafkaShardsTests {
    private static let set = "naq"
    private static let group = "naq.land"

    @Test("A zombie's shard never counts, and harms nobody's")
    func zombie() async throws {
        let bench = try await KafkaBench()
        let topology = try bench.topology(Self.set)
        let quiet = try await bench.quiet(topology)
        let run = ["run", topology, "--until-idle", "--session-timeout", KafkaScaleOutTests.sessionTimeout]
        let slow = run + ["--max-rate", "1500"]
        let strangers = try Self.placeStrangers(in: bench)

        // Stopped between the rename of a shard and its commit.
        let zombie = try bench.home.start(slow, environment: SlowRename.by(milliseconds: 1500))
        let all = try await bench.home.awaitGroup(Self.group, "it has everything") { $0.isShared(by: zombie) }
        try await Self.awaitShards(8, in: bench)
        let orphan = try await Self.stopBeforeCommit(zombie, of: all.share(of: zombie), in: bench)
        let orphanBytes = try Data(contentsOf: bench.home.home.shardFile(orphan, of: Self.set))
        let before = try #require(ShardFileName(orphan))

        let successor = try bench.home.start(slow)
        try await bench.home.awaitGroup(Self.group, "the successor has joined") {
            !$0.members.filter { $0.isOf(successor) }.isEmpty
        }
        try await bench.home.expire(zombie, in: [Self.group])
        let heir = try await Self.awaitShard(at: before.place, in: bench)
        #expect(heir.epoch > before.epoch, "\(heir.file) after \(orphan)")
        let heirBytes = try Data(contentsOf: bench.home.home.shardFile(heir.file, of: Self.set))
        #expect(heirBytes == orphanBytes, "the same records make the same bytes")

        zombie.send(SIGCONT)
        for process in [successor, zombie] {
            let result = try await process.finished(seconds: 60)
            #expect(result.code == 0, "\(result.story)")
        }
        let listed = try await bench.home.listed(in: Self.set)
        #expect(!listed.contains { $0.file == orphan })
        #expect(try Data(contentsOf: bench.home.home.shardFile(heir.file, of: Self.set)) == heirBytes)
        try await Self.expectGrowingEpochs(listed)
        // Whoever has the partitions next sweeps what the zombie may have left; what is not its to sweep, it leaves.
        try await bench.home.output(run)
        try await bench.expectShards(of: Self.set, equal: try await quiet.shards(of: Self.set), besides: strangers)
    }

    @Test("A zombie whose open shards were swept goes on with what it is given then")
    func zombieWithOpenShards() async throws {
        let bench = try await KafkaBench()
        let topology = try bench.topology(Self.set)
        let quiet = try await bench.quiet(topology)
        let run = ["run", topology, "--until-idle", "--session-timeout", KafkaScaleOutTests.sessionTimeout]
        let zombie = try bench.home.start(run + ["--max-rate", "400"])
        try await bench.home.awaitGroup(Self.group, "it has everything") { $0.isShared(by: zombie) }
        func openShards() -> Set<String> { bench.home.home.files(of: Self.set).filter { $0.hasPrefix(".open") } }
        while zombie.isRunning, openShards().count < 2 { try await Task.sleep(for: .milliseconds(5)) }
        zombie.send(SIGSTOP)
        let open = openShards()
        #expect(!open.isEmpty)
        let successor = try bench.home.start(run + ["--max-rate", "2000"])
        try await bench.home.expire(zombie, in: [Self.group])
        try await bench.home.awaitGroup(Self.group, "the successor has everything") { $0.isShared(by: successor) }
        try await Self.awaitShards(12, in: bench)
        #expect(bench.home.home.files(of: Self.set).isDisjoint(with: open), "swept by the next owners")
        // Records have piled up for it meanwhile: its tasks close shards before they know better.
        zombie.send(SIGCONT)
        for process in [successor, zombie] {
            let result = try await process.finished(seconds: 60)
            #expect(result.code == 0, "\(result.story)")
        }
        try await bench.home.output(run)
        try await bench.expectShards(of: Self.set, equal: try await quiet.shards(of: Self.set))
    }

    @Test("Two processes share the folder, and one of them is killed between a rename and its commit")
    func killed() async throws {
        let bench = try await KafkaBench()
        let topology = try bench.topology(Self.set)
        let quiet = try await bench.quiet(topology)
        let run = [
            "run", topology, "--until-idle", "--max-rate", "300", "--session-timeout",
            KafkaScaleOutTests.sessionTimeout,
        ]
        let steady = try bench.home.start(run)
        try await Self.awaitShards(8, in: bench)
        let victim = try bench.home.start(run, environment: SlowRename.by(milliseconds: 1000))
        let both = try await bench.home.awaitGroup(Self.group, "both share") { $0.isShared(by: steady, victim) }
        let orphan = try await Self.stopBeforeCommit(victim, of: both.share(of: victim), in: bench)
        #expect(victim.killNow())
        try await bench.home.expire(victim, in: [Self.group])
        let result = try await steady.finished(seconds: 180)
        #expect(result.code == 0, "\(result.story)")
        let listed = try await bench.home.listed(in: Self.set)
        #expect(!listed.contains { $0.file == orphan })
        #expect(listed.contains { $0.place == ShardFileName(orphan)?.place })
        try await Self.expectGrowingEpochs(listed)
        try await bench.expectShards(of: Self.set, equal: try await quiet.shards(of: Self.set))
    }

    @Test("Committed shards that another's open transaction hides from readers are neither swept nor counted again")
    func hiddenCommits() async throws {
        let bench = try await KafkaBench()
        let topology = try bench.topology(Self.set)
        let quiet = try await bench.quiet(topology)
        let hidden = try bench.home.start(["run", topology, "--max-rate", "1500"])
        // Its tasks are open by then; what they commit from now on comes behind a record that nobody has decided.
        try await Self.awaitShards(6, in: bench)
        let transaction = try OpenTransaction(on: "shards.\(Self.set)", of: bench.home.address)
        let before = bench.home.home.published(of: Self.set).count
        while hidden.isRunning, bench.home.home.published(of: Self.set).count < before + 20 {
            try await Task.sleep(for: .milliseconds(10))
        }
        hidden.send(SIGINT)
        _ = try await hidden.finished(seconds: 40)
        let files = bench.home.home.published(of: Self.set)
        #expect(try await bench.home.listed(in: Self.set).count < files.count, "the transaction hides some")

        let last = try bench.home.start(["run", topology, "--until-idle"])
        // Long enough to open its tasks, if it does not wait.
        try await Task.sleep(for: .seconds(4))
        try transaction.abort()
        let result = try await last.finished(seconds: 60)
        #expect(result.code == 0, "\(result.story)")
        #expect(files.isSubset(of: bench.home.home.published(of: Self.set)), "they were committed")
        try await bench.expectShards(of: Self.set, equal: try await quiet.shards(of: Self.set))
    }

    // MARK: Steps

    /// Files that look like shards: one that the first owner of its partition may sweep, and others.
    /// - Returns: those that nobody may sweep.
    private static func placeStrangers(in bench: KafkaBench) throws -> Set<String> {
        let folder = bench.home.home.url.appendingPathComponent("shards/\(self.set)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let swept = "naq-0002-00000077-000000.jsonl.zst"
        let kept: Set = [
            "naq-0001-00000077-999999.jsonl.zst",  // of an epoch to come
            "naq-0007-00000000-000000.jsonl.zst",  // of a partition that nobody has
            "other-0000-00000000-000000.jsonl.zst",  // of another set
            "notes.txt",
        ]
        for name in kept.union([swept]) {
            try Data("not a shard\n".utf8).write(to: folder.appendingPathComponent(name))
        }
        return kept
    }

    /// Waits until so many shards are committed.
    private static func awaitShards(_ count: Int, in bench: KafkaBench) async throws {
        for _ in 0..<600 {
            if try await bench.home.listed(in: self.set).count >= count { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw ProcessFailure(description: "\(count) shards are not committed in half a minute")
    }

    /// Stops a process that has renamed a shard of one of its partitions and not committed it.
    /// - Returns: the shard's file.
    private static func stopBeforeCommit(
        _ process: MillraceProcess, of share: Set<Int>, in bench: KafkaBench
    ) async throws -> String {
        func itsShards() -> Set<String> {
            bench.home.home.published(of: self.set).filter { share.contains(ShardFileName($0)?.place.partition ?? -1) }
        }
        var known = itsShards()
        while process.isRunning {
            try await Task.sleep(for: .milliseconds(5))
            let published = itsShards()
            guard !published.subtracting(known).isEmpty else { continue }
            process.send(SIGSTOP)
            let listed = Set(try await bench.home.listed(in: self.set).map(\.file))
            // Not too late: its commit may have been quicker.
            if let orphan = published.subtracting(known).subtracting(listed).sorted().first { return orphan }
            known = published
            process.send(SIGCONT)
        }
        throw ProcessFailure(description: "it ended before it was stopped: \(try process.wait(seconds: 0).story)")
    }

    /// Waits until the manifest has a shard at a place.
    private static func awaitShard(at place: TestHome.ShardPlace, in bench: KafkaBench) async throws -> ListedShard {
        for _ in 0..<600 {
            if let found = try await bench.home.listed(in: self.set).first(where: { $0.place == place }) {
                return found
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw ProcessFailure(description: "the successor has committed nothing at \(place)")
    }

    /// Expects the epochs of each partition to grow with its sequence, and some to have grown.
    private static func expectGrowingEpochs(_ listed: [ListedShard]) async throws {
        let partitions = Dictionary(grouping: listed, by: \.place.partition)
        for (partition, shards) in partitions {
            let epochs = shards.sorted { $0.place < $1.place }.map(\.epoch)
            #expect(epochs == epochs.sorted(), "partition \(partition)")
        }
        #expect(partitions.values.contains { Set($0.map(\.epoch)).count > 1 })
    }
}

extension TestHome {
    /// A file in the folder of a set.
    fileprivate func shardFile(_ file: String, of set: String) -> URL {
        self.url.appendingPathComponent("shards/\(set)/\(file)")
    }
}
