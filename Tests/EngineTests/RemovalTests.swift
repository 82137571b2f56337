// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Foundation
import RecordLog
import RecordLogTesting
import Records
import Shards
import Synchronization
import Testing
import Topologies

@testable import Engine

/// Removing from a log in memory, with a crash at every call of the log and of the disk.
@Suite(.serialized) struct RemovalTests {
    private static func topology(_ name: String = "pair") throws -> Topology {
        let text = """
            name: \(name)
            partitions: 1
            stages:
              one: { from: input, steps: [ask], to: middle }
              two: { from: middle, steps: [ask], to: { shards: numbers, rotate: { samples: 2 } } }
            """
        return try Topology.parse(text, file: "\(name).yaml", registry: numbersRegistry, environment: [:]) { _ in "" }
            .topology
    }

    /// A world in which the topology has run.
    private static func world() async throws -> EngineWorld {
        let world = EngineWorld()
        try world.fill("input", with: 1...9)
        try await EngineWorld.runToEnd(world.engine(try self.topology()))
        return world
    }

    private static func remover(_ world: EngineWorld, _ log: MemoryLog, crash: (() throws -> Void)? = nil) -> Remover {
        Remover(log: log) { set in
            SetFiles.own(try world.disk.list(), name: set)
        } removeFiles: { _, files in
            for file in files {
                try crash?()
                try world.disk.remove(file)
            }
        }
    }

    private static func samples(_ world: EngineWorld) throws -> [String] {
        var samples: [String] = []
        for entry in try Manifest(reading: "numbers", from: world.log()).commits.map(\.entry) {
            var cursor = try ShardReader(entry.file, in: world.disk).samples()
            while let line = try cursor.next() { samples.append(String(decoding: line, as: UTF8.self)) }
        }
        return samples
    }

    private static let request = RemovalRequest(sets: ["numbers"])

    @Test("A dropped set is gone with its offsets and state, and the next run makes the same samples")
    func dropped() async throws {
        let world = try await Self.world()
        let before = try Self.samples(world)
        #expect(before.count == 9)
        let log = world.log()
        let remover = Self.remover(world, log)
        try remover.perform(try remover.plan(Self.request), subject: "the set `numbers`")
        #expect(SetFiles.own(try world.disk.list(), name: "numbers").isEmpty)
        #expect(try !log.topics().contains { $0.name == "shards.numbers" })
        #expect(try log.committedOffset(group: "pair.two", partition: TopicPartition("middle", 0)) == nil)
        #expect(try log.state(ofWriter: "pair.two.0").isEmpty)
        #expect(try log.committedOffset(group: "pair.one", partition: TopicPartition("input", 0)) != nil)
        #expect(try log.pendingRemovals().isEmpty)
        try await EngineWorld.runToEnd(world.engine(try Self.topology()))
        #expect(try Self.samples(world) == before)
        // The files of both have names of their own.
        let files = try Manifest(reading: "numbers", from: world.log()).files
        #expect(files.allSatisfy { (ShardName(file: $0)?.epoch ?? 0) > 2 }, "\(files)")
    }

    @Test("While a member lives it is refused, and nothing is gone or pending")
    func live() async throws {
        let world = try await Self.world()
        let before = try Self.samples(world)
        let other = world.log()
        let member = try other.join(GroupConfiguration(group: "pair.two", topics: ["middle"]))
        let log = world.log()
        let remover = Self.remover(world, log)
        let plan = try remover.plan(Self.request)
        #expect(try remover.inUse(plan).count == 1)
        let error = #expect(throws: LogError.self) { try remover.perform(plan, subject: "x") }
        #expect(error?.code == .inUse)
        #expect(try log.pendingRemovals().isEmpty)
        #expect(try Self.samples(world) == before)
        withExtendedLifetime(member) {}
        other.crash()
        try remover.perform(plan, subject: "x")
    }

    @Test("A member that joins between the look and the removal is seen in the removal, which is withdrawn")
    func late() async throws {
        let world = try await Self.world()
        let other = world.log()
        let log = world.log()
        let members = Mutex<[any GroupMember]>([])
        log.inject { (operation) throws(LogError) in
            guard operation.kind == .remove, operation.side == .before else { return }
            let member = try other.join(GroupConfiguration(group: "pair.two", topics: ["middle"]))
            members.withLock { $0.append(member) }
        }
        let remover = Self.remover(world, log)
        let plan = try remover.plan(Self.request)
        let error = #expect(throws: LogError.self) { try remover.perform(plan, subject: "x") }
        #expect(error?.code == .inUse)
        #expect(try world.log().pendingRemovals().isEmpty)
        #expect(try Self.samples(world).count == 9)
    }

    /// Crashes a removal at its `number`th operation.
    /// - Returns: whether it got so far.
    private static func crash(_ world: EngineWorld, at number: Int) throws -> Bool {
        let log = world.log()
        let remover = self.remover(world, log)
        let plan = try remover.plan(self.request)
        let left = Mutex(number)
        @Sendable func step() throws(LogError) {
            let isNow = left.withLock { left in
                defer { left -= 1 }
                return left == 0
            }
            if isNow {
                log.crash()
                throw LogError(.closed, "killed")
            }
        }
        log.inject { (_) throws(LogError) in try step() }
        do {
            try self.remover(world, log) { try step() }.perform(plan, subject: "the set `numbers`")
            return false
        } catch let error as LogError where error.code == .closed { return true }
    }

    @Test("Killed at any point, it is finished by the same command, or by a run's start; the samples are the same")
    func killed() async throws {
        let reference = try Self.samples(try await Self.world())
        var number = 0
        while true {
            let world = try await Self.world()
            guard try Self.crash(world, at: number) else { break }
            let pending = try !world.log().pendingRemovals().isEmpty
            let log = world.log()
            if pending {
                // The engine by itself works on none of it.
                let error = await #expect(throws: EngineError.self) {
                    try await EngineWorld.runToEnd(world.engine(try Self.topology()))
                }
                #expect(error?.code == .unfit && error?.message.contains("has begun") == true)
                // And so says a task that was about to begin when the removal did.
                let finished = try Self.remover(world, log).finishPending()
                #expect(finished == ["the set `numbers`"])
            } else {
                // Nothing has gone, or all of it.
                let samples = try? Self.samples(world)
                #expect(samples == reference || samples == nil, "crashed at \(number)")
            }
            #expect(try world.log().pendingRemovals().isEmpty)
            if pending { #expect(SetFiles.own(try world.disk.list(), name: "numbers").isEmpty, "crashed at \(number)") }
            try await EngineWorld.runToEnd(world.engine(try Self.topology()))
            #expect(try Self.samples(world) == reference, "crashed at \(number)")
            number += 1
        }
        #expect(number > 15, "\(number) places")
    }

    @Test("Files that came after the removal had been listed stay")
    func later() async throws {
        let world = try await Self.world()
        let log = world.log()
        let later = ShardName(name: "numbers", partition: 0, sequence: 0, epoch: 99).file
        let remover = Remover(log: log) { set in
            SetFiles.own(try world.disk.list(), name: set)
        } removeFiles: { _, files in
            _ = try world.disk.create(later)
            for file in files { try world.disk.remove(file) }
        }
        try remover.perform(try remover.plan(Self.request), subject: "x")
        #expect(try world.disk.list() == [later])
    }

    @Test("An ingest into a topic that is half removed is refused")
    func ingest() async throws {
        let world = EngineWorld()
        let log = world.log()
        let topic = TopicSpecification(name: "narrations", partitions: 1)
        let first = try Ingest(log: log, topic: topic, source: "test", replaces: false)
        _ = try first.take(group: "v", key: Bytes("v".utf8), digest: "1") { _, records in
            records.append(Record(key: "v", value: "1"))
        }
        try first.flush()
        let remover = Self.remover(world, log)
        let plan = try remover.plan(RemovalRequest(topics: ["narrations"]))
        #expect(plan.writers == ["ingest.narrations.test"])
        log.inject { (operation) throws(LogError) in
            if operation.kind == .remove, operation.side == .before { throw LogError(.closed, "killed") }
        }
        #expect(throws: LogError.self) { try remover.perform(plan, subject: "x") }
        #expect(throws: LogError.self) {
            try Ingest(log: world.log(), topic: topic, source: "test", replaces: false)
        }
        _ = try Self.remover(world, world.log()).finishPending()
        // Fenced, for its ledger is gone.
        _ = try first.take(group: "w", key: Bytes("w".utf8), digest: "2") { _, records in
            records.append(Record(key: "w", value: "2"))
        }
        log.inject(nil)
        #expect(throws: LogError.self) { try first.flush() }
        let again = try Ingest(log: world.log(), topic: topic, source: "test", replaces: false)
        let verdict = try again.take(group: "v", key: Bytes("v".utf8), digest: "1") { _, records in
            records.append(Record(key: "v", value: "1"))
        }
        #expect(verdict == .written(revision: 1), "the ledger has forgotten it")
    }
}
