// SPDX-License-Identifier: Apache-2.0

import Foundation
import RawHTTP
import Testing

/// The status server of the program: `millrace serve`, and `--http` of the commands that run for long.
@Suite("Status server")
struct ServeCommandTests {
    /// A process that shows itself, and the port where it does.
    struct Shown {
        let process: MillraceProcess
        let port: Int

        init(_ arguments: [String], environment: [String: String], in folder: URL) async throws {
            let process = try MillraceProcess(arguments, environment: environment, in: folder)
            self.process = process
            var patience = Patience(seconds: 120)
            while true {
                if let match = process.errorsSoFar.firstMatch(of: /http:\/\/127\.0\.0\.1:(\d+)\//) {
                    self.port = try #require(Int(match.1))
                    return
                }
                guard process.isRunning, patience.lasts() else {
                    throw ProcessFailure(description: "no server: \(process.errorsSoFar)")
                }
                try await Task.sleep(for: .milliseconds(10))
            }
        }

        func get(_ path: String, _ headers: String...) throws -> RawResponse {
            let client = try RawClient(port: self.port)
            let lines = ["GET \(path) HTTP/1.1", "Host: 127.0.0.1:\(self.port)"] + headers
            client.send(lines.joined(separator: "\r\n") + "\r\n\r\n")
            return try client.response()
        }

        /// Asks again until the answer is as it should become.
        func get(_ path: String, until isSo: (RawResponse) -> Bool) async throws -> RawResponse {
            var patience = Patience(seconds: 90)
            while true {
                let response = try self.get(path)
                if isSo(response) { return response }
                guard patience.lasts() else {
                    throw ProcessFailure(description: "\(path) stays \(response.status): \(response.text.suffix(3000))")
                }
                try await Task.sleep(for: .milliseconds(50))
            }
        }
    }

    private func show(
        _ bench: Workbench, _ arguments: String..., environment: [String: String] = [:]
    ) async throws -> Shown {
        let variables = ["MILLRACE_HOME": bench.home].merging(environment) { _, new in new }
        return try await Shown(arguments, environment: variables, in: bench.folder.url)
    }

    @Test("The table of metrics is the one in the documents")
    func listMetrics() throws {
        let table = try Workbench().succeed("serve", "--list-metrics").outputText
        let document = MillraceProcess.packageFolder.appendingPathComponent("ops/metrics.md")
        #expect(try String(contentsOf: document, encoding: .utf8).hasPrefix(table.prefix { $0 != "|" }))
    }

    @Test("A home that nothing runs on is shown, with the lag of what nobody owns, and the end is orderly")
    func quietHome() async throws {
        let bench = try Workbench(videos: 4)
        try bench.expect(0, Workbench.ingestWorld)
        try bench.run(Workbench.topology("naq"))
        // More comes, and nobody takes it.
        try bench.expect(0, Workbench.ingestWorld + ["--pass", "2"])
        let shown = try await self.show(bench, "serve", "--http", "127.0.0.1:0")
        let ready = try await shown.get("/ready") { $0.status == 200 }
        #expect(ready.text == "ready\n")
        #expect(try shown.get("/live").status == 200)
        let metrics = try await shown.get("/metrics") { $0.text.contains("millrace_stage_lag_offsets") }
        #expect(metrics["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
        #expect(metrics.text.contains(#/millrace_stage_lag_offsets\{process="[^"]+",.*topology="naq"/#))
        #expect(metrics.text.contains(#/millrace_stage_lag_seconds\{.*stage="[a-z]+".*\} [0-9.]+/#))
        // The server counts itself.
        #expect(try shown.get("/nowhere").status == 404)
        _ = try await shown.get("/metrics") {
            $0.text.contains(#/millrace_http_requests_total\{process="[^"]+",route="none",status="4xx"\} 1\n/#)
                && $0.text.contains(#/millrace_http_refused_total\{process="[^"]+",reason="unknown"\} 1\n/#)
        }
        shown.process.send(SIGTERM)
        let result = try await shown.process.finished(seconds: 60)
        #expect(result.end == .exit(143), "\(result.story)")
    }

    @Test("A run's figures are its own by --http and all processes' by serve, until it is gone")
    func vanishing() async throws {
        let bench = try Workbench(videos: 8)
        try bench.expect(0, Workbench.ingestWorld)
        let run = try await self.show(
            bench, "run", Workbench.topology("naq"), "--max-rate", "5", "--http", "127.0.0.1:0")
        _ = try await run.get("/ready") { $0.status == 200 }
        _ = try await run.get("/metrics") { $0.text.contains("millrace_stage_records_in_total{") }
        let serve = try await self.show(bench, "serve", "--http", "127.0.0.1:0")
        let label = ":\(run.process.pid)\""
        let lines = { (response: RawResponse, metric: String, pid: pid_t) in
            response.text.split(separator: "\n").filter {
                $0.hasPrefix("\(metric){process=\"") && $0.contains(":\(pid)\"")
            }
        }
        let together = try await serve.get("/metrics") {
            !lines($0, "millrace_stage_records_in_total", run.process.pid).isEmpty
        }
        // A partition's owner tells its lag, and nobody else does.
        #expect(lines(together, "millrace_stage_lag_offsets", serve.process.pid).isEmpty)
        #expect(!lines(together, "process_start_time_seconds", serve.process.pid).isEmpty)
        run.process.killNow()
        _ = try await serve.get("/metrics") { !$0.text.contains(label) }
        _ = try await serve.get("/metrics") {
            !lines($0, "millrace_stage_lag_offsets", serve.process.pid).isEmpty
        }
    }

    @Test("Wrong options and places are refused with the remedy")
    func refusals() async throws {
        let bench = try Workbench(videos: 3)
        try bench.fail(2, "serve").says("there is no log in the home", "--home")
        try bench.expect(0, Workbench.ingestWorld)
        try bench.fail(2, "serve", "--http", "8090").says("--http wants HOST:PORT")
        try bench.fail(2, "serve", "--http", "0.0.0.0:0").says("--http-token-file", "MILLRACE_HTTP_TOKEN", "127.0.0.1")
        try bench.fail(2, "run", Workbench.topology("naq"), "--http-host", "box").says("add --http")
        let short = try bench.folder.write("secret\n", to: "token")
        let refused = try bench.fail(2, "serve", "--http-token-file", short)
        refused.says("16 to 512", "openssl rand -hex 32")
        #expect(!refused.errorText.contains("secret"))
        try bench.fail(2, "serve", "--http-token-file", "nowhere").says("nowhere")
        try bench.fail(2, "serve", "--http", "127.0.0.1:0", "--http-host", "http://box").says("is no name of a host")
        let first = try await self.show(bench, "serve", "--http", "127.0.0.1:0")
        try bench.fail(1, "serve", "--http", "127.0.0.1:\(first.port)").says("in use", "port 0")
        // A run whose server cannot listen does not begin: it would go on unseen.
        try bench.fail(1, "run", Workbench.topology("naq"), "--http", "127.0.0.1:\(first.port)").says("in use")
    }

    @Test("With a token nothing but probes is open, and the token is in no output")
    func tokens() async throws {
        let bench = try Workbench(videos: 3)
        try bench.expect(0, Workbench.ingestWorld)
        let token = "sesame-sesame-sesame"
        let shown = try await self.show(
            bench, "serve", "--http", "127.0.0.1:0", "--log-level", "debug",
            environment: ["MILLRACE_HTTP_TOKEN": token])
        #expect(try shown.get("/metrics").status == 401)
        #expect(try shown.get("/live").text == "yes\n")
        #expect(try shown.get("/metrics", "Authorization: Bearer \(token)").status == 200)
        #expect(!shown.process.errorsSoFar.contains("sesame"))
    }
}
