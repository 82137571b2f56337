// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc

/// A real broker, started for the tests on a free loopback port: PyPI's `noida-db`, which `ops/setup --tests` installs.
///
/// `MILLRACE_NOIDA_DB` names the program where it is not in the package's build folder or on the `PATH`.
///
/// `@unchecked Sendable`: what changes is changed by one test at a time, and by the exit of the process.
public final class Broker: @unchecked Sendable {
    /// The reason that tests are skipped if the program is not installed.
    public static let missing = "needs a broker: run `ops/setup --tests`, or name noida-db 0.2.3 in MILLRACE_NOIDA_DB"

    /// `host:port`.
    public let address: String
    private let program: String
    private let port: UInt16
    private let folder: URL
    private var process: Process?

    /// The broker shared by tests that do it no harm; `nil` if the program is not installed.
    public static let shared: Broker? = {
        let broker = try? Broker()
        // Its process goes with this one.
        if broker != nil { atexit { Broker.shared?.remove() } }
        return broker
    }()

    /// The path of the program, if it is installed.
    public static let program: String? = {
        let environment = ProcessInfo.processInfo.environment
        if let named = environment["MILLRACE_NOIDA_DB"] { return named }
        let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let folders = environment["PATH", default: ""].split(separator: ":").map(String.init)
        return ([package.path + "/.build/test-tools/bin"] + folders).map { "\($0)/noida-db" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }()

    /// Starts a broker of its own.
    public init() throws {
        guard let program = Self.program else { throw BrokerError(description: Self.missing) }
        self.program = program
        self.folder = FileManager.default.temporaryDirectory.appending(path: "broker-\(UUID().uuidString)")
        self.port = try Self.freePort()
        self.address = "127.0.0.1:\(self.port)"
        try FileManager.default.createDirectory(at: self.folder, withIntermediateDirectories: true)
        try self.start()
    }

    /// Starts it on the data that it had when it was stopped.
    public func start() throws {
        let process = Process()
        process.executableURL = URL(filePath: self.program)
        process.arguments = [
            "start", "--only", "kafka", "--kafka-port", "\(self.port)", "--data-dir", self.folder.path,
        ]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        // The runner's threads block signals, and what they start would too: SIGTERM would never arrive.
        var none = sigset_t()
        var before = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        try process.run()
        self.process = process
        let deadline = ContinuousClock.now + .seconds(30)
        while ContinuousClock.now < deadline {
            if Self.answers(self.port) { return }
            Thread.sleep(forTimeInterval: 0.05)
        }
        self.stop()
        throw BrokerError(description: "the broker did not start")
    }

    /// Ends it by SIGTERM, which keeps its data. The program is a script that starts the broker: both are ended.
    public func stop() {
        guard let process else { return }
        self.process = nil
        let script = process.processIdentifier
        let path = "/proc/\(script)/task/\(script)/children"
        let children = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        let all = children.split(separator: " ").compactMap { pid_t($0) } + [script]
        for signal in [SIGTERM, SIGKILL] {
            for process in all { kill(process, signal) }
            for _ in 0..<60 where all.contains(where: { kill($0, 0) == 0 }) && signal == SIGTERM { usleep(50_000) }
        }
    }

    /// Ends it and removes its data.
    public func remove() {
        self.stop()
        try? FileManager.default.removeItem(at: self.folder)
    }
    private static func answers(_ port: UInt16) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { Glibc.close(descriptor) }
        return self.withLoopback(port) { connect(descriptor, $0, $1) } == 0
    }

    private static func freePort() throws -> UInt16 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { Glibc.close(descriptor) }
        guard self.withLoopback(0, { bind(descriptor, $0, $1) }) == 0 else {
            throw BrokerError(description: "no loopback port is free")
        }
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
        }
        return UInt16(bigEndian: address.sin_port)
    }

    private static func withLoopback(
        _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}

/// The reason there is no broker.
struct BrokerError: Error, CustomStringConvertible {
    let description: String
}
