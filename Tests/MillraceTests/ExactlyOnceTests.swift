// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// The real process, killed again and again, against a run without faults.
@Suite("Exactly once")
struct ExactlyOnceTests {
    /// Throttled so that an undisturbed run takes this many seconds.
    private static let undisturbedSeconds = 62

    // MARK: Killed

    @Test("naq, killed: shards equal those of an undisturbed run byte for byte")
    func killedNaQ() async throws {
        try await self.killed("naq", topics: ["naq.dead-letters"])
    }

    @Test("nlq in three stages, killed: shards, queries and rejects equal those of an undisturbed run")
    func killedNLQ() async throws {
        try await self.killed("nlq", topics: ["blocks", "queries", "queries.rejected", "nlq.dead-letters"])
    }

    private func killed(_ name: String, topics: [String]) async throws {
        let folder = try TestFolder()
        let sample = try SampleHome.large.get()
        #expect(sample.narrations >= 50_000)
        // At this rate a partition fills such a shard in about a second: lives of that length get on, and lose some.
        let topology = try TestTopology.write(name, rotate: "{ samples: 100, seconds: 0 }", into: folder)
        let rate = sample.narrations / Self.undisturbedSeconds

        let quiet = try sample.copy(into: folder, as: "quiet")
        let expected = try await quiet.output("run", topology, "--until-idle", "--json")
        let expectedShards = try await quiet.shards(of: name)
        #expect(expectedShards.count > 200)

        let home = try sample.copy(into: folder)
        let seed = SeededNumbers.seed()
        let loop = KillLoop(
            home: home, arguments: ["run", topology, "--until-idle", "--json", "--max-rate", String(rate)], set: name,
            shardCount: expectedShards.count)
        let record = try await loop.run(seed: seed)
        let end = try #require(record.end)
        print(
            "exactly once, \(name): seed \(seed), \(record.kills) kills, \(record.killsBetweenCommits) between the first and "
                + "the last commit, \(record.killsBeforeCommit) between a rename and its commit")
        #expect(record.killsBetweenCommits >= 30, "seed \(seed)")
        #expect(record.killsBeforeCommit >= 5, "seed \(seed)")
        #expect(end.code == 0, "seed \(seed): \(end.story)")
        try await self.expectEqual(home, quiet, set: name, topics: topics, seed: seed)
        // Counts are committed with the offsets: a kill counts nothing twice. Bytes too are the same.
        #expect(
            end.outputText.withoutThisRun == expected.outputText.withoutThisRun, "seed \(seed)")
    }

    @Test("ingest, killed: the topic equals that of an undisturbed ingest")
    func killedIngest() async throws {
        let folder = try TestFolder()
        let sample = try SampleHome.large.get()
        let home = TestHome(folder.file("home"))
        let rate = sample.narrations / Self.undisturbedSeconds
        let arguments = sample.ingestArguments + ["--json", "--max-rate", String(rate)]
        let seed = SeededNumbers.seed()
        var numbers = SeededNumbers(seed: seed)
        let expected = try await sample.ingested.records(of: "narrations")
        let expectedCount = expected.reduce(0) { $0 + $1.count }
        var kills = 0
        var killsBetweenCommits = 0
        var lifetime = Lifetime(300...1800)
        var end: ProcessResult?
        while end == nil, killsBetweenCommits < 36 {
            let process = try home.start(arguments)
            try await Task.sleep(for: .milliseconds(lifetime.next(using: &numbers)))
            guard process.killNow() else {
                end = try await process.finished()
                break
            }
            kills += 1
            let there = try await self.count(of: "narrations", in: home)
            lifetime.came(to: there)
            if 1..<expectedCount ~= there { killsBetweenCommits += 1 }
        }
        let last = if let end { end } else { try await home.start(arguments).finished(seconds: 240) }
        print("exactly once, ingest: seed \(seed), \(kills) kills, \(killsBetweenCommits) between the commits")
        #expect(killsBetweenCommits >= 30, "seed \(seed)")
        #expect(last.code == 0, "seed \(seed): \(last.story)")
        #expect(try await home.records(of: "narrations") == expected, "seed \(seed)")
        let letters = try await home.records(of: "narrations.dead-letters")
        #expect(letters.joined().count > 50)
        #expect(try await sample.ingested.records(of: "narrations.dead-letters") == letters, "seed \(seed)")
        let again = try await home.start(sample.ingestArguments + ["--json"]).finished()
        #expect(again.outputText.contains("\"videos\":0,"), "nothing is left to be written: \(again.outputText)")
    }

    /// Records in a topic; none where the topic or the log is not there yet.
    private func count(of topic: String, in home: TestHome) async throws -> Int {
        let result = try await home.run("topics", "list", "--json")
        guard result.code == 0 else { return 0 }
        for line in result.outputLines {
            let entry = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            if entry?["topic"] as? String == topic { return entry?["records"] as? Int ?? 0 }
        }
        return 0
    }

    // MARK: Shared

    @Test("two processes share the work, and one of them is killed now and then")
    func twoProcesses() async throws {
        let folder = try TestFolder()
        let sample = try SampleHome.small.get()
        let topology = try TestTopology.write("nlq", rotate: "{ samples: 100, seconds: 0 }", into: folder)
        let quiet = try sample.copy(into: folder, as: "quiet")
        _ = try await quiet.output("run", topology, "--until-idle")

        let home = try sample.copy(into: folder)
        let arguments = ["run", topology, "--until-idle", "--max-rate", "600", "--session-timeout", "1000"]
        let seed = SeededNumbers.seed()
        var numbers = SeededNumbers(seed: seed)
        let steady = try home.start(arguments)
        var kills = 0
        while kills < 6, steady.isRunning {
            let other = try home.start(arguments)
            while steady.isRunning, other.isRunning, try await home.group("nlq.land").share(of: other).isEmpty {
                try await Task.sleep(for: .milliseconds(20))
            }
            // At any moment of its work.
            try await Task.sleep(for: .milliseconds(Int.random(in: 0...900, using: &numbers)))
            if other.killNow() { kills += 1 }
        }
        let last = try home.start(arguments)
        for result in [try await steady.finished(), try await last.finished()] {
            #expect(result.code == 0, "seed \(seed): \(result.story)")
        }
        print("two processes: seed \(seed), \(kills) kills")
        #expect(kills >= 4)
        try await self.expectEqual(home, quiet, set: "nlq", topics: ["queries", "queries.rejected"], seed: seed)
    }

    @Test("a process that sleeps through its session comes back as a zombie, and does no harm")
    func zombie() async throws {
        let folder = try TestFolder()
        let sample = try SampleHome.small.get()
        let topology = try TestTopology.write("naq", rotate: "{ samples: 100, seconds: 0 }", into: folder)
        let quiet = try sample.copy(into: folder, as: "quiet")
        _ = try await quiet.output("run", topology, "--until-idle")

        let home = try sample.copy(into: folder)
        // Slow enough that there is work left for the last turn on a busy machine too.
        let arguments = ["run", topology, "--until-idle", "--max-rate", "100", "--session-timeout", "1000"]
        // Each is stopped in turn, so that each has partitions and open shards when it is; the pause before the
        // commit makes it likely that a zombie wakes there.
        let processes = try (0..<2).map { _ in
            try home.start(arguments, environment: SlowRename.by(milliseconds: 40))
        }
        var stops = 0
        var sharesTakenOver = 0
        for turn in 0..<6 {
            let (process, other) = (processes[turn % 2], processes[1 - turn % 2])
            guard let share = try await self.share(of: process, beside: other, in: home),
                try await self.stopBesideTheLog(process, in: home)
            else { break }
            stops += 1
            if try await self.isTakenOver(share, by: other, in: home) { sharesTakenOver += 1 }
            process.send(SIGCONT)
        }
        for process in processes {
            let result = try await process.finished()
            #expect(result.code == 0, Comment(rawValue: result.story))
        }
        print("zombies: \(stops) stops, \(sharesTakenOver) while the other process went on")
        #expect(stops >= 3)
        #expect(sharesTakenOver >= 2)
        try await self.expectEqual(home, quiet, set: "naq", topics: ["naq.dead-letters"], seed: 0)
    }

    /// Stops a process at a moment when it does not hold the log's write lock, which all others would wait for.
    /// - Returns: `false` where it has ended.
    private func stopBesideTheLog(_ process: MillraceProcess, in home: TestHome) async throws -> Bool {
        while process.send(SIGSTOP) {
            while process.isRunning, !process.isStopped { try await Task.sleep(for: .milliseconds(1)) }
            if try !process.holdsWriteLock(of: home.url.appendingPathComponent("log.db")) { return true }
            process.send(SIGCONT)
        }
        return false
    }

    /// Waits until two processes share the partitions and one of them has begun a shard.
    /// - Returns: its partitions; `nil` where one of the two has ended.
    private func share(
        of process: MillraceProcess, beside other: MillraceProcess, in home: TestHome
    ) async throws -> Set<Int>? {
        while process.isRunning, other.isRunning {
            let group = try await home.group("naq.land")
            let share = group.share(of: process)
            let begun = home.files(of: "naq").filter { $0.hasPrefix(".") }.compactMap(ShardFileName.init)
            if group.isShared(by: process, other), begun.contains(where: { share.contains($0.place.partition) }) {
                return share
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        return nil
    }

    /// Waits until another process has committed a shard of one of a stopped one's partitions, or has ended without.
    private func isTakenOver(_ share: Set<Int>, by other: MillraceProcess, in home: TestHome) async throws -> Bool {
        let before = Self.epochs(home.files(of: "naq"))
        while other.isRunning {
            let listed = Self.epochs(try await home.listed(in: "naq"))
            if share.contains(where: { listed[$0, default: 0] > before[$0, default: 0] }) { return true }
            try await Task.sleep(for: .milliseconds(20))
        }
        return false
    }

    /// The newest epoch of each partition that has files, open ones included.
    private static func epochs(_ files: some Sequence<String>) -> [Int: Int] {
        Dictionary(files.compactMap(ShardFileName.init).map { ($0.place.partition, $0.epoch) }, uniquingKeysWith: max)
    }

    // MARK: Interrupted

    @Test("Ctrl-C commits what is finished, and the next run ends with the same bytes", arguments: ["naq", "nlq"])
    func interrupted(name: String) async throws {
        let folder = try TestFolder()
        let sample = try SampleHome.small.get()
        let topology = try TestTopology.write(name, rotate: "{ samples: 100, seconds: 0 }", into: folder)
        let quiet = try sample.copy(into: folder, as: "quiet")
        _ = try await quiet.output("run", topology, "--until-idle")
        let total = try await quiet.listed(in: name).count

        let home = try sample.copy(into: folder)
        let process = try home.start(["run", topology, "--until-idle", "--max-rate", "2000"])
        while process.isRunning, home.published(of: name).count < 8 { try await Task.sleep(for: .milliseconds(5)) }
        process.send(SIGINT)
        let interrupted = try await process.finished(seconds: 20)
        #expect(interrupted.end == .exit(130), Comment(rawValue: interrupted.story))
        #expect(interrupted.errorText.contains("stopping"))
        let listed = try await home.listed(in: name)
        #expect(8..<total ~= listed.count)
        #expect(home.files(of: name) == Set(listed), "an open shard is discarded, a published one is committed")
        #expect(try home.listedBeside(name) == listed.sorted())
        #expect(try await home.run("shards", "verify", name).code == 0)

        _ = try await home.output("run", topology, "--until-idle")
        try await self.expectEqual(home, quiet, set: name, topics: [], seed: 0)
    }

    @Test("a second Ctrl-C or SIGTERM ends at once, and loses nothing", arguments: [SIGINT, SIGTERM])
    func interruptedTwice(signal: Int32) async throws {
        let folder = try TestFolder()
        let sample = try SampleHome.small.get()
        let topology = try TestTopology.write("naq", rotate: "{ samples: 100, seconds: 0 }", into: folder)
        let quiet = try sample.copy(into: folder, as: "quiet")
        _ = try await quiet.output("run", topology, "--until-idle")

        let home = try sample.copy(into: folder)
        // The commit under way would take a minute: the first Ctrl-C waits for it, the second does not.
        let process = try home.start(
            ["run", topology, "--until-idle"], environment: SlowRename.by(milliseconds: 60_000))
        while process.isRunning, home.published(of: "naq").isEmpty { try await Task.sleep(for: .milliseconds(5)) }
        process.send(signal)
        while process.isRunning, !process.errorsSoFar.contains("stopping") {
            try await Task.sleep(for: .milliseconds(5))
        }
        try await Task.sleep(for: .milliseconds(300))
        #expect(process.isRunning, "the first Ctrl-C waits for the commit")
        process.send(signal)
        let result = try await process.finished(seconds: 20)
        #expect(result.end == .exit(128 + signal), Comment(rawValue: result.story))

        _ = try await home.output("run", topology, "--until-idle")
        try await self.expectEqual(home, quiet, set: "naq", topics: [], seed: 0)
    }

    // MARK: Comparing

    /// Expects two homes to hold the same shards, byte for byte, and the same records.
    private func expectEqual(_ home: TestHome, _ quiet: TestHome, set: String, topics: [String], seed: UInt64)
        async throws
    {
        let shards = try await home.shards(of: set)
        let expected = try await quiet.shards(of: set)
        #expect(shards.keys.sorted() == expected.keys.sorted(), "seed \(seed)")
        for (place, bytes) in expected where shards[place] != bytes {
            Issue.record("seed \(seed): shard \(place) of \(set) differs")
        }
        let listed = Set(try await home.listed(in: set))
        #expect(home.files(of: set) == listed, "seed \(seed): files that no run owns are swept")
        #expect(try home.listedBeside(set) == listed.sorted(), "seed \(seed): the lists beside the shards")
        let verified = try await home.run("shards", "verify", set)
        #expect(verified.code == 0, "seed \(seed): \(verified.story)")
        for topic in topics {
            let same = try await home.records(of: topic) == quiet.records(of: topic)
            #expect(same, "seed \(seed): topic \(topic) differs")
        }
    }
}
