// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc

/// Programs of the system that the tests of TLS need.
enum SecurityTools {
    static let missing = "needs openssl and python3"

    /// Tells whether they are installed.
    static let areThere = ["openssl", "python3"].allSatisfy { program in
        ProcessInfo.processInfo.environment["PATH", default: ""].split(separator: ":")
            .contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(program)") }
    }

    /// Runs one to its end.
    static func run(_ arguments: [String], in folder: URL) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = arguments
        process.currentDirectoryURL = folder
        let errors = Pipe()
        process.standardOutput = FileHandle.nullDevice
        process.standardError = errors
        try process.run()
        let complaint = try errors.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw ProcessFailure(description: String(decoding: complaint, as: UTF8.self))
        }
    }
}

/// Certificates made for one test.
struct Certificates {
    /// A server's certificate with its key, and what its clients should know of it.
    struct Server {
        var certificate: String
        var key: String
    }

    /// The authority that clients trust.
    let authority: String
    /// Another, which signed nothing.
    let otherAuthority: String
    /// For `localhost`, which the clients connect to.
    let right: Server
    /// By the same authority for another host.
    let ofAnotherHost: Server

    init(in folder: TestFolder) throws {
        func make(_ name: String, host: String, by authority: String?) throws -> Server {
            let server = Server(certificate: "\(folder.path)/\(name).pem", key: "\(folder.path)/\(name).key")
            let signed = authority.map { ["-CA", "\($0).pem", "-CAkey", "\($0).key"] } ?? []
            try SecurityTools.run(
                [
                    "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", "/CN=\(host)", "-addext", "subjectAltName=DNS:\(host)", "-keyout",
                    server.key, "-out", server.certificate,
                ] + signed, in: folder.url)
            return server
        }
        self.authority = try make("authority", host: "authority", by: nil).certificate
        self.otherAuthority = try make("other", host: "other", by: nil).certificate
        self.right = try make("right", host: "localhost", by: "authority")
        self.ofAnotherHost = try make("another", host: "broker.example", by: "authority")
    }
}

/// `ops/tls-proxy` in front of a broker.
final class TLSProxy {
    /// `localhost:port`.
    let address: String
    private let process = Process()
    private let output: URL

    init(of broker: String, as server: Certificates.Server, in folder: TestFolder) throws {
        self.output = folder.file("proxy-\(UUID().uuidString)")
        try Data().write(to: self.output)
        self.process.executableURL = MillraceProcess.packageFolder.appendingPathComponent("ops/tls-proxy")
        self.process.arguments = [
            "--broker", broker, "--certificate", server.certificate, "--key", server.key,
        ]
        self.process.standardOutput = try FileHandle(forWritingTo: self.output)
        self.process.standardError = FileHandle.nullDevice
        try self.process.run()
        let output = self.output
        func lines() -> [String] { Self.lines(of: output) }
        let deadline = ContinuousClock.now + .seconds(20)
        while lines().isEmpty, ContinuousClock.now < deadline { usleep(20_000) }
        guard let port = lines().first?.split(separator: " ").last.flatMap({ UInt16($0) }) else {
            Glibc.kill(self.process.processIdentifier, SIGKILL)
            throw ProcessFailure(description: "ops/tls-proxy did not start")
        }
        self.address = "localhost:\(port)"
    }

    /// SIGTERM would not do: the runner of the tests blocks it, and what it starts inherits that.
    deinit {
        Glibc.kill(self.process.processIdentifier, SIGKILL)
        self.process.waitUntilExit()
    }

    /// The number of connections on which TLS was agreed.
    var handshakes: Int { Self.lines(of: self.output).count { $0.hasPrefix("handshake TLS") } }

    /// The reasons it was not agreed on others.
    var refusals: [String] { Self.lines(of: self.output).filter { $0.hasPrefix("refused") } }

    private static func lines(of file: URL) -> [String] {
        let text = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").map(String.init)
    }
}
