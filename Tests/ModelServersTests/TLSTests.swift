// SPDX-License-Identifier: Apache-2.0

import Foundation
import HostileServers
import ModelRequests
import NIOSSL
import Testing

@testable import ModelServers

@Suite("TLS", .timeLimit(.minutes(1)), .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/openssl")))
struct TLSTests {
    /// A certificate of its own authority, for 127.0.0.1, in a directory that is removed afterwards.
    private func withCertificate(_ body: (_ certificate: String, _ key: String) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tls-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let (certificate, key) = (
            folder.appendingPathComponent("c.pem").path, folder.appendingPathComponent("k.pem").path
        )
        let openssl = Process()
        openssl.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
        openssl.arguments = [
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate,
        ]
        openssl.standardError = FileHandle.nullDevice
        try openssl.run()
        openssl.waitUntilExit()
        #expect(openssl.terminationStatus == 0)
        try await body(certificate, key)
        try FileManager.default.removeItem(at: folder)
    }

    @Test("A server with a private authority is trusted where its file is given, and refused where not")
    func privateAuthority() async throws {
        try await self.withCertificate { certificate, key in
            let context = try NIOSSLContext(
                configuration: .makeServerConfiguration(
                    certificateChain: try NIOSSLCertificate.fromPEMFile(certificate).map { .certificate($0) },
                    privateKey: .privateKey(try NIOSSLPrivateKey(file: key, format: .pem))))
            let hostile = try await HostileServer(tls: context) { .chat($0.prompt) }
            var configuration = try ClientConfiguration(url: "https://127.0.0.1:\(hostile.port)", environment: [:])
            let stranger = try ChatClient(configuration)
            do throws(ChatFailure) {
                _ = try await stranger.complete(try asked("a"))
                Issue.record("trusted")
            } catch {
                #expect(error.label == "refused")
            }
            configuration.authorityFile = certificate
            let friend = try ChatClient(configuration)
            #expect(try await friend.complete(try asked("a")).text == "a")
            await stranger.shutdown()
            await friend.shutdown()
            await hostile.stop()
        }
    }

    @Test("An authority file that is not there is said so")
    func missingFile() throws {
        var configuration = try ClientConfiguration(url: "https://127.0.0.1:1", environment: [:])
        configuration.authorityFile = "/nowhere/ca.pem"
        #expect(throws: EndpointError.self) { try ChatClient(configuration) }
    }

    private func asked(_ prompt: String) throws(ChatFailure) -> ChatRequest {
        do { return try request(prompt) } catch { throw .request(reason: .badRequest, message: "\(error)") }
    }
}
