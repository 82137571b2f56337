// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import KafkaLog
import RecordLog
import RecordLogTesting
import Records
import Testing

/// A real broker, started for the tests of this process on a free loopback port: PyPI's `noida-db`.
///
/// `MILLRACE_NOIDA_DB` names the program where it is not on the `PATH`.
///
/// `@unchecked Sendable`: everything is constant, and the process is stopped once, at exit.
final class Broker: @unchecked Sendable {
    /// Why tests are skipped where the program is not installed.
    static let missing: Comment = "needs a broker: pip install noida-db==0.2.3, or its path in MILLRACE_NOIDA_DB"

    let address: String
    private let process: Process
    private let folder: URL

    /// The one broker; `nil` where the program is not installed.
    static let shared: Broker? = {
        guard let program = Broker.program else { return nil }
        let broker = try? Broker(program)
        // Its process goes with this one.
        if broker != nil { atexit { Broker.shared?.stop() } }
        return broker
    }()

    static let program: String? = {
        let environment = ProcessInfo.processInfo.environment
        if let named = environment["MILLRACE_NOIDA_DB"] { return named }
        let folders = environment["PATH", default: ""].split(separator: ":")
        return folders.map { "\($0)/noida-db" }.first { FileManager.default.isExecutableFile(atPath: $0) }
    }()

    private init(_ program: String) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "kafkalog-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let port = try Self.freePort()
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = ["start", "--only", "kafka", "--kafka-port", "\(port)", "--data-dir", folder.path]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        self.process = process
        self.folder = folder
        self.address = "127.0.0.1:\(port)"
        let deadline = ContinuousClock.now + .seconds(30)
        while ContinuousClock.now < deadline {
            if Self.answers(port) { return }
            Thread.sleep(forTimeInterval: 0.1)
        }
        self.stop()
        throw LogError(.unavailable, "the broker did not start")
    }

    /// The program is a script that starts the broker: both are ended, by their ids.
    private func stop() {
        let script = self.process.processIdentifier
        let path = "/proc/\(script)/task/\(script)/children"
        let children = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        let all = children.split(separator: " ").compactMap { pid_t($0) } + [script]
        for signal in [SIGTERM, SIGKILL] {
            for process in all { kill(process, signal) }
            for _ in 0..<30 where all.contains(where: { kill($0, 0) == 0 }) && signal == SIGTERM { usleep(100_000) }
        }
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
            throw LogError(.unavailable, "no loopback port is free")
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

/// The log on the broker, every harness with names of its own.
final class KafkaHarness: RecordLogHarness {
    let features: Set<ConformanceFeature> = [.offsetGaps, .durability, .silentDeath]
    let sessionTimeoutMilliseconds = 6_000
    let patienceMilliseconds = 40_000
    let pollMilliseconds = 50
    private let prefix = "t\(UUID().uuidString.prefix(8).lowercased())."
    private let broker: Broker

    init(_ broker: Broker) { self.broker = broker }

    func open() throws -> any RecordLog { try KafkaLog(brokers: self.broker.address) }

    func name(_ base: String) -> String { self.prefix + base }

    func now() -> Timestamp { Timestamp(Date().timeIntervalSince1970 * 1000) }

    func elapse(milliseconds: Int) { Thread.sleep(forTimeInterval: Double(milliseconds) / 1000) }
}
