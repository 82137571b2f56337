// SPDX-License-Identifier: Apache-2.0

import Foundation
import HostileServers
import Telemetry
import Testing

/// The beginning and the end of a process as its supervisor sees them.
@Suite("Lifecycle of processes")
struct LifecycleRunTests {
    @Test("The end after SIGTERM takes no longer than --drain-seconds, though calls to a model hang")
    func drain() async throws {
        let folder = try TestFolder()
        let home = TestHome(folder.file("home"))
        try await ModelWorld.ingest(into: home, in: folder)
        let model = try await ScriptedModel { _ in .hang }
        let path = try ModelTopology().write(to: "hung", in: folder)
        // A session so long that its half would be the longer wait.
        let process = try home.start(
            ["run", path, "--allow-unguarded", "--drain-seconds", "3", "--session-timeout", "600000"],
            environment: model.environment())
        while process.isRunning, model.questions.count < 4 { try await Task.sleep(for: .milliseconds(20)) }
        let start = ContinuousClock.now
        process.send(SIGTERM)
        let result = try process.wait(seconds: 60)
        let took = ContinuousClock.now - start
        #expect(result.end == .exit(143), Comment(rawValue: result.story))
        // The bound, and what a slow machine needs to end a process.
        #expect(took < .seconds(9), "it took \(took)")
        await model.stop()
    }

    @Test("A log that stands still does not hold the end up either")
    func stuck() async throws {
        let bench = try Workbench(videos: 3)
        try bench.expect(0, Workbench.ingestWorld)
        let process = try MillraceProcess(
            ["run", Workbench.topology("naq"), "--max-rate", "20", "--drain-seconds", "2"],
            environment: ["MILLRACE_HOME": bench.home], in: bench.folder.url)
        let exchange = FolderExchange(folder: bench.home + "/processes")
        while process.isRunning, try exchange.read().figures.first?.stages.contains(where: { $0.tasksOpen > 0 }) != true
        {
            try await Task.sleep(for: .milliseconds(20))
        }
        // Somebody holds the database's write lock: a backup that hangs, say.
        let holder = Process()
        holder.executableURL = URL(filePath: "/usr/bin/python3")
        holder.arguments = [
            "-c",
            "import sqlite3,sys,time; c=sqlite3.connect(sys.argv[1],isolation_level=None,timeout=30); "
                + "c.execute('begin immediate'); print('held',flush=True); time.sleep(60)",
            bench.home + "/log.db",
        ]
        let pipe = Pipe()
        holder.standardOutput = pipe
        try holder.run()
        defer { holder.terminate() }
        _ = pipe.fileHandleForReading.availableData
        let start = ContinuousClock.now
        process.send(SIGTERM)
        let result = try process.wait(seconds: 60)
        #expect(result.end == .exit(143), Comment(rawValue: result.story))
        #expect(ContinuousClock.now - start < .seconds(8))
    }

    @Test("A service manager hears that it is ready, that it moves and that it stops", arguments: [false, true])
    func notices(isAbstract: Bool) async throws {
        let bench = try Workbench(videos: 3)
        try bench.expect(0, Workbench.ingestWorld)
        let name = "/tmp/millrace-\(UUID().uuidString)"
        let socket = try NoticeSocket(name, isAbstract: isAbstract)
        let process = try MillraceProcess(
            ["run", Workbench.topology("naq"), "--max-rate", "5"],
            environment: [
                "MILLRACE_HOME": bench.home, "NOTIFY_SOCKET": (isAbstract ? "@" : "") + name,
                "WATCHDOG_USEC": "300000",
            ], in: bench.folder.url)
        var heard: [String] = []
        while process.isRunning, heard.count(where: { $0 == "WATCHDOG=1" }) < 3 {
            heard += socket.messages()
            try await Task.sleep(for: .milliseconds(20))
        }
        #expect(heard.first == "READY=1")
        // A socket keeps ten messages; what comes while it is full is lost.
        heard += socket.messages()
        process.send(SIGTERM)
        while process.isRunning {
            heard += socket.messages()
            usleep(2000)
        }
        #expect(try process.wait(seconds: 0).end == .exit(143))
        heard += socket.messages()
        #expect(heard.contains("STOPPING=1"))
        #expect(heard.count { $0 == "READY=1" } == 1)
    }
}

/// A service manager's socket.
private final class NoticeSocket {
    private let descriptor: Int32
    private let path: String?

    init(_ name: String, isAbstract: Bool) throws {
        self.path = isAbstract ? nil : name
        self.descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = isAbstract ? [0] + Array(name.utf8) : Array(name.utf8)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let length = socklen_t(2 + bytes.count + (isAbstract ? 0 : 1))
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(self.descriptor, $0, length) }
        }
        try #require(bound == 0)
    }

    deinit {
        close(self.descriptor)
        if let path { unlink(path) }
    }

    /// The lines that have come.
    func messages() -> [String] {
        var lines: [String] = []
        var buffer = [UInt8](repeating: 0, count: 1_000)
        while true {
            let count = recv(self.descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            guard count > 0 else { return lines }
            lines += String(decoding: buffer.prefix(count), as: UTF8.self).split(separator: "\n").map(String.init)
        }
    }
}
