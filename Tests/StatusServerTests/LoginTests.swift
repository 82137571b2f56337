// SPDX-License-Identifier: Apache-2.0

import RawHTTP
import Testing

@testable import StatusServer

@Suite("Login") struct LoginTests {
    @Test("Without the token there are probes and the login alone")
    func noToken() throws {
        let server = try TestServer(token: TestServer.token)
        for path in ["/", "/metrics", "/api/echo", "/nothing", "/login/session", "/live/x"] {
            let answer = try server.get(path)
            #expect(answer.status == 401, "\(path)")
            #expect(answer["www-authenticate"] == "Bearer")
            #expect(answer.text.contains("/login"))
        }
        #expect(try server.get("/", ["Authorization: Bearer wrong-wrong-wrong-wrong"]).status == 401)
        #expect(try server.get("/?token=\(TestServer.token)").status == 401, "never in an address")
        #expect(try server.get("/live").text == "yes\n")
        #expect(try server.get("/ready").text == "yes\n")
    }

    @Test("The token opens, and tells what probes say")
    func token() throws {
        let server = try TestServer(token: TestServer.token)
        let header = "Authorization: Bearer \(TestServer.token)"
        #expect(try server.get("/metrics", [header]).text == "up 1\n")
        #expect(try server.get("/ready", [header]).text == "ready: true\n")
    }

    @Test("A browser is sent to the login, whose page has nothing inline, and gets a cookie that no script reads")
    func browser() throws {
        let server = try TestServer(token: TestServer.token)
        let sent = try server.get("/", ["Accept: text/html,*/*"])
        #expect((sent.status, sent["location"]) == (303, "/login"))
        let page = try server.get("/login")
        #expect(page.status == 200)
        #expect(!page.text.contains("<style") && !page.text.contains("onclick") && !page.text.contains("http"))
        #expect(!page.text.contains("<script>"))
        #expect(try server.get("/login/page.js")["content-type"] == "text/javascript; charset=utf-8")
        #expect(try server.get("/login/page.css").status == 200)

        let entry = try server.get("/login/session", ["Authorization: Bearer \(TestServer.token)"])
        #expect(entry.status == 200)
        let cookie = try #require(entry["set-cookie"])
        #expect(cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Strict") && cookie.contains("; Path=/"))
        #expect(!cookie.contains(TestServer.token))
        let pair = try #require(cookie.split(separator: ";").first)
        #expect(try server.get("/metrics", ["Cookie: theme=dark; \(pair)"]).status == 200)
        #expect(try server.get("/metrics", ["Cookie: \(pair)x"]).status == 401)
        // The cookie of one server opens no other.
        #expect(try TestServer(token: TestServer.token).get("/metrics", ["Cookie: \(pair)"]).status == 401)
    }
}
