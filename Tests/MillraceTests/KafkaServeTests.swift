// SPDX-License-Identifier: Apache-2.0

import Foundation
import KafkaBroker
import RawHTTP
import Testing

/// `millrace serve` on a log in Kafka, from a machine that has nothing of it but the brokers' address.
@Suite("Kafka: status server", .serialized, .enabled(if: Broker.program != nil, "\(Broker.missing)"))
struct KafkaServeTests {
    @Test("A run is shown by its label, its lag by itself alone while it lives, and by serve once it has gone")
    func processes() async throws {
        let bench = try await KafkaBench()
        let topology = try bench.topology("naq", rotate: "{ samples: 5, seconds: 0 }")
        let there = bench.home.elsewhere(bench.folder.file("another-machine"))
        let serve = try await ServeCommandTests.Shown(
            ["serve", "--http", "127.0.0.1:0", "--log", "kafka://\(bench.home.address)"],
            environment: ["MILLRACE_HOME": there.home.url.path], in: bench.folder.url)
        _ = try await serve.get("/ready") { $0.status == 200 }
        #expect(try !serve.get("/metrics").text.contains("millrace_stage_lag_offsets{"), "nothing has run")

        let run = try bench.home.start(["run", topology, "--max-rate", "15"])
        let lines = { (response: RawResponse, metric: String, pid: pid_t) in
            response.text.split(separator: "\n").filter {
                $0.hasPrefix("\(metric){process=\"") && $0.contains(":\(pid)\"")
            }
        }
        let together = try await serve.get("/metrics") {
            lines($0, "millrace_stage_lag_seconds", run.pid).count == 4
        }
        #expect(lines(together, "millrace_stage_lag_offsets", run.pid).count == 4, "\(together.text)")
        #expect(lines(together, "millrace_stage_lag_offsets", serve.process.pid).isEmpty)
        #expect(lines(together, "millrace_process_info", run.pid).contains { $0.contains("role=\"run\"") })
        #expect(!lines(together, "process_start_time_seconds", serve.process.pid).isEmpty)
        #expect(try serve.get("/").text.lowercased().hasPrefix("<!doctype html>"))
        let label = ":\(run.pid)\""
        _ = try await serve.get("/api/overview") { $0.status == 200 && $0.text.contains(label) }

        // It says that it goes; one that is killed is forgotten after half a minute.
        run.send(SIGTERM)
        let result = try await run.finished(seconds: 60)
        #expect(result.end == .exit(143), "\(result.story)")
        let alone = try await serve.get("/metrics") {
            !$0.text.contains(label) && lines($0, "millrace_stage_lag_offsets", serve.process.pid).count == 4
        }
        #expect(
            lines(alone, "millrace_stage_lag_seconds", serve.process.pid).contains { $0.contains("stage=\"land\"") })
        _ = try await serve.get("/api/overview") { $0.status == 200 && !$0.text.contains(label) }
        #expect(!FileManager.default.fileExists(atPath: there.home.url.path), "looking creates nothing")
        serve.process.send(SIGTERM)
        #expect(try await serve.process.finished(seconds: 60).end == .exit(143))
    }
}
