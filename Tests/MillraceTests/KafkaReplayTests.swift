// SPDX-License-Identifier: Apache-2.0

import Foundation
import KafkaBroker
import Testing

/// Replays from topics in Kafka, against the run that they replay.
@Suite("Kafka: replay", .serialized, .enabled(if: Broker.program != nil, "\(Broker.missing)"))
struct KafkaReplayTests {
    /// A run whose shards were closed by the clock, several a partition.
    private struct Original {
        let bench: KafkaBench
        let topology: String
        let shards: [TestHome.ShardPlace: Data]

        init(_ name: String) async throws {
            self.bench = try await KafkaBench()
            self.topology = try self.bench.topology(name, rotate: "{ seconds: 0.3 }")
            let rate = String(self.bench.sample.narrations / 6)
            try await self.bench.home.output("run", self.topology, "--until-idle", "--max-rate", rate)
            self.shards = try await self.bench.home.shards(of: name)
            let byClock = try await self.bench.home.listed(in: name).filter { $0.reason == "seconds" }
            guard byClock.count > 8 else {
                throw ProcessFailure(description: "only \(byClock.count) of \(self.shards.count) shards by the clock")
            }
        }
    }

    @Test("From the earliest record, and from each stage on, shards that the clock closed come out byte for byte")
    func reproduces() async throws {
        let original = try await Original("nlq")
        let home = original.bench.home
        let result = try await home.run("replay", original.topology, "--from", "earliest", "--into", "again")
        #expect(result.code == 0, "\(result.story)")
        #expect(!result.errorText.contains("no longer follow"), "\(result.errorText)")
        try await original.bench.expectShards(of: "again", equal: original.shards)
        for topic in ["blocks", "queries", "queries.rejected"] {
            let replayed = try await home.records(of: "again.\(topic)").map { $0.map(\.content) }
            let expected = try await home.records(of: topic).map { $0.map(\.content) }
            // A reject names the topic that it came from.
            let same = zip(replayed, expected).allSatisfy { Self.normal($0) == Self.normal($1) }
            #expect(same, "\(topic)")
        }
        for stage in ["generate", "land"] {
            let arguments = ["replay", original.topology, "--from", "earliest", "--stage", stage, "--into", stage]
            let part = try await home.output(arguments + ["--json"])
            #expect(!part.outputText.contains("\"stage\":\"curate\""))
            try await original.bench.expectShards(of: stage, equal: original.shards)
        }
        #expect(try await home.shards(of: "nlq") == original.shards, "the original is as it was")
    }

    private static func normal(_ records: [String]) -> [String] {
        records.map {
            LoggedRecord.withoutSourceOffset($0).replacing("again.", with: "")
                .replacing(#""topology":"again""#, with: #""topology":"nlq""#)
        }
    }

    @Test("From offsets inside videos: what comes before the next video is skipped and counted")
    func fromOffsets() async throws {
        let bench = try await KafkaBench()
        let topology = try bench.topology("naq")
        try await bench.home.output("run", topology, "--until-idle")
        let narrations = try await bench.home.records(of: "narrations")
        // The middle of each partition, or the next narration after it.
        var starts: [Int] = []
        for records in narrations {
            let middle = records[(records.count / 2)...].first { $0.content.contains(#""kind":"narration""#) }
            starts.append(try #require(middle).offset)
        }
        let position = "offset:" + starts.enumerated().map { "\($0.offset)=\($0.element)" }.joined(separator: ",")
        let result = try await bench.home.output("replay", topology, "--from", position, "--into", "later", "--json")
        let skipped = zip(narrations, starts).map { records, start in
            records.filter { $0.offset >= start }.prefix { !$0.content.contains(#""kind":"video""#) }
                .count { $0.content.contains(#""kind":"narration""#) }
        }
        let counts = try JSONTree(result.output)["stages"].array.first?["counts"]
        #expect(counts?["filter.no-video-record"].int == skipped.reduce(0, +), "\(skipped): \(result.outputText)")
        let begun = try Self.passes(narrations) { $0.offset >= starts[$0.partition] }
        try await Self.expectSamples(of: "later", equal: "naq", where: begun, in: bench)
    }

    @Test("From a time: only what was appended since then, in a set that is named for it by itself")
    func fromTime() async throws {
        let bench = try await KafkaBench()
        let topology = try bench.topology("naq")
        let before = try await bench.home.records(of: "narrations").joined().map(\.time).max() ?? 0
        // Positions are whole seconds.
        let seconds = before / 1000 + 1
        while Date().timeIntervalSince1970 < Double(seconds) + 0.1 { try await Task.sleep(for: .milliseconds(20)) }
        let late = (0..<80).map {
            #"{"video_uid": "late-\#($0 / 10)", "timestamp_sec": \#($0 % 10 * 7 + 5), "text": "#
                + #""\#("#C C picks up cup") \#($0)", "duration_sec": 200}"#
        }
        let file = try bench.folder.write(late.joined(separator: "\n") + "\n", to: "late.jsonl")
        try await bench.home.output("ingest", "jsonl", "--file", file)
        try await bench.home.output("run", topology, "--until-idle", "--allow-unguarded")
        let time = Date(timeIntervalSince1970: Double(seconds)).formatted(.iso8601)
        try await bench.home.output("replay", topology, "--from", "time:\(time)", "--allow-unguarded")
        let samples = try await bench.home.samples(of: "naq.r1")
        #expect(Set(samples.keys) == Set((0..<8).map { "late-\($0)" }))
        let all = try await bench.home.samples(of: "naq")
        #expect(samples == all.filter { $0.key.hasPrefix("late-") })
    }

    @Test("While the original goes on: its members, shares and commits are undisturbed")
    func besidesTheOriginal() async throws {
        let bench = try await KafkaBench()
        let topology = try bench.topology("naq")
        let quiet = try await bench.quiet(topology)
        let expected = try await quiet.shards(of: "naq")
        let original = try bench.home.start(["run", topology, "--max-rate", "20"])
        let before = try await bench.home.awaitGroup("naq.land", "it has everything") { $0.isShared(by: original) }
        let replay = try bench.home.start(["replay", topology, "--from", "earliest", "--into", "again"])
        var looks = 0
        while replay.isRunning {
            let now = try await bench.home.group("naq.land")
            #expect(now.members == before.members)
            looks += 1
        }
        #expect(looks > 0)
        let replayed = try await replay.finished()
        #expect(replayed.code == 0, "\(replayed.story)")
        #expect(original.isRunning)
        let after = try await bench.home.group("naq.land")
        #expect(after.members == before.members)
        #expect(after.lag > 0, "it was at work all the time")
        // Samples are the same; the last shard of a run that is not idle is closed later.
        let samples = try SampleLines.byVideo(try await quiet.output("shards", "cat", "naq"))
        #expect(try await bench.home.samples(of: "again") == samples)
        original.send(SIGINT)
        let stopped = try await original.finished(seconds: 40)
        #expect(stopped.code == 130, "\(stopped.story)")
        try await bench.home.output("run", topology, "--until-idle")
        try await bench.expectShards(of: "naq", equal: expected)
    }

    @Test("A dry run says what would be read, and creates nothing")
    func dryRun() async throws {
        let bench = try await KafkaBench()
        let topology = try bench.topology("naq")
        let before = try await bench.home.topics()
        let groups = try await bench.home.output("status", "--json", "--interval", "0").outputText
        let result = try await bench.home.output("replay", topology, "--from", "earliest", "--dry-run")
        #expect(result.outputLines.filter { $0.contains("narrations") }.count == 4, "\(result.outputText)")
        let narrations = try await bench.home.records(of: "narrations")
        for records in narrations {
            let end = try #require(records.last).offset
            #expect(
                result.outputLines.contains {
                    $0.contains("narrations") && $0.contains("\(end + 1)") || $0.contains("\(end + 2)")
                })
        }
        #expect(try await bench.home.topics() == before)
        #expect(try await bench.home.output("status", "--json", "--interval", "0").outputText == groups)
        #expect(!FileManager.default.fileExists(atPath: bench.home.home.url.appendingPathComponent("shards").path))
    }

    @Test("Interrupted by Ctrl-C and by SIGKILL, it goes on under its name and ends with the same bytes")
    func interrupted() async throws {
        let original = try await Original("naq")
        let home = original.bench.home
        let replay = [
            "replay", original.topology, "--from", "earliest", "--into", "again", "--session-timeout", "6000",
        ]
        for signal in [SIGINT, SIGKILL] {
            let known = home.home.published(of: "again").count
            let process = try home.start(replay + ["--max-rate", "1500"])
            while process.isRunning, home.home.published(of: "again").count < known + 4 {
                try await Task.sleep(for: .milliseconds(5))
            }
            #expect(process.send(signal), "it was still at work")
            let result = try await process.finished(seconds: 40)
            #expect(result.end == (signal == SIGINT ? .exit(130) : .signal(SIGKILL)), "\(result.story)")
            let listed = try await home.listed(in: "again").count
            #expect(0..<original.shards.count ~= listed)
            if signal == SIGKILL { try await home.expire(process, in: ["again.land"]) }
        }
        try await home.output(replay)
        try await original.bench.expectShards(of: "again", equal: original.shards)
    }

    // MARK: Comparing

    /// The videos and passes whose first record is one of those.
    private static func passes(
        _ narrations: [[LoggedRecord]], where isWanted: (LoggedRecord) -> Bool
    ) throws -> Set<String> {
        var passes: Set<String> = []
        for record in narrations.joined() where record.content.contains(#""kind":"video""#) && isWanted(record) {
            let value = try record.json["value"]
            passes.insert("\(value["video_uid"].string ?? "") \(value["pass"].int ?? 0)")
        }
        return passes
    }

    /// Expects a set to hold those of another's samples that are of some videos and passes.
    private static func expectSamples(
        of set: String, equal other: String, where passes: Set<String>, in bench: KafkaBench
    ) async throws {
        let found = try await bench.home.samples(of: set)
        let expected = try await bench.home.samples(of: other).compactMapValues { lines in
            let kept = try lines.filter { line in
                let lineage = try JSONTree(line)["lineage"]
                return passes.contains("\(lineage["video_uid"].string ?? "") \(lineage["pass"].int ?? 0)")
            }
            return kept.isEmpty ? nil : kept
        }
        #expect(found == expected)
        #expect(!found.isEmpty)
    }
}
