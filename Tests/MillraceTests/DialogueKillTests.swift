// SPDX-License-Identifier: Apache-2.0

import Foundation
import HostileServers
import KafkaBroker
import Synchronization
import Testing

/// Dialogues by a scripted model in a process that is killed again and again: in the middle of conversations of many
/// rounds, whose journal is the cache of answers.
@Suite("Dialogues, killed")
struct DialogueKillTests {
    /// Kills of a run; `MILLRACE_DIALOGUE_KILLS=20` for the long way by hand.
    private static let kills =
        ProcessInfo.processInfo.environment["MILLRACE_DIALOGUE_KILLS"].flatMap { Int($0) } ?? 6
    /// Calls that the step has in flight where a server says nothing of its slots.
    private static let inFlight = 16

    @Test("Shards equal those of an undisturbed run, no call is repeated but those in flight, and a replay makes none")
    func killed() async throws {
        let folder = try TestFolder()
        let bench = try DialogueBench(videos: 8, in: folder)
        let home = TestHome(folder.file("home"))
        let ingested = try await home.start(bench.ingest).finished()
        #expect(ingested.code == 0, Comment(rawValue: ingested.story))
        let quiet = TestHome(folder.file("quiet"))
        try FileManager.default.copyItem(at: home.url, to: quiet.url)

        let calm = try await ScriptedModel(DialogueModel.reply(to:))
        let expected = try await quiet.start(bench.run, environment: calm.environment(DialogueBench.few))
            .finished(seconds: 240)
        #expect(expected.code == 0, Comment(rawValue: expected.story))
        let calls = calm.questions.count
        #expect(calls > 150)
        let samples = try await quiet.output("shards", "cat", "dialogues").outputLines.count
        #expect(samples > 10)

        // Slow enough that the run outlives the kills.
        let model = try await ScriptedModel { .after(0.4, DialogueModel.reply(to: $0)) }
        let environment = model.environment(DialogueBench.few)
        let seed = SeededNumbers.seed()
        var numbers = SeededNumbers(seed: seed)
        var lifetime = Lifetime(500...1600)
        var (kills, inConversation, busy, open) = (0, 0, 0, 0)
        var seen: Set<String> = []
        while kills < Self.kills {
            let process = try home.start(bench.run, environment: environment)
            // Every other life is given time until it asks, however busy the machine is; the others end anywhere.
            if kills.isMultiple(of: 2) {
                while process.isRunning, model.seen.busy == 0 { try await Task.sleep(for: .milliseconds(5)) }
                try await Task.sleep(for: .milliseconds(Int.random(in: 0...300, using: &numbers)))
                while process.isRunning, model.seen.busy == 0 { try await Task.sleep(for: .milliseconds(1)) }
            } else {
                try await Task.sleep(for: .milliseconds(lifetime.next(using: &numbers)))
            }
            let atServer = model.seen.busy
            guard process.killNow() else { break }
            kills += 1
            busy += atServer
            if atServer > 0 { inConversation += 1 }
            let begun = try ModelKillTests.openCalls(in: home, seen: &seen)
            #expect(begun <= Self.inFlight, "seed \(seed)")
            open += begun
            lifetime.came(to: model.questions.count)
        }
        let end = try await home.start(bench.run, environment: environment).finished(seconds: 240)
        #expect(end.code == 0, "seed \(seed): \(end.story)")
        let extra = model.questions.count - Set(model.questions.map(\.body)).count
        print(
            "dialogues, killed: seed \(seed), \(kills) kills, \(inConversation) with calls at the server; \(calls) calls "
                + "undisturbed, \(model.questions.count) here, \(extra) repeated; in flight at the kills: \(busy) at the "
                + "server, \(open) begun and not stored; \(samples) dialogues")
        #expect(inConversation >= min(Self.kills, 3), "seed \(seed)")
        #expect(extra <= open && open <= kills * Self.inFlight, "seed \(seed)")
        #expect(Set(model.questions.map(\.body)) == Set(calm.questions.map(\.body)), "seed \(seed)")
        for set in DialogueBench.sets {
            let same = try await home.shards(of: set) == quiet.shards(of: set)
            #expect(same, "seed \(seed): shards \(set)")
            let verified = try await home.run("shards", "verify", set)
            #expect(verified.code == 0, "seed \(seed): \(verified.story)")
        }
        for topic in DialogueBench.topics {
            let same = try await home.records(of: topic) == quiet.records(of: topic)
            #expect(same, "seed \(seed): \(topic)")
        }

        let before = model.questions.count
        let again = try await home.start(
            ["replay", bench.topology, "--from", "earliest", "--into", "again"], environment: environment
        ).finished(seconds: 120)
        #expect(again.code == 0, Comment(rawValue: again.story))
        #expect(model.questions.count == before, "a replay asks nothing")
        for set in DialogueBench.sets {
            let same = try await home.shards(of: "again.\(set)") == quiet.shards(of: set)
            #expect(same, "replayed \(set)")
        }
        await model.stop()
        await calm.stop()
    }

    @Test(
        "On Kafka the same shards, after kills too", .enabled(if: Broker.program != nil, "\(Broker.missing)"),
        .timeLimit(.minutes(5)))
    func onKafka() async throws {
        let folder = try TestFolder()
        let bench = try DialogueBench(videos: 6, in: folder)
        let broker = try Broker()
        defer { broker.remove() }
        let home = KafkaHome(folder.file("home"), on: broker)
        let quiet = TestHome(folder.file("quiet"))
        try await home.output(bench.ingest)
        _ = try await quiet.start(bench.ingest).finished()

        let calm = try await ScriptedModel(DialogueModel.reply(to:))
        let expected = try await quiet.start(bench.run, environment: calm.environment(DialogueBench.few))
            .finished(seconds: 240)
        #expect(expected.code == 0, Comment(rawValue: expected.story))

        let model = try await ScriptedModel { .after(0.25, DialogueModel.reply(to: $0)) }
        let environment = model.environment(DialogueBench.few)
        var kills = 0
        for wanted in [10, 60] {
            let process = try home.start(bench.run, environment: environment)
            while process.isRunning, model.questions.count < wanted { try await Task.sleep(for: .milliseconds(5)) }
            guard process.killNow() else { break }
            kills += 1
            try await home.expire(process, in: DialogueBench.groups)
        }
        #expect(kills == 2)
        let end = try await home.start(bench.run, environment: environment).finished(seconds: 240)
        #expect(end.code == 0, Comment(rawValue: end.story))
        let extra = model.questions.count - Set(model.questions.map(\.body)).count
        print("dialogues on Kafka: \(kills) kills, \(model.questions.count) calls, \(extra) of them repeated")
        #expect(extra <= kills * Self.inFlight)
        for set in DialogueBench.sets {
            let same = try await home.shards(of: set) == quiet.shards(of: set)
            #expect(same, "shards \(set)")
        }
        for topic in DialogueBench.topics { try await home.expectTopic(topic, equals: quiet) }
        await model.stop()
        await calm.stop()
    }
}
