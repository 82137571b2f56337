// SPDX-License-Identifier: Apache-2.0

import Codecs
import RecordLog
import Records
import Shards
import Testing

/// A task that writes shards and is stopped everywhere: what is listed in the end must equal a run without faults.
@Suite("Publishing under crashes") struct PublishingCrashTests {
    /// The places where the world may stop outside the storage's own operations.
    enum Stop: Hashable, CaseIterable {
        case temporarySynchronized, renamed, folderSynchronized, beforeCommit, afterCommit
    }

    struct Stopped: Error {}

    /// The inputs, each with what it becomes; some become nothing.
    private static let inputs: [[Bytes]] = {
        var number = 0
        return [2, 0, 1, 3, 1, 1, 0, 2, 4, 1, 0, 1].map { count in
            (0..<count).map { _ in
                number += 1
                return TestSamples.sample(number)
            }
        }
    }()

    /// The log's side: what was committed survives every crash.
    private final class World {
        let storage = SimulatedShardStorage()
        var entries: [ManifestEntry] = []
        var offset = 0
        var epoch: Int64 = 0
        var isManifestAway = false
        /// The place to stop at, and at which pass of it.
        var stop: (Stop, pass: Int)?
        private var passes: [Stop: Int] = [:]

        /// Stops the machine, if it is to be stopped here.
        func pass(_ place: Stop) {
            let pass = self.passes[place, default: 0]
            self.passes[place] = pass + 1
            if let stop = self.stop, stop.0 == place, stop.pass == pass { self.storage.crash() }
        }
    }

    private func makeSink(_ world: World) throws -> ShardSink {
        world.epoch += 1
        let listed = Set(world.entries.map(\.file))
        try Sweep.run(world.storage, name: "nlq", partition: 0, epoch: world.epoch, listed: listed)
        let file = ManifestFile(
            storage: world.storage,
            header: ManifestFileHeader(name: "nlq", partition: 0, partitions: 1, epoch: world.epoch)
        ) { () throws(ShardError) in
            if world.isManifestAway { throw ShardError(.log, "away") }
            return world.entries
        }
        file.open(listing: world.entries)
        let sink = try ShardSink(
            storage: world.storage,
            options: ShardSinkOptions(
                name: "nlq", partition: 0, epoch: world.epoch, nextSequence: world.entries.count,
                limits: RotationLimits(samples: 4, seconds: nil), topologyHash: "t", frameBytes: 400),
            manifestFile: file
        ) { () throws(ShardError) in
            if world.isManifestAway { throw ShardError(.log, "away") }
            return Set(world.entries.map(\.file))
        }
        sink.onPublishStep = { step in
            switch step {
            case .temporarySynchronized: world.pass(.temporarySynchronized)
            case .renamed: world.pass(.renamed)
            case .folderSynchronized: world.pass(.folderSynchronized)
            }
        }
        return sink
    }

    private func commit(_ sink: ShardSink, _ reason: RotationReason, offset: Int, _ world: World) throws {
        let outputs = try sink.prepare(reason)
        world.pass(.beforeCommit)
        if world.storage.isCrashed { throw Stopped() }
        for output in outputs { world.entries.append(try ManifestEntry(record: output.records[0])) }
        world.offset = offset
        world.pass(.afterCommit)
        if world.storage.isCrashed { throw Stopped() }
        sink.committed()
    }

    /// One life of the task: from the committed offset to the end, or to the crash. Errors of the disk are met by
    /// abandoning and reading again.
    private func live(_ world: World) throws {
        let sink = try self.makeSink(world)
        var failures = 0
        while true {
            do {
                for offset in world.offset..<Self.inputs.count {
                    try sink.append(TestSamples.batch(Self.inputs[offset]), origin: Offset(offset))
                    if let reason = sink.rotationDue(now: 0) {
                        try self.commit(sink, reason, offset: offset + 1, world)
                    }
                }
                if sink.isOpen { try self.commit(sink, .idle, offset: Self.inputs.count, world) }
                return
            } catch let error as SinkError {
                if world.storage.isCrashed { throw error }
                failures += 1
                try #require(failures < 3, "the same failure again and again: \(error)")
                sink.abandon()
            }
        }
    }

    /// Lives until the end is reached, and returns how often the machine was started again.
    private func liveToTheEnd(_ world: World, losing loss: SimulatedShardStorage.Loss) throws -> Int {
        for restarts in 0..<5 {
            do {
                try self.live(world)
                // The last line of the manifest file is behind the last commit, and nobody waits for it.
                if world.storage.isCrashed { throw Stopped() }
                return restarts
            } catch {
                try #require(world.storage.isCrashed, "stopped without a crash: \(error)")
                world.storage.restart(losing: loss)
                let listed = try self.listedBeside(world, afterCrash: true)
                #expect(listed == Array(world.entries.prefix(listed.count)), "the file leads, losing \(loss)")
            }
        }
        Issue.record("the end was never reached")
        return 5
    }

    private func check(_ world: World, _ expected: [String], _ comment: String) throws {
        for entry in world.entries {
            #expect(ShardVerification(of: entry, in: world.storage).problems == [], "\(comment)")
        }
        #expect(world.entries.map(\.sha256) == expected, "\(comment)")
        #expect(world.entries.map(\.sequence) == Array(0..<world.entries.count), "\(comment)")
        // The next owner's sweep leaves what is listed, and nothing else.
        _ = try self.makeSink(world)
        #expect(try self.shards(world) == Set(world.entries.map(\.file)), "\(comment)")
        #expect(try self.listedBeside(world) == world.entries, "\(comment)")
    }

    /// The names of all files but the manifest file.
    private func shards(_ world: World) throws -> Set<String> {
        Set(try world.storage.list()).subtracting(["manifest-0.jsonl"])
    }

    /// The entries of the manifest file.
    /// - Parameter afterCrash: whether the last line may be torn, or the file not there.
    private func listedBeside(_ world: World, afterCrash: Bool = false) throws -> [ManifestEntry] {
        guard let bytes = world.storage.bytes(of: "manifest-0.jsonl") else {
            #expect(afterCrash, "there is no file")
            return []
        }
        var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        let rest = lines.removeLast()
        #expect(rest.isEmpty || afterCrash, "a torn line")
        #expect(ManifestFileHeader.epoch(atStartOf: bytes) != nil)
        return try lines.dropFirst().map { try ManifestEntry(json: Bytes($0)) }
    }

    private func undisturbed() throws -> (hashes: [String], operations: Int) {
        let world = World()
        #expect(try self.liveToTheEnd(world, losing: .everything) == 0)
        var lines: [Bytes] = []
        for entry in world.entries { lines += try TestSamples.lines(of: entry.file, in: world.storage) }
        #expect(lines == Array(Self.inputs.joined()))
        return (world.entries.map(\.sha256), world.storage.operationCount)
    }

    private static let losses: [SimulatedShardStorage.Loss] =
        [.everything, .nothing] + (1...6).map { .some(seed: $0) }

    @Test(arguments: SimulatedShardStorage.Fault.allCases)
    func `a fault at every operation of the storage`(fault: SimulatedShardStorage.Fault) throws {
        let (expected, operations) = try self.undisturbed()
        #expect(expected.count > 2)
        for operation in 0..<operations {
            for loss in Self.losses {
                let world = World()
                world.storage.schedule(fault, atOperation: operation)
                let restarts = try self.liveToTheEnd(world, losing: loss)
                let isCrash = fault == .crashBefore || fault == .crashAfter
                // A crash in the very last operations may find the task at its end already.
                #expect(isCrash ? restarts <= 1 : restarts == 0)
                try self.check(world, expected, "\(fault) at operation \(operation), losing \(loss)")
            }
        }
    }

    @Test(arguments: Stop.allCases)
    func `a crash between the steps of publishing and around the commit`(stop: Stop) throws {
        let (expected, _) = try self.undisturbed()
        for pass in 0..<expected.count {
            for loss in Self.losses {
                let world = World()
                world.stop = (stop, pass)
                #expect(try self.liveToTheEnd(world, losing: loss) == 1)
                try self.check(world, expected, "\(stop), pass \(pass), losing \(loss)")
            }
        }
    }

    @Test func `two crashes, the second while the first is being mended`() throws {
        let (expected, operations) = try self.undisturbed()
        for first in stride(from: 0, to: operations, by: 3) {
            for second in stride(from: 1, through: 9, by: 2) where first + second < operations {
                let world = World()
                world.storage.schedule(.crashAfter, atOperation: first)
                world.storage.schedule(.crashBefore, atOperation: first + second)
                _ = try self.liveToTheEnd(world, losing: .some(seed: UInt64(first * 10 + second)))
                try self.check(world, expected, "crashes at \(first) and \(first + second)")
            }
        }
    }

    @Test func `a former owner that wakes up harms nothing`() throws {
        let (expected, _) = try self.undisturbed()
        let world = World()
        let zombie = try self.makeSink(world)
        try zombie.append(TestSamples.batch(Self.inputs[0]), origin: 0)
        _ = try self.liveToTheEnd(world, losing: .everything)
        // Its file was swept; it goes on, publishes, and would be refused by the log.
        try zombie.append(TestSamples.batch(Self.inputs[3] + Self.inputs[8]), origin: 3)
        #expect(throws: SinkError.self) { try zombie.prepare(.samples) }
        zombie.abandon()
        try zombie.append(TestSamples.batch(Self.inputs[0]), origin: 0)
        _ = try zombie.prepare(.idle)
        try self.check(world, expected, "zombie")
    }

    @Test func `a former owner takes away what it publishes after its successor has swept`() throws {
        let (expected, _) = try self.undisturbed()
        let world = World()
        let zombie = try self.makeSink(world)
        _ = try self.liveToTheEnd(world, losing: .everything)
        try zombie.append(TestSamples.batch(Self.inputs[0]), origin: 0)
        _ = try zombie.prepare(.idle)
        // The log has refused its commit: it belongs to an epoch of the past.
        zombie.abandon()
        #expect(zombie.mayHaveLeftovers)
        #expect(try self.shards(world).count == expected.count + 1)
        zombie.removeLeftovers()
        #expect(try self.shards(world) == Set(world.entries.map(\.file)), "without another owner's sweep")
        try self.check(world, expected, "zombie")
    }

    @Test func `a former owner keeps what the manifest lists`() throws {
        let world = World()
        let former = try self.makeSink(world)
        try former.append(TestSamples.batch(Self.inputs[0]), origin: 0)
        let outputs = try former.prepare(.idle)
        // The commit took place, and its answer was lost; then another owner came.
        world.entries.append(try ManifestEntry(record: outputs[0].records[0]))
        former.abandon()
        let successor = try self.makeSink(world)
        try successor.append(TestSamples.batch(Self.inputs[2]), origin: 2)
        former.removeLeftovers()
        #expect(try self.shards(world).count == 2, "the listed file and the successor's open one")
        #expect(ShardVerification(of: world.entries[0], in: world.storage).isSound)
    }

    @Test func `where the manifest cannot be read, a former owner leaves everything to the next sweep`() throws {
        let world = World()
        let former = try self.makeSink(world)
        _ = try self.makeSink(world)
        try former.append(TestSamples.batch(Self.inputs[0]), origin: 0)
        _ = try former.prepare(.idle)
        former.abandon()
        world.isManifestAway = true
        former.removeLeftovers()
        #expect(try self.shards(world).count == 1)
        world.isManifestAway = false
        former.removeLeftovers()
        #expect(try self.shards(world).isEmpty)
    }
}
