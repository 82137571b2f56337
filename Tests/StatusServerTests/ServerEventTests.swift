// SPDX-License-Identifier: Apache-2.0

import RawHTTP
import Testing

@testable import StatusServer

/// The counts of the server itself.
@Suite("What the server tells of itself")
struct ServerEventTests {
    @Test("Answers are told by group of paths and status, whatever the path says, and refusals by their reason")
    func answers() async throws {
        let server = try TestServer(token: TestServer.token, ready: false)
        let bearer = "Authorization: Bearer \(TestServer.token)"
        #expect(try server.get("/live").status == 200)
        #expect(try server.get("/ready").status == 503)
        #expect(try server.get("/login").status == 200)
        #expect(try server.get("/metrics").status == 401)
        #expect(try server.get("/", ["Accept: text/html"]).status == 303)
        #expect(try server.get("/", [bearer]).status == 200)
        #expect(try server.get("/metrics", [bearer]).status == 200)
        #expect(try server.get("/api/echo/1", [bearer]).status == 200)
        #expect(try server.get("/api/broken", [bearer]).status == 500)
        for path in ["/nowhere", "/api/nowhere", "/live/er", "/%2e%2e/etc"] {
            let status = try server.get(path, [bearer]).status
            #expect(status == 404 || status == 400)
        }
        let client = try server.client()
        client.send("NONSENSE\r\n\r\n")
        _ = try client.response()

        let expected: [(ServerEvent, Int)] = [
            (.answered(.probe, status: 200), 1), (.answered(.probe, status: 503), 1),
            (.answered(.login, status: 200), 1), (.answered(.metrics, status: 401), 1),
            (.answered(.page, status: 303), 1), (.answered(.page, status: 200), 1),
            (.answered(.metrics, status: 200), 1), (.answered(.api, status: 200), 1),
            (.answered(.api, status: 500), 1), (.answered(.none, status: 404), 3), (.answered(.none, status: 400), 2),
            (.refused(reason: "token"), 1), (.refused(reason: "answer"), 1), (.refused(reason: "failed"), 1),
            (.refused(reason: "unknown"), 3), (.refused(reason: "path"), 1), (.refused(reason: "malformed"), 1),
        ]
        for (event, count) in expected {
            try await TestServer.wait(seconds: 20) { server.events[event] >= count }
            #expect(server.events[event] == count, "\(event)")
        }
        try await TestServer.wait { server.events[.connected] == server.events[.disconnected] + 1 }
    }
}
