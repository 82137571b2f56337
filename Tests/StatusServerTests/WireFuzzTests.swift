// SPDX-License-Identifier: Apache-2.0

import Fuzzing
import RawHTTP
import Testing

@testable import StatusServer

/// Broken requests.
@Suite("Broken requests") struct WireFuzzTests {
    private static let targets = [
        "/", "/live", "/api/samples/3/17?q=a+b%2Bc&reason=too%20long&n=20", "/api/caf%C3%A9?%71=%3Cscript%3E",
        "/assets/page.css",
    ]

    @Test("A target is parts without a way out, or refused")
    func targets() throws {
        for input in Fuzz("request-target", seeds: Self.targets, tokens: .http + .text) {
            let target: RequestTarget
            do throws(Refusal) {
                target = try RequestTarget(parsing: String(decoding: input.bytes, as: UTF8.self))
            } catch {
                try #require(!input.isSeed, "\(input)")
                try #require(400...499 ~= error.status, "\(input)")
                continue
            }
            for part in target.path {
                try #require(!part.isEmpty && part != "." && part != "..", "\(input)")
                try #require(!part.contains("/") && !part.contains("\\") && !part.contains("\u{0}"), "\(input)")
            }
            try #require(target.path.count <= 16 && target.query.count <= 16, "\(input)")
            for (name, value) in target.query {
                try #require(name.utf8.count <= 1024 && value.utf8.count <= 1024, "\(input)")
            }
        }
    }

    @Test("A Host is ours, or refused; none that another site could have passes")
    func hosts() throws {
        let rules = AccessRules(isLoopback: true, port: 8090, names: [], token: nil, session: nil)
        for input in Fuzz(
            "request-host", seeds: ["127.0.0.1:8090", "localhost:8090", "[::1]:8090"], tokens: .http + .numbers)
        {
            let host = String(decoding: input.bytes, as: UTF8.self)
            let head = RequestHead(method: "GET", target: "/", hosts: [host], fields: [:])
            guard (try? rules.check(head)) != nil else {
                try #require(!input.isSeed, "\(input)")
                continue
            }
            let name = try #require(HostName(parsing: host))
            try #require(name.port == 8090, "\(input)")
            try #require(["localhost", "::1"].contains(name.host) || name.host.hasPrefix("127."), "\(input)")
            try #require(!name.host.contains { $0.isLetter } || name.host == "localhost", "\(input)")
        }
    }

    @Test("Whatever comes over the wire, the answer is one of HTTP or the end, and the next client is served")
    func wire() throws {
        let server = try TestServer(limits: {
            $0.requestTime = .milliseconds(250)
            $0.idleTime = .milliseconds(250)
        })
        let host = "Host: 127.0.0.1:\(server.port)\r\n"
        let seeds = [
            "GET / HTTP/1.1\r\n\(host)Connection: close\r\n\r\n",
            "GET /api/echo/a%20b?q=1&n=2 HTTP/1.1\r\n\(host)Accept: text/html\r\nConnection: close\r\n\r\n",
            "HEAD /live HTTP/1.1\r\n\(host)Cookie: a=b; millrace-1=c\r\nConnection: close\r\n\r\n",
            "GET /ready HTTP/1.1\r\n\(host)\r\nGET /metrics HTTP/1.1\r\n\(host)Connection: close\r\n\r\n",
        ]
        var answered = 0
        for input in Fuzz("http-wire", seeds: seeds, tokens: .http, seconds: 3) {
            let client = try server.client()
            client.send(input.bytes)
            client.endSending()
            let answer = try client.readAll()
            let text = String(decoding: answer, as: UTF8.self)
            try #require(answer.isEmpty || text.hasPrefix("HTTP/1.1 "), "\(input) \(text.prefix(200))")
            if input.isSeed { try #require(text.hasPrefix("HTTP/1.1 200 "), "\(input) \(text.prefix(200))") }
            if text.hasPrefix("HTTP/1.1 200 ") { answered += 1 }
            if input.number % 50 == 0 { try #require(try server.get("/live").status == 200, "\(input)") }
        }
        #expect(answered >= seeds.count)
        #expect(server.reports.all.isEmpty)
        #expect(try server.get("/").status == 200)
    }
}
