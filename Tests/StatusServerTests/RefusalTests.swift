// SPDX-License-Identifier: Apache-2.0

import RawHTTP
import Testing

@testable import StatusServer

@Suite("Refused on the wire") struct RefusalTests {
    @Test("Another Host than ours is refused, and told how to name one")
    func hosts() throws {
        let server = try TestServer(names: ["box"])
        for (host, status) in [
            ("evil.example", 421), ("evil.example:\(server.port)", 421), ("127.0.0.1:1", 421),
            ("localhost:\(server.port)", 200), ("box", 200), ("[::1]:\(server.port)", 200),
        ] {
            let client = try server.client()
            client.send("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n")
            let answer = try client.response()
            #expect(answer.status == status, "\(host)")
            #expect(status == 200 || answer.text.contains("--http-host NAME") && !answer.text.contains("evil"))
        }
        for hosts in ["", "Host: localhost:\(server.port)\r\nHost: evil.example\r\n"] {
            let client = try server.client()
            client.send("GET / HTTP/1.1\r\n\(hosts)\r\n")
            #expect(try client.response().status == 400)
        }
    }

    @Test("A page of another site may not ask")
    func origins() throws {
        let server = try TestServer()
        #expect(try server.get("/", ["Origin: http://evil.example"]).status == 403)
        #expect(try server.get("/", ["Origin: null"]).status == 403)
        #expect(try server.get("/", ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"]).status == 403)
        #expect(try server.get("/", ["Origin: http://127.0.0.1:\(server.port)"]).status == 200)
    }

    @Test(
        "Paths that leave their place are refused",
        arguments: [
            "/../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/a/..%2fb", "/..%5c..%5c", "//etc", "/a%00b", "/%ff",
        ])
    func traversal(path: String) throws {
        let answer = try TestServer().get(path)
        #expect(answer.status == 400)
        #expect(answer.text.contains("path is refused") && !answer.text.contains("etc"))
    }

    @Test("Methods that could change something, and bodies, are refused and end the connection")
    func methods() throws {
        let server = try TestServer()
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"] {
            let client = try server.client()
            client.send(server.request("/", method: method) + server.request("/"))
            let answer = try client.response()
            #expect(answer.status == 405 || answer.status == 400, "\(method) \(answer.status)")
            #expect(try client.readAll().isEmpty, "nothing behind it is answered")
        }
        #expect(try server.get("/", method: "POST")["allow"] == "GET, HEAD")
        for head in ["Content-Length: 5", "Transfer-Encoding: chunked", "Content-Length: 9999999999999"] {
            let client = try server.client()
            client.send(server.request("/", [head]) + "5\r\nabcde\r\n0\r\n\r\n")
            #expect(try client.response().status == 413)
            #expect(try client.readAll().isEmpty)
        }
    }

    @Test("A body without end does not stay in memory, and is not read for long")
    func endlessBody() throws {
        let server = try TestServer()
        let client = try server.client()
        client.send(server.request("/", ["Content-Length: 9999999999"]))
        #expect(try client.response().status == 413)
        for _ in 0..<200 { client.send([UInt8](repeating: 0x41, count: 64 << 10)) }
        #expect(try client.readAll().isEmpty)
    }

    @Test("Heads and addresses out of bounds are refused with the bound")
    func sizes() throws {
        let server = try TestServer()
        let long = String(repeating: "a", count: 5000)
        #expect(try server.get("/?q=\(long)").status == 414)
        #expect(try server.get("/", ["X-A: \(String(repeating: "b", count: 20_000))"]).status == 431)
        #expect(try server.get("/", (0..<100).map { "X-\($0): 1" }).status == 431)
        let client = try server.client()
        client.send("GET /" + String(repeating: "a", count: 1 << 20))
        let answer = try client.response()
        #expect(answer.status == 431)
        #expect(answer.text.contains("16384 bytes"))
        #expect(try client.readAll().isEmpty)
    }

    @Test(
        "Bytes that are no request are refused",
        arguments: [
            "\u{16}\u{3}\u{1}\u{2}\u{0}", "hello\r\n\r\n", "GET /\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\u{0}\r\n\r\n",
        ])
    func noRequests(text: String) throws {
        let server = try TestServer()
        let client = try server.client()
        client.send(text)
        client.endSending()
        let answer = String(decoding: try client.readAll(), as: UTF8.self)
        #expect(answer.isEmpty || answer.hasPrefix("HTTP/1.1 4"), "\(answer)")
        #expect(try server.get("/").status == 200)
    }

    @Test("Two requests in one by unclear lengths are not")
    func smuggling() throws {
        let server = try TestServer()
        for heads in [
            ["Content-Length: 4", "Transfer-Encoding: chunked"], ["Content-Length: 4", "Content-Length: 5"],
            ["Transfer-Encoding: chunked, identity"], ["Content-Length: +4"], ["Content-Length : 4"],
        ] {
            let client = try server.client()
            client.send(server.request("/", heads) + "0\r\n\r\n" + server.request("/api/echo"))
            let all = String(decoding: try client.readAll(), as: UTF8.self)
            #expect(all.hasPrefix("HTTP/1.1 4"), "\(heads) \(all.prefix(100))")
            #expect(!all.contains("api|echo"))
        }
    }

    @Test("A request that comes too slowly is ended")
    func slowRequests() async throws {
        let server = try TestServer(limits: { $0.requestTime = .milliseconds(200) })
        let silent = try server.client()
        let slow = try server.client()
        let head = server.request("/")
        slow.send(String(head.prefix(20)))
        #expect(try slow.response().status == 408)
        #expect(try slow.readAll().isEmpty)
        #expect(try silent.readAll().isEmpty, "one that says nothing is closed without a word")
        // One that drips is not kept by each drop.
        let dripping = try server.client()
        var answer = ""
        for byte in head.utf8.cycled(10_000) {
            dripping.send([byte])
            try await Task.sleep(for: .milliseconds(20))
            if let text = try? dripping.read(until: "\r\n\r\n", seconds: 0.001) {
                answer = text
                break
            }
        }
        #expect(answer.hasPrefix("HTTP/1.1 408") || answer.hasPrefix("HTTP/1.1 200"))
    }

    @Test("A connection without requests is ended")
    func idleConnections() throws {
        let server = try TestServer(limits: { $0.idleTime = .milliseconds(200) })
        let client = try server.client()
        client.send(server.request("/live"))
        #expect(try client.response().status == 200)
        #expect(try client.readAll().isEmpty)
    }

    @Test("One connection too many is refused; when another has ended there is room again")
    func crowds() async throws {
        let server = try TestServer(limits: { $0.connections = 4 })
        var clients = try (0..<4).map { _ in try server.client() }
        for client in clients {
            client.send(server.request("/live"))
            #expect(try client.response().status == 200)
        }
        let last = try server.client()
        let answer = try last.response()
        #expect(answer.status == 503)
        #expect(answer["retry-after"] != nil)
        #expect(try last.readAll().isEmpty)
        clients.removeAll()
        try await TestServer.wait { server.service.counts.connections == 0 }
        #expect(try server.get("/live").status == 200)
    }

    @Test("Answers that wait are bounded")
    func busy() async throws {
        let gate = Gate()
        let server = try TestServer(
            routes: [
                StatusRoute("/api/slow") { _ in
                    await gate.wait()
                    return .json([])
                }
            ], limits: { $0.answers = 3 })
        let waiting = try (0..<3).map { _ in try server.client() }
        for client in waiting { client.send(server.request("/api/slow")) }
        try await TestServer.wait { (try? server.get("/api/echo").status) == 503 }
        #expect(try server.get("/live").status == 200, "probes wait for nobody")
        #expect(try server.get("/metrics").status == 200)
        gate.open()
        for client in waiting { #expect(try client.response().status == 200) }
        try await TestServer.wait { (try? server.get("/api/echo").status) == 200 }
    }
}

extension Collection {
    fileprivate func cycled(_ count: Int) -> [Element] {
        (0..<count).map { self[self.index(self.startIndex, offsetBy: $0 % self.count)] }
    }
}
