// SPDX-License-Identifier: Apache-2.0

import Foundation
import HostileServers
import KafkaBroker
import Synchronization
import Testing

/// Retries of dead letters where the log is a broker.
@Suite(
    "Kafka: retries", .serialized, .enabled(if: Broker.program != nil, "\(Broker.missing)"), .timeLimit(.minutes(5)))
struct KafkaRetryTests {
    @Test("Retries and runs that are killed lose nothing and give nothing twice")
    func retried() async throws {
        let folder = try TestFolder()
        let broker = try Broker()
        defer { broker.remove() }
        let home = KafkaHome(folder.file("home"), on: broker)
        let isMended = Mutex(false)
        let model = try await ScriptedModel { call in
            let fails = !isMended.withLock { $0 } && call.body.contains("cup 1 on shelf")
            return fails ? .fail(400, "the request exceeds the context size") : .after(0.01, QueryModel.reply(to: call))
        }
        let topology = try ModelTopology().write(to: "topologies", in: folder)
        var lines = ""
        for video in 0..<2 {
            for index in 0..<30 {
                lines += """
                    {"video_uid": "video-\(video)", "timestamp_sec": \(5 + index * 6), "text": "#C C puts cup \(video) on shelf \
                    \(index)", "duration_sec": 200}

                    """
            }
        }
        let file = try folder.write(lines, to: "narrations.jsonl")
        try await home.output("ingest", "jsonl", "--file", file, "--clip-seconds", "0")
        let run = ["run", topology, "--until-idle", "--allow-unguarded", "--session-timeout", "6000"]
        func runToEnd() async throws {
            let result = try await home.start(run, environment: model.environment()).finished(seconds: 120)
            #expect(result.code == 0, Comment(rawValue: result.story))
        }
        try await runToEnd()
        try await home.output("dead-letters", "list", "nlq").prints("context-length")
        isMended.withLock { $0 = true }
        for life in 0..<2 {
            let arguments = life == 0 ? ["dead-letters", "retry", "nlq"] : run
            let process = try home.start(arguments, environment: model.environment())
            try await Task.sleep(for: .milliseconds(life == 0 ? 400 : 2_500))
            if !process.killNow() { _ = try await process.finished(seconds: 60) }
        }
        try await home.output("dead-letters", "retry", "nlq")
        try await runToEnd()
        let samples = try await home.output("shards", "cat", "nlq").outputLines
        #expect(samples.count == 60)
        #expect(Set(samples).count == 60)
        try await home.output("dead-letters", "retry", "nlq").prints("nothing to do", "6 letters taken again before")
        await model.stop()
    }
}
