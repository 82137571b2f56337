// SPDX-License-Identifier: Apache-2.0

import RecordLog
import Records
import Testing

@testable import Engine

/// A thousand runs through crashes, each against the same run without any. The seed of a failure is in its message.
@Suite struct SimulationTests {
    private static let seedsPerChunk: UInt64 = 50

    /// Shards closed by count: samples, order, topics, counts, and the shards' bytes.
    @Test(arguments: 0..<14 as Range<UInt64>)
    func crashesLeaveNoTraceWhenShardsAreClosedByCount(_ chunk: UInt64) throws {
        for seed in chunk * Self.seedsPerChunk..<(chunk + 1) * Self.seedsPerChunk {
            let topology = try numbersTopology(
                samples: 3 + Int(seed % 11), seconds: 0, commitRecords: 1 + Int(seed % 9))
            let calm = Simulation(topology: topology, seed: seed, faults: 0)
            try calm.fill(records: 90)
            let stormy = Simulation(topology: topology, seed: seed, faults: 1 + Int(seed % 12))
            try stormy.fill(records: 90)
            let expected = try Self.run(calm, seed)
            let actual = try Self.run(stormy, seed)
            #expect(stormy.faults > 0)
            #expect(actual.difference(from: expected) == nil, "seed \(seed)")
            #expect(try stormy.shardBytes() == calm.shardBytes(), "seed \(seed)")
            Self.expectSubstance(expected)
        }
    }

    /// Shards closed by the clock: the boundaries differ, the samples and their order do not.
    @Test(arguments: 0..<7 as Range<UInt64>)
    func crashesLeaveNoTraceWhenShardsAreClosedByTheClock(_ chunk: UInt64) throws {
        for seed in 10_000 + chunk * Self.seedsPerChunk..<10_000 + (chunk + 1) * Self.seedsPerChunk {
            let topology = try numbersTopology(samples: 1_000, seconds: 0.3, commitRecords: 1 + Int(seed % 9))
            let calm = Simulation(topology: topology, seed: seed, faults: 0)
            try calm.fill(records: 90)
            let stormy = Simulation(topology: topology, seed: seed, faults: 1 + Int(seed % 12))
            try stormy.fill(records: 90)
            let expected = try Self.run(calm, seed)
            #expect(try Self.run(stormy, seed).difference(from: expected) == nil, "seed \(seed)")
            Self.expectSubstance(expected)
        }
    }

    /// Two runs that both give nothing would be equal too.
    private static func expectSubstance(_ outcome: Simulation.Outcome) {
        #expect(outcome.samples.allSatisfy { $0.count > 10 })
        for (topic, partitions) in outcome.topics {
            #expect(partitions.contains { !$0.isEmpty }, "\(topic) holds nothing")
        }
    }

    private static func run(_ simulation: Simulation, _ seed: UInt64) throws -> Simulation.Outcome {
        do {
            return try simulation.run()
        } catch {
            throw SimulationFailure("seed \(seed): \(error)")
        }
    }
}
