// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Commands

/// `status`: what it shows is so, and goes on being so while it is watched.
@Suite("Status")
struct StatusCommandTests {
    /// A home with a small world, and a topology whose shards are closed by nothing but the end.
    private func bench() throws -> (Workbench, TestHome, topology: String) {
        let bench = try Workbench(videos: 8)
        try bench.expect(0, Workbench.ingestWorld)
        let topology = try TestTopology.write("naq", rotate: "{ samples: 1000000, seconds: 0 }", into: bench.folder)
        return (bench, TestHome(URL(fileURLWithPath: bench.home)), topology)
    }

    private func set(_ bench: Workbench) throws -> JSONTree {
        let status = try JSONTree(bench.succeed("status", "--json", "--interval", "0").outputText)
        return try #require(status["shards"].array.first)
    }

    @Test("Open shards are those of living tasks; what a killed run has left is left over, until the next run")
    func honest() async throws {
        let (bench, home, topology) = try self.bench()
        let all = try bench.records("narrations").count
        let run = try home.start(["run", topology, "--max-rate", "100"])
        let open = { home.files(of: "naq").filter { $0.hasPrefix(".open-naq") }.count }
        try await RemovalCommandTests.wait("shards are open") { open() > 0 }
        try await RemovalCommandTests.wait("status sees them as open") {
            try !self.set(bench)["open"].array.isEmpty
        }
        #expect(try self.set(bench)["left_over"].array.isEmpty)
        var group = try await home.group("naq.land")
        #expect(group.members.count == 1, "\(group)")

        run.killNow()
        _ = try await run.finished()
        let left = open()
        let set = try self.set(bench)
        #expect(left > 0 && set["open"].array.isEmpty && set["left_over"].array.count == left)
        let text = try bench.succeed("status", "--interval", "0")
        text.prints("naq.land", "naq: \(left) unfinished file")
        #expect(text.outputLines.allSatisfy { $0.count <= 80 })
        group = try await home.group("naq.land")
        #expect(group.members.isEmpty && group.tasks.count == 4, "\(group)")
        try bench.succeed("groups", "list").prints("naq.land")

        try bench.run(topology)
        group = try await home.group("naq.land")
        #expect(group.lag == 0 && group.records == all)
        #expect(try self.set(bench)["left_over"].array.isEmpty)
    }

    @Test("A group without a commit is listed with all that waits for it, as long as its process lives and after")
    func beforeTheFirstCommit() async throws {
        let (bench, home, _) = try self.bench()
        // Nobody answers there, so `generate` finishes nothing.
        let model = ["LLM_PROVIDER": "openai", "LLM_MODEL": "m-1", "LLM_BASE_URL": "http://127.0.0.1:1/v1"]
        let run = try home.start(["run", Workbench.topology("nlq"), "--allow-unguarded"], environment: model)
        try await RemovalCommandTests.wait("the blocks are there") {
            let curate = try await home.group("nlq.curate")
            return curate.records > 0 && curate.lag == 0
        }
        let blocks = try bench.records("blocks").count
        for isAlive in [true, false] {
            if !isAlive {
                run.killNow()
                _ = try await run.finished()
            }
            let group = try await home.group("nlq.generate")
            #expect(group.members.count == (isAlive ? 1 : 0) && group.tasks.count == 4, "\(group)")
            #expect(group.tasks.allSatisfy { $0.committed == nil } && group.records == 0, "\(group)")
            #expect(blocks > 0 && group.lag >= blocks && group.lag == group.tasks.reduce(0) { $0 + $1.lag }, "\(group)")
            let text = try bench.succeed("status", "--interval", "0")
            #expect(text.outputText.contains(#/nlq\.generate +[01] +[\d,]+ +0 +never/#), "\(text.outputText)")
            #expect(text.outputLines.allSatisfy { $0.count <= 80 }, "\(text.outputText)")
        }
    }

    @Test("This run stands beside since ever, for as long as its process lives")
    func thisRun() async throws {
        let (bench, home, _) = try self.bench()
        let topology = try TestTopology.write("naq", rotate: "{ samples: 5, seconds: 0 }", into: bench.folder)
        try bench.run(topology)
        let before = try bench.records("narrations").count
        try bench.expect(0, Workbench.ingestWorld + ["--pass", "2"])
        let group = { () throws -> JSONTree in
            let status = try JSONTree(bench.succeed("status", "--json", "--interval", "0").outputText)
            return try #require(status["groups"].array.first { $0["group"].string == "naq.land" })
        }
        var land = try group()
        #expect(land["this_run"].keys.isEmpty && land["ever"]["in"].int == before, "\(land)")
        let run = try home.start(["run", topology, "--max-rate", "20"])
        try await RemovalCommandTests.wait("this run has committed something") {
            land = try group()
            return (land["this_run"]["in"].int ?? 0) > 0
        }
        // The figures are read before the log, and may be a second old.
        let now = try #require(land["this_run"]["in"].int)
        #expect(
            now < before && (land["ever"]["in"].int ?? 0) >= before + now
                && land["records"].int == land["ever"]["in"].int)
        let process = try #require(land["this_run"]["processes"].array.first)
        #expect(process["process"].string?.hasSuffix(":\(run.pid)") == true && process["in"].int == now)
        let text = try bench.succeed("status", "--interval", "0")
        #expect(
            text.outputText.contains(#/naq\.land +this run +[\d,]+ +[\d,]+ +\d+ +\d+\n +since ever +[\d,]+/#),
            "\(text.outputText)")
        #expect(text.outputLines.allSatisfy { $0.count <= 80 }, "\(text.outputText)")
        run.killNow()
        _ = try await run.finished()
        #expect(try group()["this_run"].keys.isEmpty)
        #expect(try !bench.succeed("status", "--interval", "0").outputText.contains("this run"))
    }

    @Test("Watched off a terminal, it prints a block each time, and ends with Ctrl-C")
    func watched() async throws {
        let (bench, home, topology) = try self.bench()
        try bench.run(topology)
        let text = try home.start(["status", "--watch", "0.2"])
        let json = try home.start(["status", "--watch", "0.2", "--json"])
        for process in [text, json] {
            try await RemovalCommandTests.wait("there are three blocks") {
                process.outputSoFar.components(separatedBy: "naq.land").count > 7
            }
            process.send(SIGINT)
        }
        let blocks = try await text.finished()
        #expect(blocks.code == 130 && !blocks.outputText.contains("\u{1b}"), "\(blocks.story)")
        #expect(blocks.outputLines.count { $0.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/) != nil } > 2)
        let lines = try await json.finished()
        #expect(lines.code == 130 && lines.outputLines.count > 2, "\(lines.story)")
        for line in lines.outputLines { #expect(try JSONTree(line)["groups"].array.count == 1) }
        try bench.fail(2, "status", "3").says("go with --watch")
        try bench.fail(2, "status", "--watch", "0").says("--watch wants")
    }

    @Test("Watched on a terminal, it stays within it and clears what it writes over")
    func terminal() async throws {
        let (bench, home, topology) = try self.bench()
        try bench.run(topology)
        // `script` gives it a terminal, `timeout` its Ctrl-C.
        let command = "stty cols 60 rows 7; exec timeout --foreground --preserve-status -s INT 4 $0 $*"
        let process = try MillraceProcess(
            ["status", "--watch", "0.3", "--home", home.url.path],
            launcher: ["/bin/sh", "-c", "exec script -qfec \"\(command)\" /dev/null"])
        let result = try await process.finished()
        #expect(result.code == 130, "\(result.story)")
        let looks = result.outputText.components(separatedBy: "\u{1b}[H").dropFirst()
        #expect(looks.count > 3)
        for look in looks {
            let screen = look.components(separatedBy: "\u{1b}[J")
            #expect(screen.count == 2, "each look clears the rest: \(look.debugDescription)")
            let lines = screen[0].replacingOccurrences(of: "\r", with: "").components(separatedBy: "\n")
            #expect(lines.count == 7 && lines.last == "", "six lines and the cursor's: \(lines)")
            for line in lines.dropLast() {
                #expect(line.hasSuffix("\u{1b}[K") && line.count - 3 <= 60, "\(line.debugDescription)")
                #expect(line.unicodeScalars.count { $0.value < 0x20 } == 1)
            }
        }
        #expect(result.outputText.contains("more lines"))
    }

    @Test("Lines fit a terminal of any size")
    func fit() {
        let lines = (1...9).map { String(repeating: "x", count: $0 * 10) }
        for columns in [1, 20, 80, 200] {
            for rows in [1, 2, 5, 10, 50] {
                let fitting = TerminalSize(columns: columns, rows: rows).fit(lines)
                #expect(fitting.count <= max(1, rows - 1) && fitting.allSatisfy { $0.count <= columns })
                if columns >= 90, rows >= 10 { #expect(fitting == lines) }
            }
        }
    }
}
