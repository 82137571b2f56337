// SPDX-License-Identifier: Apache-2.0

import Foundation
import HostileServers
import Synchronization
import Testing

/// Exactly-once effects of at-least-once calls: the real process, killed again and again while it asks a model.
@Suite("Model runs, killed")
struct ModelKillTests {
    /// Throttled so that an undisturbed run takes this many seconds.
    private static let undisturbedSeconds = 62
    private static let inFlight = 8

    @Test("Samples equal those of an undisturbed run, and the extra calls are at most those in flight at the kills")
    func killed() async throws {
        let folder = try TestFolder()
        let topology = try ModelTopology(
            llm: "in-flight: \(Self.inFlight)", rotate: "{ samples: 10, seconds: 0 }"
        ).write(to: "topologies", in: folder)
        let (videos, blocks) = (120, 5)
        let home = TestHome(folder.file("home"))
        try await ModelWorld.ingest(into: home, in: folder, videos: videos, blocks: blocks)
        let quiet = TestHome(folder.file("quiet"))
        try FileManager.default.copyItem(at: home.url, to: quiet.url)

        let script: @Sendable (Call) -> Reply = { .after(0.05, QueryModel.reply(to: $0)) }
        let calm = try await ScriptedModel(script)
        let arguments = ["run", topology, "--until-idle", "--json", "--allow-unguarded"]
        let expected = try await quiet.start(arguments, environment: calm.environment()).finished(seconds: 240)
        #expect(expected.code == 0, Comment(rawValue: expected.story))
        #expect(calm.questions.count == videos * blocks)
        let shardCount = try await quiet.listed(in: "nlq").count

        let model = try await ScriptedModel(script)
        let seed = SeededNumbers.seed()
        let rate = (videos * (blocks * 5 + 2)) / Self.undisturbedSeconds
        let atServer = Mutex(0)
        let inJournals = Mutex((open: 0, seen: Set<String>()))
        var loop = KillLoop(
            home: home, arguments: arguments + ["--max-rate", String(rate)], set: "nlq", shardCount: shardCount)
        loop.environment = model.environment()
        loop.killsWanted = 34
        loop.killsBeforeCommitWanted = 3
        loop.beforeKill = { atServer.withLock { $0 += model.seen.busy } }
        loop.afterKill = {
            try inJournals.withLock { journals in
                let open = try Self.openCalls(in: home, seen: &journals.seen)
                #expect(open <= Self.inFlight, "seed \(seed)")
                journals.open += open
            }
        }
        let record = try await loop.run(seed: seed)
        let end = try #require(record.end)
        let extra = model.questions.count - Set(model.questions.map(\.body)).count
        let (busy, open) = (atServer.withLock { $0 }, inJournals.withLock { $0.open })
        print(
            "model run: seed \(seed), \(record.kills) kills, \(record.killsBetweenCommits) between the first and the last "
                + "commit; \(model.questions.count) calls, \(extra) extra; in flight at the kills: \(busy) at the server, "
                + "\(open) begun and not stored; counted as duplicates in commits: "
                + "\(try ModelRunTests.Bench.count("llm.duplicate-calls", in: end))")
        #expect(record.killsBetweenCommits >= 30, "seed \(seed)")
        #expect(end.code == 0, "seed \(seed): \(end.story)")
        #expect(Set(model.questions.map(\.body)) == Set(calm.questions.map(\.body)), "seed \(seed)")
        #expect(extra <= open, "seed \(seed)")
        let same = try await home.shards(of: "nlq") == quiet.shards(of: "nlq")
        #expect(same, "seed \(seed): shards")
        for topic in ["blocks", "queries"] {
            let same = try await home.records(of: topic) == quiet.records(of: topic)
            #expect(same, "seed \(seed): \(topic)")
        }
        await model.stop()
        await calm.stop()
    }

    /// The calls that a killed process had begun and not stored, by the slots of its journal that end a line; those
    /// that an earlier life left to it, and that it had not begun again, end otherwise.
    /// - Parameter seen: journals of lives that were counted before: one that is killed too early leaves its
    ///   predecessor's in place.
    static func openCalls(in home: TestHome, seen: inout Set<String>) throws -> Int {
        let folder = home.url.appendingPathComponent("cache")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        var count = 0
        for name in names where name.hasPrefix("calls-") && seen.insert(name).inserted {
            let bytes = [UInt8](try Data(contentsOf: folder.appendingPathComponent(name)))
            count += stride(from: 64, to: bytes.count, by: 65).count { bytes[$0] == UInt8(ascii: "\n") }
        }
        return count
    }
}
