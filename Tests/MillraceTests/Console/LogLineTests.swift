// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Commands

/// Messages on standard error: their forms, and what never stands in them.
@Suite("Log lines") struct LogLineTests {
    private let line = LogLine(
        time: Date(timeIntervalSince1970: 1_780_000_000.125), level: .warning, message: "one\ntwo \u{1b}[2J",
        facts: [("peer", "a\nb")])

    @Test("Text has time and level on every line, JSON is one object a line, a terminal gets the message")
    func forms() throws {
        #expect(
            self.line.text == """
                2026-05-28T20:26:40.125Z warning: one
                2026-05-28T20:26:40.125Z warning: two \\u{1b}[2J peer=a
                2026-05-28T20:26:40.125Z warning: b

                """)
        let json = String(decoding: self.line.json, as: UTF8.self)
        #expect(json.split(separator: "\n").count == 1 && json.hasSuffix("\n") && !json.contains("\u{1b}"))
        let tree = try JSONTree(json)
        #expect(tree["level"].string == "warning" && tree["message"].string == "one\ntwo \u{1b}[2J")
        #expect(tree["time"].string == "2026-05-28T20:26:40.125Z" && tree["peer"].string == "a\nb")
        #expect(self.line.friendly.hasPrefix("warning: one\ntwo"))
        var other = self.line
        other.logger = "library"
        other.level = .info
        #expect(other.friendly.hasPrefix("library: one"))
    }

    @Test("A message that fills a disk is cut")
    func long() {
        let line = LogLine(time: Date(), level: .error, message: String(repeating: "é", count: 100_000))
        #expect(line.cutMessage.utf8.count < 70_000 && line.cutMessage.hasSuffix("…[cut: 200000 bytes in all]"))
    }

    @Test(
        "Users and passwords of URLs go, whatever stands in the password",
        arguments: [
            ("at http://u:pa55w0rd@host:1/v1: no", "at http://…@host:1/v1: no"),
            ("http://u:p@55/w?0rd@host/", "http://…@host/"), ("kafka://u:p@a,kafka://v:q@b", "kafka://…@b"),
            ("mail me@home", "mail me@home"), ("https://host/a b@c", "https://host/a b@c"),
        ])
    func userInfo(text: String, shown: String) { #expect(Secrets.withoutPatterns(text) == shown) }

    @Test("Values of the environment, of options and of properties go, wherever they stand")
    func values() {
        var secrets = Secrets()
        secrets.learn(environment: [
            "LLM_API_KEY": "sk-hunter2", "MILLRACE_KAFKA_SASL_PASSWORD": "tr0ub4dor&3", "GITHUB_TOKEN": "ghp_abcdef",
            "LLM_BASE_URL": "http://me:open%20sesame@host/v1", "MILLRACE_KAFKA_SSL_KEY_LOCATION": "/etc/key.pem",
            "PATH": "/usr/bin", "SHORT_KEY": "abc",
        ])
        secrets.learn(arguments: [
            "--kafka-property", "sasl.password=swordfish", "--token", "xyzzy-plugh", "--http-token=frobnicate",
            "--kafka-property", "ssl.key.pem=MIIEvQ", "--set", "stages.a.llm.base-url=http://x:lovelace@h",
        ])
        for secret in [
            "sk-hunter2", "tr0ub4dor&3", "tr0ub4dor%263", "ghp_abcdef", "open%20sesame", "open sesame", "swordfish",
            "xyzzy-plugh", "frobnicate", "MIIEvQ", "lovelace",
        ] {
            let shown = secrets.redacted("the server said: \(secret) is wrong, «\(secret)»")
            #expect(!shown.contains(secret) && shown.contains(Secrets.mark), "\(shown)")
        }
        let plain = "cannot read /etc/key.pem in /usr/bin: abc"
        #expect(secrets.redacted(plain) == plain)
    }

    @Test(
        "What looks like a secret goes, though nobody named it",
        arguments: [
            "sasl.password=letmein", "Authorization: Bearer abcdefghijklmnop123", "?api_key=letmein&x=1",
            "authorization: Basic bGV0bWVpbg==", #"{"password":"letmein"}"#, "token = letmein",
        ])
    func patterns(text: String) {
        let shown = Secrets.withoutPatterns(text)
        #expect(!shown.contains("letmein") && !shown.contains("abcdefghijklmnop123") && !shown.contains("bGV0"))
    }

    @Test("Words that are no secrets stay")
    func harmless() {
        for text in ["max-tokens: 5", "unexpected token: `}`", "bearer of news", "tokens=5", "the key is missing"] {
            #expect(Secrets.withoutPatterns(text) == text)
        }
    }

    @Test("A message made to be slow to look through is not")
    func slow() {
        let texts = ["://", "token ", "bearer ", "password=\u{a0}", "://a@"].map {
            String(repeating: $0, count: 64 << 10 / $0.utf8.count)
        }
        let start = ContinuousClock.now
        for text in texts { _ = Secrets.withoutPatterns(text) }
        #expect(ContinuousClock.now - start < .seconds(30))
    }
}
