// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import StatusServer

@Suite("Paths and queries") struct RequestTargetTests {
    @Test(
        "They are decoded once",
        arguments: [
            ("/", [], [:]), ("/a", ["a"], [:]), ("/api/samples/3", ["api", "samples", "3"], [:]),
            ("/a%20b", ["a b"], [:]), ("/a+b", ["a+b"], [:]), ("/%2541", ["%41"], [:]), ("/%C3%A9", ["é"], [:]),
            ("/é", ["é"], [:]), ("/...", ["..."], [:]), ("/.a", [".a"], [:]), ("/?", [], [:]),
            ("/?q=a+b%2B&n=", [], ["q": "a b+", "n": ""]), ("/?q", [], ["q": ""]), ("/?q=a=b", [], ["q": "a=b"]),
            ("/?q=1&q=2", [], ["q": "2"]), ("/?a=1&&b=2", [], ["a": "1", "b": "2"]),
            ("/?q=%2e%2e/%5c", [], ["q": "../\\"]), ("/?%71=%3Cscript%3E", [], ["q": "<script>"]),
            ("/?q=a?b", [], ["q": "a?b"]),
        ] as [(String, [String], [String: String])])
    func decodes(text: String, path: [String], query: [String: String]) throws {
        let target = try RequestTarget(parsing: text)
        #expect(target.path == path)
        #expect(target.query == query)
    }

    @Test(
        "A path that leaves its place, or has no one reading, is refused",
        arguments: [
            "", "a", "*", "?", "//", "//a", "/a/", "/a//b", "/.", "/..", "/../a", "/a/../b", "/a/./b", "/%2e%2e/a",
            "/%2E./a", "/.%2e", "/a%2fb", "/a%2Fb", "/a%5cb", "/a\\b", "/..\\a", "/a%00b", "/a%0ab", "/a%0d%0ab",
            "/a%7f", "/a%c2%85", "/%", "/%4", "/%zz", "/%c3%28", "/%ff", "/%c0%ae%c0%ae", "/a#b",
            "http://localhost/", "/" + String(repeating: "a/", count: 16) + "a",
            "/" + String(repeating: "a", count: 2048),
        ])
    func refusesPaths(text: String) {
        #expect(throws: Refusal.path) { try RequestTarget(parsing: text) }
    }

    @Test(
        "A query out of bounds is refused",
        arguments: [
            "/?q=%00", "/?q=%0a", "/?q=%", "/?q=%g0", "/?q=%ff", "/?%1b=1", "/?q=#a",
            "/?q=" + String(repeating: "a", count: 1025),
            "/?" + (0...16).map { "k\($0)=1" }.joined(separator: "&"),
        ])
    func refusesQueries(text: String) {
        #expect(throws: Refusal.query) { try RequestTarget(parsing: text) }
    }

    @Test("A long address is refused as long")
    func length() {
        #expect(throws: Refusal.target) { try RequestTarget(parsing: "/?" + String(repeating: "a&", count: 2100)) }
    }
}
