// SPDX-License-Identifier: Apache-2.0

import Foundation
import KafkaBroker
import Testing

/// Processes that come and go while a topology runs, against an undisturbed run.
@Suite(
    "Kafka: scale-out", .serialized, .enabled(if: Broker.program != nil, "\(Broker.missing)"),
    .enabled(if: OtherClient.isThere, "\(OtherClient.missing)"))
struct KafkaScaleOutTests {
    /// The least that brokers allow, unless told otherwise.
    static let sessionTimeout = "6000"

    /// A topology whose processes come and go.
    struct Scenario: Sendable, CustomTestStringConvertible {
        let topology: String
        /// The groups of its stages.
        let groups: [String]
        /// The group whose input is narrations: it holds open videos.
        let first: String
        let rotate: String

        var testDescription: String { self.topology }

        static let all = [
            Scenario(
                topology: "naq", groups: ["naq.land"], first: "naq.land", rotate: "{ samples: 100, seconds: 0.5 }"),
            Scenario(
                topology: "nlq", groups: ["nlq.curate", "nlq.generate", "nlq.land"], first: "nlq.curate",
                rotate: "{ samples: 100, seconds: 0 }"),
        ]
    }

    @Test("Processes join, die and leave: shares move inside videos, and nothing comes twice", arguments: Scenario.all)
    func comeAndGo(scenario: Scenario) async throws {
        let bench = try await KafkaBench()
        let topology = try bench.topology(scenario.topology, rotate: scenario.rotate)
        let quiet = try await bench.quiet(topology)
        let narrations = try await bench.home.records(of: "narrations")
        var takeovers = Takeovers(narrations)
        // Never idle before the last one is told to finish.
        let run = ["run", topology, "--max-rate", "40", "--session-timeout", Self.sessionTimeout]

        let first = try bench.home.start(run)
        for group in scenario.groups {
            try await bench.home.awaitGroup(group, "one process has everything") { $0.isShared(by: first) }
        }
        let second = try bench.home.start(run)
        for group in scenario.groups {
            try await bench.home.awaitGroup(group, "two share") { $0.isShared(by: first, second) }
        }
        let third = try bench.home.start(run)
        for group in scenario.groups {
            try await bench.home.awaitGroup(group, "three share") { $0.isShared(by: first, second, third) }
        }
        try await Self.awaitProgress(of: second, scenario.first, in: bench.home, takeovers)

        let secondShare = try await bench.home.group(scenario.first).share(of: second)
        #expect(second.killNow())
        try takeovers.note(secondShare, of: scenario.first, in: bench.home)
        try await bench.home.expire(second, in: scenario.groups)
        for group in scenario.groups {
            try await bench.home.awaitGroup(group, "the dead one's share has moved") { $0.isShared(by: first, third) }
        }
        let thirdShare = try await bench.home.group(scenario.first).share(of: third)
        third.send(SIGINT)
        let left = try await third.finished(seconds: 40)
        #expect(left.code == 130, "\(left.story)")
        try takeovers.note(thirdShare, of: scenario.first, in: bench.home)
        for group in scenario.groups {
            try await bench.home.awaitGroup(group, "the one that left has nothing") { $0.isShared(by: first) }
        }
        first.send(SIGINT)
        let stopped = try await first.finished(seconds: 40)
        #expect(stopped.code == 130, "\(stopped.story)")
        #expect(try await bench.home.group(scenario.first).lag > 0, "the run was never idle")
        try await bench.home.output("run", topology, "--until-idle")

        #expect(takeovers.insideVideos > 0, "of \(takeovers.all) takeovers")
        print(
            "Kafka: scale-out: \(scenario.topology): \(takeovers.insideVideos) takeovers inside videos, of \(takeovers.all)"
        )
        try await bench.expectSamples(of: scenario.topology, equal: quiet)
        for topic in ["\(scenario.topology).dead-letters"]
            + (scenario.topology == "nlq" ? ["blocks", "queries", "queries.rejected"] : [])
        {
            try await bench.home.expectTopic(topic, equals: quiet)
        }
    }

    /// Waits until a process has committed inside its share, so that its death is a loss.
    private static func awaitProgress(
        of process: MillraceProcess, _ group: String, in home: KafkaHome, _ takeovers: Takeovers
    ) async throws {
        let share = try await home.group(group).share(of: process)
        let before = try OtherClient.commits(of: group, in: "narrations", on: home.address)
        for _ in 0..<600 {
            let now = try OtherClient.commits(of: group, in: "narrations", on: home.address)
            if share.contains(where: { now[$0] != before[$0] && takeovers.isInsideVideo($0, now[$0]) }) { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw ProcessFailure(description: "\(group): no commit of partitions \(share) in 600 looks")
    }

    @Test("A stage that is busy for longer than the session timeout keeps its membership")
    func slowStage() async throws {
        let bench = try await KafkaBench()
        let topology = try bench.topology("naq", rotate: "{ samples: 1000000, seconds: 0 }")
        let quiet = try await bench.quiet(topology)
        // Every task sleeps between a shard's rename and its commit, all of them at once.
        let process = try bench.home.start(
            ["run", topology, "--until-idle", "--threads", "4", "--session-timeout", Self.sessionTimeout],
            environment: SlowRename.by(milliseconds: 30_000))
        let joined = try await bench.home.awaitGroup("naq.land", "it has everything") { $0.isShared(by: process) }
        while process.isRunning, bench.home.home.published(of: "naq").count < 4 {
            try await Task.sleep(for: .milliseconds(20))
        }
        #expect(try await bench.home.listed(in: "naq").isEmpty, "nothing is committed before the pause is over")
        var looks = 0
        while process.isRunning, try await bench.home.listed(in: "naq").isEmpty {
            let members = try await bench.home.group("naq.land").members
            guard try await bench.home.listed(in: "naq").isEmpty else { break }
            #expect(members == joined.members, "the same member, with the same partitions")
            looks += 1
            try await Task.sleep(for: .milliseconds(200))
        }
        #expect(looks > 5)
        let result = try await process.finished()
        #expect(result.code == 0, "\(result.story)")
        let epochs = Set(try await bench.home.listed(in: "naq").map(\.epoch))
        #expect(epochs == [1], "each partition had one task")
        try await bench.expectShards(of: "naq", equal: try await quiet.shards(of: "naq"))
    }

    @Test("A process joins while the tasks of another are busy for longer than the session timeout")
    func joinedWhileBusy() async throws {
        let bench = try await KafkaBench()
        let topology = try bench.topology("naq", rotate: "{ samples: 1000000, seconds: 0 }")
        let quiet = try await bench.quiet(topology)
        let run = ["run", topology, "--until-idle", "--threads", "4", "--session-timeout", Self.sessionTimeout]
        let busy = try bench.home.start(run, environment: SlowRename.by(milliseconds: 9000))
        while busy.isRunning, bench.home.home.published(of: "naq").isEmpty {
            try await Task.sleep(for: .milliseconds(20))
        }
        let other = try bench.home.start(run)
        for result in [try await busy.finished(seconds: 60), try await other.finished(seconds: 60)] {
            #expect(result.code == 0, "\(result.story)")
        }
        // The next owner sweeps the shards that the busy one had published and could not commit.
        try await bench.home.output("run", topology, "--until-idle")
        try await bench.expectShards(of: "naq", equal: try await quiet.shards(of: "naq"))
    }
}

/// The offsets at which partitions changed hands, and those of them inside a video, whose narrations so far are state.
private struct Takeovers {
    /// The offsets of each partition's narrations and ends: whoever begins at one needs what came before it.
    private let inside: [Set<Int>]
    private var seen: Set<[Int]> = []

    init(_ narrations: [[LoggedRecord]]) {
        self.inside = narrations.map { records in
            Set(records.filter { !$0.content.contains(#""kind":"video""#) }.map(\.offset))
        }
    }

    var all: Int { self.seen.count }
    var insideVideos: Int { self.seen.count { self.isInsideVideo($0[0], $0[1]) } }

    func isInsideVideo(_ partition: Int, _ offset: Int?) -> Bool {
        guard let offset, self.inside.indices ~= partition else { return false }
        return self.inside[partition].contains(offset)
    }

    /// Notes the offsets of the partitions of a process that is gone.
    mutating func note(_ share: Set<Int>, of group: String, in home: KafkaHome) throws {
        for (partition, offset) in try OtherClient.commits(of: group, in: "narrations", on: home.address)
        where share.contains(partition) {
            self.seen.insert([partition, offset])
        }
    }
}
