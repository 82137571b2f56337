// SPDX-License-Identifier: Apache-2.0

import RawHTTP
import Synchronization
import Testing

@testable import StatusServer

@Suite("Answers") struct ServerTests {
    @Test("Probes, figures and the page come from one port")
    func answers() throws {
        let server = try TestServer()
        let live = try server.get("/live")
        #expect((live.status, live.text) == (200, "alive: true\n"))
        #expect(try server.get("/ready").text == "ready: true\n")
        let figures = try server.get("/metrics")
        #expect(figures["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
        #expect(figures.text == "up 1\n")
        #expect(try server.get("/").text == "<!doctype html>page")
        #expect(try server.get("/api/echo").text == "api|echo ")
        #expect(try server.get("/api/echo/7/a%20b?q=x%26y&n=2").text == "api|echo|7|a b n=2&q=x&y")
        #expect(try server.get("/api/long").body.count == 3 << 20)
        #expect(try server.get("/nothing").status == 404)
        #expect(try server.get("/login").status == 404)
    }

    @Test("A probe that fails is 503, and says why")
    func probes() throws {
        let server = try TestServer(live: false, ready: false)
        #expect(try (server.get("/live").status, server.get("/live").text) == (503, "alive: false\n"))
        #expect(try (server.get("/ready").status, server.get("/ready").text) == (503, "ready: false\n"))
    }

    @Test(
        "Every answer forbids what is inline or from elsewhere, frames, caches and guesses",
        arguments: ["/", "/no", "/live"])
    func headers(path: String) throws {
        let answer = try TestServer().get(path)
        let policy = try #require(answer["content-security-policy"])
        #expect(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"))
        #expect(!policy.contains("unsafe") && !policy.contains("http") && !policy.contains("*"))
        #expect(answer["x-content-type-options"] == "nosniff")
        #expect(answer["referrer-policy"] == "no-referrer")
        #expect(answer["cache-control"] == "no-store")
        #expect(answer["x-frame-options"] == "DENY")
        #expect(answer["access-control-allow-origin"] == nil)
        #expect(answer["server"] == nil)
    }

    @Test("HEAD answers as GET does, without the body")
    func heads() throws {
        let server = try TestServer()
        let client = try server.client()
        for path in ["/", "/live", "/nothing", "/api/long"] {
            client.send(server.request(path, method: "HEAD"))
            let answer = try client.response(toHead: true)
            client.send(server.request(path))
            let whole = try client.response()
            #expect(answer.status == whole.status)
            #expect(path == "/api/long" || answer["content-length"] == String(whole.body.count))
        }
    }

    @Test("A connection serves one request after another, also where they come at once, and ends where it is asked to")
    func pipelining() throws {
        let server = try TestServer()
        let client = try server.client()
        client.send(String(repeating: server.request("/live"), count: 200) + server.request("/", ["Connection: close"]))
        for _ in 0..<200 { #expect(try client.response().text == "alive: true\n") }
        #expect(try client.response().text == "<!doctype html>page")
        #expect(try client.readAll().isEmpty)
    }

    @Test("A client that says nothing more still gets its answer")
    func halfClosed() throws {
        let server = try TestServer()
        let client = try server.client()
        client.send(server.request("/api/long"))
        client.endSending()
        #expect(try client.response().body.count == 3 << 20)
        #expect(try client.readAll().isEmpty)
    }

    @Test("An answer that fails is 500 without its cause, which is told to the program; the next one is as ever")
    func failures() throws {
        let server = try TestServer(metrics: { throw TestServer.Broken() })
        for path in ["/api/broken", "/metrics"] {
            let answer = try server.get(path)
            #expect(answer.status == 500)
            #expect(!answer.text.contains("Broken"))
        }
        #expect(server.reports.all.count == 2)
        #expect(server.reports.all.allSatisfy { $0.contains("Broken") })
        #expect(try server.get("/").status == 200)
    }

    @Test("A refusal of the page's is plain text, in which nothing acts")
    func refusals() throws {
        let answer = try TestServer().get("/api/no?q=%3Cscript%3Ealert(1)%3C/script%3E")
        #expect(answer.status == 404)
        #expect(answer["content-type"] == "text/plain; charset=utf-8")
        #expect(answer.text == "no <b><script>alert(1)</script></b>\u{fffd}[2J\u{fffd}\n")
    }

    @Test("Figures are made once for those who ask within a moment")
    func figures() throws {
        let made = Counter()
        let server = try TestServer(
            metrics: { ("text/plain", Array("\(made.next())".utf8)) }, limits: { $0.figuresAge = .seconds(3600) })
        for _ in 0..<20 { #expect(try server.get("/metrics").text == "1") }
    }

    @Test("A port in use is said with the remedy, and so is an address that is not ours")
    func ports() throws {
        let server = try TestServer()
        let content = ServerContent(
            live: { ProbeAnswer(isWell: true, text: "") }, ready: { ProbeAnswer(isWell: true, text: "") },
            metrics: { ("", []) })
        let taken = try #require(ListenAddress(parsing: "127.0.0.1:\(server.port)"))
        let error = #expect(throws: StatusServiceError.self) {
            try StatusService(content, StatusService.Options(address: taken)) { _ in }
        }
        #expect(error?.message.contains("127.0.0.1:\(server.port) is in use") == true)
        #expect(error?.message.contains("port 0") == true)
        let foreign = try #require(ListenAddress(parsing: "192.0.2.1:0"))
        let other = #expect(throws: StatusServiceError.self) {
            try StatusService(
                content, StatusService.Options(address: foreign, token: AccessToken(TestServer.token))
            ) { _ in }
        }
        #expect(other?.message.contains("no such address") == true)
    }

    @Test("Beyond the loopback there is no server without a token")
    func openAddress() throws {
        let address = try #require(ListenAddress(parsing: "0.0.0.0:0"))
        let content = ServerContent(
            live: { ProbeAnswer(isWell: true, text: "secret") }, ready: { ProbeAnswer(isWell: true, text: "secret") },
            metrics: { ("text/plain", []) })
        let error = #expect(throws: StatusServiceError.self) {
            try StatusService(content, StatusService.Options(address: address)) { _ in }
        }
        #expect(error?.code == .usage)
        let token = try #require(AccessToken(TestServer.token))
        let service = try StatusService(content, StatusService.Options(address: address, token: token)) { _ in }
        defer { service.stop() }
        let client = try RawClient(port: service.port)
        client.send("GET /live HTTP/1.1\r\nHost: 10.0.0.7:8090\r\n\r\n")
        #expect(try client.response().text == "yes\n", "without the token nothing is told")
        client.send("GET /metrics HTTP/1.1\r\nHost: 10.0.0.7:8090\r\n\r\n")
        #expect(try client.response().status == 401)
    }
}

/// Counts calls.
final class Counter: Sendable {
    private let count = Mutex(0)
    func next() -> Int {
        self.count.withLock { count in
            count += 1
            return count
        }
    }
    var value: Int { self.count.withLock { $0 } }
}
