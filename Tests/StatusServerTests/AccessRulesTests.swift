// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import StatusServer

@Suite("Who may ask") struct AccessRulesTests {
    private static let token = AccessToken("correct-horse-battery")
    private static let session = AccessToken("session-session-session")

    private static func rules(
        loopback: Bool = true, names: [String] = [], token: AccessToken? = nil
    ) -> AccessRules {
        AccessRules(
            isLoopback: loopback, port: 8090, names: names.compactMap { HostName(parsing: $0) }, token: token,
            session: token == nil ? nil : Self.session)
    }

    private static func head(
        host: String? = "127.0.0.1:8090", method: String = "GET", _ fields: [String: String] = [:]
    ) -> RequestHead {
        RequestHead(method: method, target: "/", hosts: host.map { [$0] } ?? [], fields: fields.mapValues { [$0] })
    }

    private static func refusal(_ rules: AccessRules, _ head: RequestHead) -> Refusal? {
        do throws(Refusal) {
            try rules.check(head)
            return nil
        } catch {
            return error
        }
    }

    @Test(
        "On the loopback the Host has to be one of the loopback's, with the port, or one that was told",
        arguments: [
            ("127.0.0.1:8090", true), ("localhost:8090", true), ("LocalHost:8090", true), ("[::1]:8090", true),
            ("127.0.0.1", false), ("localhost:80", false), ("127.0.0.1:8091", false), ("evil.example:8090", false),
            ("127.0.0.1.evil.example:8090", false), ("localhost.evil.example:8090", false), ("10.0.0.7:8090", false),
            ("box:8090", true), ("BOX", true), ("box:1", false), ("gate:443", true), ("gate", false),
            ("user@127.0.0.1:8090", false), ("127.0.0.1:8090, evil.example", false), ("", false), ("[::1", false),
        ])
    func loopbackHosts(host: String, isOurs: Bool) {
        let rules = Self.rules(names: ["box", "gate:443"])
        let refusal = Self.refusal(rules, Self.head(host: host))
        #expect(refusal?.status == (isOurs ? nil : 421))
    }

    @Test(
        "Elsewhere it is an address in numbers, or a name that was told: a name could be anyone's",
        arguments: [
            ("10.0.0.7:8090", true), ("10.0.0.7", true), ("[fd00::7]:30090", true), ("localhost:9000", true),
            ("evil.example:8090", false), ("box.lan:8090", true), ("box.lan", true),
        ])
    func otherHosts(host: String, isOurs: Bool) {
        let rules = Self.rules(loopback: false, names: ["box.lan"], token: Self.token)
        #expect((Self.refusal(rules, Self.head(host: host)) == nil) == isOurs)
    }

    @Test("One Host it has to be")
    func oneHost() {
        #expect(throws: Refusal.noHost) { try Self.rules().check(Self.head(host: nil)) }
        let two = RequestHead(method: "GET", target: "/", hosts: ["localhost:8090", "localhost:8090"], fields: [:])
        #expect(throws: Refusal.noHost) { try Self.rules().check(two) }
    }

    @Test(
        "A page of another origin may not ask",
        arguments: [
            ("http://127.0.0.1:8090", true), ("https://127.0.0.1:8090", true), ("null", false),
            ("http://127.0.0.1:8091", false), ("http://localhost:8090", false), ("http://evil.example", false),
            ("http://127.0.0.1:8090.evil.example", false), ("127.0.0.1:8090", false), ("", false),
            ("file://", false), ("http://127.0.0.1:8090/", false),
        ])
    func origins(origin: String, isOurs: Bool) {
        #expect((Self.refusal(Self.rules(), Self.head(["origin": origin])) == nil) == isOurs)
    }

    @Test(
        "A browser may follow a link from elsewhere, and load nothing for a page there",
        arguments: [
            (["sec-fetch-site": "same-origin"], true), (["sec-fetch-site": "none"], true),
            (["sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "script"], false),
            (["sec-fetch-site": "same-site", "sec-fetch-mode": "cors", "sec-fetch-dest": "empty"], false),
            (["sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"], true),
            (["sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"], false),
            (["sec-fetch-site": "cross-site"], false), (["sec-fetch-site": "new-kind"], false),
        ])
    func sites(fields: [String: String], isLet: Bool) {
        #expect((Self.refusal(Self.rules(), Self.head(fields)) == nil) == isLet)
    }

    @Test(
        "Nothing but GET and HEAD, and no body", arguments: ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "get", "PRI"])
    func methods(method: String) {
        #expect(throws: Refusal.method) { try Self.rules().check(Self.head(method: method)) }
        #expect(throws: Refusal.body) { try Self.rules().check(Self.head(["content-length": "1"])) }
        #expect(throws: Refusal.body) { try Self.rules().check(Self.head(["transfer-encoding": "chunked"])) }
        #expect(throws: Never.self) { try Self.rules().check(Self.head(method: "HEAD", ["content-length": "0"])) }
    }

    @Test(
        "The token opens, by its header or by the cookie",
        arguments: [
            (["authorization": "Bearer correct-horse-battery"], true),
            (["authorization": "bearer correct-horse-battery"], true),
            (["authorization": "Bearer correct-horse-batterz"], false), (["authorization": "Bearer "], false),
            (["authorization": "Bearer"], false), (["authorization": "Basic correct-horse-battery"], false),
            (["authorization": "Bearer correct-horse-battery "], false), ([:], false),
            (["cookie": "a=b; millrace-8090=session-session-session"], true),
            (["cookie": "millrace-8090=correct-horse-battery"], false),
            (["cookie": "millrace-8091=session-session-session"], false),
            (["cookie": "millrace-8090="], false), (["cookie": ";;;="], false),
            (["cookie": "millrace-8090=session-session-session", "authorization": "Bearer wrong-wrong-wrong-"], false),
        ] as [([String: String], Bool)])
    func tokens(fields: [String: String], opens: Bool) {
        let rules = Self.rules(token: Self.token)
        for path in [["metrics"], [], ["api", "samples"], ["login", "session"], ["live", "x"]] {
            let head = Self.head(fields)
            if opens {
                #expect(throws: Never.self) { try rules.checkToken(head, path: path) }
            } else {
                #expect(throws: Refusal.noToken) { try rules.checkToken(head, path: path) }
            }
        }
        for path in [["live"], ["ready"], ["login"]] {
            #expect(throws: Never.self) { try rules.checkToken(Self.head(fields), path: path) }
        }
        #expect(throws: Never.self) { try Self.rules().checkToken(Self.head(fields), path: ["metrics"]) }
    }

    @Test("A token has 16 to 512 visible characters, and white space around it is not part of it")
    func tokenTexts() {
        #expect(AccessToken("0123456789abcdef\n")?.equals("0123456789abcdef") == true)
        #expect(AccessToken(" \t0123456789abcdef\r\n")?.equals("0123456789abcdef") == true)
        for text in ["", "short", "0123456789abcde", "0123456789 abcdef", "0123456789abcdéf", "0123456789abcdef\u{0}"] {
            #expect(AccessToken(text) == nil)
        }
        #expect(AccessToken(String(repeating: "a", count: 513)) == nil)
    }
}
