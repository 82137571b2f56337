// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// The output and the end of a finished process.
struct ProcessResult: Sendable {
    /// The way the process ended.
    enum End: Hashable, Sendable {
        /// It exited by itself, with this code.
        case exit(Int32)
        /// A signal ended it.
        case signal(Int32)
    }

    var arguments: [String]
    var end: End
    var output: Data
    var errors: Data

    /// The exit code, or minus the number of the signal that ended the process.
    var code: Int32 {
        switch self.end {
        case .exit(let code): code
        case .signal(let number): -number
        }
    }

    /// Standard output as text.
    var outputText: String { String(decoding: self.output, as: UTF8.self) }

    /// Standard error as text.
    var errorText: String { String(decoding: self.errors, as: UTF8.self) }

    /// The lines of standard output, without the empty one after the last.
    var outputLines: [String] { self.outputText.split(separator: "\n").map(String.init) }

    /// The text that a failed test shows.
    var story: String {
        "millrace \(self.arguments.joined(separator: " ")): \(self.end)\n\(self.errorText.suffix(2000))"
    }
}

/// The reason a process could not be run as a test wanted.
struct ProcessFailure: Error, CustomStringConvertible {
    var description: String
}

/// The built executable, run as its user runs it.
///
/// Started with `posix_spawn` and waited for with `waitpid`, so that a test knows at which instant its signal was sent
/// and whether it still found the process alive. Used by one test at a time.
final class MillraceProcess {
    /// The process id.
    let pid: pid_t
    private let arguments: [String]
    private let capture: TestFolder
    private var end: ProcessResult.End?

    /// The executable: `MILLRACE_BINARY`, or else the one beside the test bundle, or else the package's debug build.
    static let binary: URL = {
        let files = FileManager.default
        if let named = ProcessInfo.processInfo.environment["MILLRACE_BINARY"] { return URL(fileURLWithPath: named) }
        let bundle = URL(fileURLWithPath: CommandLine.arguments.first ?? ".").deletingLastPathComponent()
        let candidates = [bundle, Bundle.main.bundleURL, Bundle.main.bundleURL.deletingLastPathComponent()]
            .map { $0.appendingPathComponent("millrace") }
        return candidates.first { files.isExecutableFile(atPath: $0.path) }
            ?? MillraceProcess.packageFolder.appendingPathComponent(".build/debug/millrace")
    }()

    /// The folder of the package: its topologies are the tests' examples.
    static let packageFolder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    /// Starts `millrace` with arguments.
    /// - Parameters:
    ///   - environment: added to the environment of the test, from which everything of Millrace's is taken away.
    ///   - folder: the process's working folder; the test's own by default.
    ///   - input: what standard input holds; nothing by default.
    ///   - launcher: a command that becomes the program, such as `prlimit` with a limit.
    init(
        _ arguments: [String], environment: [String: String] = [:], in folder: URL? = nil, input: Data? = nil,
        launcher: [String] = []
    ) throws {
        self.arguments = arguments
        self.capture = try TestFolder()
        var source = "/dev/null"
        if let input {
            let file = self.capture.file("input")
            try input.write(to: file)
            source = file.path
        }
        var inherited = ProcessInfo.processInfo.environment
        for name in inherited.keys where Self.isOurs(name) { inherited[name] = nil }
        // Kafka is noida-db here.
        inherited["MILLRACE_KAFKA_MILLRACE_BROKER_QUIRKS"] = "true"
        let variables = inherited.merging(environment) { _, new in new }.map { "\($0.key)=\($0.value)" }
        var command = launcher + [Self.binary.path] + arguments
        // The shell becomes the program: same process, another working folder.
        if let folder { command = ["/bin/sh", "-c", "cd \"$0\" && exec \"$@\"", folder.path] + command }
        self.pid = try Self.spawn(
            command, variables, input: source, output: self.capture.file("output").path,
            errors: self.capture.file("errors").path)
    }

    deinit {
        guard self.end == nil else { return }
        var status: Int32 = 0
        kill(self.pid, SIGKILL)
        waitpid(self.pid, &status, 0)
    }

    /// Runs `millrace` to its end.
    /// - Parameter seconds: a process that takes longer is killed, and the test fails.
    static func run(
        _ arguments: String..., environment: [String: String] = [:], in folder: URL? = nil, input: Data? = nil,
        seconds: Double = 120
    ) throws -> ProcessResult {
        try MillraceProcess(arguments, environment: environment, in: folder, input: input).wait(seconds: seconds)
    }

    /// Tells whether the process has not ended yet. Once it says no, the process id is nobody's.
    var isRunning: Bool {
        if self.end != nil { return false }
        var status: Int32 = 0
        guard waitpid(self.pid, &status, WNOHANG) == self.pid else { return true }
        self.end = Self.meaning(of: status)
        return false
    }

    /// Sends a signal.
    /// - Returns: whether the process was still there to get it.
    @discardableResult
    func send(_ signal: Int32) -> Bool {
        guard self.isRunning else { return false }
        return kill(self.pid, signal) == 0
    }

    /// Tells whether a signal has stopped all of it.
    var isStopped: Bool {
        let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(self.pid)/task")) ?? []
        return threads.allSatisfy { thread in
            let status = try? String(contentsOfFile: "/proc/\(self.pid)/task/\(thread)/stat", encoding: .utf8)
            // The state comes behind the name, which may hold anything.
            return status?.split(separator: ")").last?.split(separator: " ").first == "T"
        }
    }

    /// Tells whether it is in the middle of a commit to a database in WAL mode: SQLite locks byte 120 of the `-shm`
    /// file.
    func holdsWriteLock(of database: URL) throws -> Bool {
        let attributes = try FileManager.default.attributesOfItem(atPath: database.path + "-shm")
        let file = (attributes[.systemFileNumber] as? NSNumber).map { ":\($0)" } ?? "?"
        let locks = try String(contentsOfFile: "/proc/locks", encoding: .utf8)
        return locks.split(separator: "\n").contains { line in
            let fields = line.split(separator: " ").drop { $0 != "POSIX" }.map(String.init)
            return fields.count >= 7 && fields[2] == "WRITE" && fields[3] == "\(self.pid)" && fields[4].hasSuffix(file)
                && Int(fields[5]).map { $0 <= 120 } == true && Int(fields[6]).map { $0 >= 120 } == true
        }
    }

    /// Kills the process and waits until it is gone.
    /// - Returns: whether it was this that ended it; not where it had exited by itself a moment before.
    @discardableResult
    func killNow() -> Bool {
        guard self.send(SIGKILL) else { return false }
        while self.isRunning { usleep(200) }
        return self.end == .signal(SIGKILL)
    }

    /// Waits until the process ends.
    /// - Throws: `ProcessFailure` where it takes longer than the seconds given; it is killed then.
    func wait(seconds: Double = 120) throws -> ProcessResult {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while self.isRunning {
            if ContinuousClock.now > deadline {
                self.killNow()
                throw ProcessFailure(description: "still running after \(seconds) s: \(try self.result().story)")
            }
            usleep(1000)
        }
        return try self.result()
    }

    /// Like `wait`, leaving the thread to other tests meanwhile.
    func finished(seconds: Double = 120) async throws -> ProcessResult {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while self.isRunning, ContinuousClock.now < deadline { try await Task.sleep(for: .milliseconds(5)) }
        return try self.wait(seconds: 0)
    }

    /// The text written to standard output so far.
    var outputSoFar: String {
        (try? String(contentsOf: self.capture.file("output"), encoding: .utf8)) ?? ""
    }

    /// The text written to standard error so far.
    var errorsSoFar: String {
        (try? String(contentsOf: self.capture.file("errors"), encoding: .utf8)) ?? ""
    }

    private func result() throws -> ProcessResult {
        ProcessResult(
            arguments: self.arguments, end: self.end ?? .exit(-1),
            output: try Data(contentsOf: self.capture.file("output")),
            errors: try Data(contentsOf: self.capture.file("errors")))
    }

    // MARK: The system's calls

    private static func isOurs(_ name: String) -> Bool {
        name.hasPrefix("MILLRACE_") || name.hasPrefix("LLM_") || name == "WINDOW"
    }

    private static func meaning(of status: Int32) -> ProcessResult.End {
        // As WIFSIGNALED, WTERMSIG and WEXITSTATUS read it, which are macros.
        status & 0x7F == 0 ? .exit(status >> 8 & 0xFF) : .signal(status & 0x7F)
    }

    /// The descriptors this process has open. A child must have none of them: a listening socket of another test's
    /// server, kept open by a child, goes on taking connections after that server has stopped.
    private static var openDescriptors: [Int32] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        return names.compactMap { Int32($0) }
    }

    private static func spawn(
        _ arguments: [String], _ variables: [String], input: String, output: String, errors: String
    ) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, input, O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, errors, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        for descriptor in Self.openDescriptors where descriptor > STDERR_FILENO {
            posix_spawn_file_actions_addclose(&actions, descriptor)
        }

        // The runner of the tests may block or ignore signals; a user's shell does neither.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        var usual = sigset_t()
        sigemptyset(&none)
        sigemptyset(&usual)
        for number in [SIGINT, SIGTERM, SIGPIPE] { sigaddset(&usual, number) }
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &usual)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        let argv = arguments.map { strdup($0) } + [nil]
        let envp = variables.map { strdup($0) } + [nil]
        defer { for text in argv + envp { free(text) } }
        var pid: pid_t = 0
        let code = posix_spawn(&pid, arguments[0], &actions, &attributes, argv, envp)
        guard code == 0 else {
            throw ProcessFailure(description: "cannot start \(arguments[0]): \(String(cString: strerror(code)))")
        }
        return pid
    }
}

/// A folder of a test's own, removed with it.
final class TestFolder {
    let url: URL
    private let isKept: Bool

    /// The folders that are removed when the test program exits.
    private static let kept = Mutex<[String]>([])
    private static let removal: Void = {
        atexit { TestFolder.kept.withLock { for path in $0 { try? FileManager.default.removeItem(atPath: path) } } }
    }()

    /// Creates an empty folder.
    /// - Parameter untilExit: keeps it until the test program exits, for what static properties hold.
    init(untilExit: Bool = false) throws {
        self.url = FileManager.default.temporaryDirectory.appendingPathComponent("millrace-test-\(UUID().uuidString)")
        self.isKept = untilExit
        try FileManager.default.createDirectory(at: self.url, withIntermediateDirectories: true)
        if untilExit {
            let path = self.url.path
            Self.kept.withLock { $0.append(path) }
            _ = Self.removal
        }
    }

    deinit { if !self.isKept { try? FileManager.default.removeItem(at: self.url) } }

    /// The path of the folder.
    var path: String { self.url.path }

    /// A file or folder in it, which need not exist.
    func file(_ name: String) -> URL { self.url.appendingPathComponent(name) }

    /// Writes a text file, with the folders above it.
    /// - Returns: its path.
    @discardableResult
    func write(_ text: String, to name: String) throws -> String {
        let file = self.file(name)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
        return file.path
    }
}
