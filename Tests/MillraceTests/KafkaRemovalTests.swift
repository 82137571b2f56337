// SPDX-License-Identifier: Apache-2.0

import Foundation
import KafkaBroker
import Testing

/// Removing where no transaction covers topics, offsets and states: step by step, and finished by whoever comes next.
@Suite("Kafka: removing", .serialized, .enabled(if: Broker.program != nil, "\(Broker.missing)"))
struct KafkaRemovalTests {
    private static func pending(_ home: KafkaHome) async throws -> [String] {
        try JSONTree(try await home.output("status", "--json", "--interval", "0").output)["removals"].array
            .compactMap(\.string)
    }

    @Test("A set is dropped with offsets and state, not under a live member; the next run makes the same samples")
    func drop() async throws {
        let bench = try await KafkaBench()
        let topology = try bench.topology("naq")
        let quiet = try await bench.quiet(topology)
        let expected = try await quiet.shards(of: "naq")
        try await bench.home.output("run", topology, "--until-idle")
        try await bench.expectShards(of: "naq", equal: expected)

        let run = try bench.home.start(["run", topology])
        try await bench.home.awaitGroup("naq.land", "the run has all partitions") {
            $0.members.reduce(0) { $0 + $1.partitions.count } == 4
        }
        let refused = try await bench.home.run("shards", "drop", "naq", "--yes")
        #expect(refused.code == 2 && refused.errorText.contains("naq.land is at work"), "\(refused.story)")
        run.send(SIGINT)
        _ = try await run.finished(seconds: 60)

        let topics = try await bench.home.topics()
        let dry = try await bench.home.output("shards", "drop", "naq", "--dry-run")
        #expect(
            dry.outputText.contains("state    naq.land.0") && dry.outputText.contains("offsets  naq.land: narrations"))
        #expect(try await bench.home.topics() == topics, "looking changes nothing")
        let dropped = try await bench.home.run("shards", "drop", "naq", "--yes")
        #expect(dropped.code == 0, "\(dropped.story)")
        #expect(try await bench.home.listed(in: "naq").isEmpty)
        #expect(bench.home.home.files(of: "naq").isEmpty)
        let group = try await bench.home.group("naq.land")
        #expect(group.records == 0 && group.lag > 1000, "\(group)")
        try await bench.home.output("run", topology, "--until-idle")
        try await bench.expectShards(of: "naq", equal: expected)
    }

    @Test("Killed between any two steps, a drop is finished by the next run or by the same command")
    func killed() async throws {
        let seed = SeededNumbers.seed()
        var numbers = SeededNumbers(seed: seed)
        let bench = try await KafkaBench()
        let topology = try bench.topology("naq")
        let expected = try await bench.quiet(topology).shards(of: "naq")
        var interrupted = 0
        for round in 0..<8 where interrupted < 4 {
            try await bench.home.output("run", topology, "--until-idle")
            try await bench.expectShards(of: "naq", equal: expected)
            let process = try bench.home.start(["shards", "drop", "naq", "--yes"])
            // From where it is written down on there is something to interrupt.
            var patience = Patience(seconds: 60)
            while process.isRunning, patience.lasts(), try await Self.pending(bench.home).isEmpty {}
            try await Task.sleep(for: .milliseconds(Int.random(in: 0...400, using: &numbers)))
            process.killNow()
            _ = try await process.finished()
            guard try await !Self.pending(bench.home).isEmpty else { continue }
            interrupted += 1
            if round % 2 == 0 {
                let again = try await bench.home.run("shards", "drop", "naq", "--yes")
                #expect(again.code == 0 && again.outputText.contains("removed the set `naq`"), "\(again.story)")
                #expect(bench.home.home.files(of: "naq").isEmpty, "seed \(seed), round \(round)")
            }
        }
        try await bench.home.output("run", topology, "--until-idle")
        try await bench.expectShards(of: "naq", equal: expected)
        #expect(try await Self.pending(bench.home).isEmpty)
        #expect(interrupted > 0, "seed \(seed)")
    }
}
