// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import StatusServer

@Suite("Places to listen at") struct ListenAddressTests {
    @Test(
        "A host and a port are read, and whether only this machine reaches them",
        arguments: [
            ("127.0.0.1:8090", "127.0.0.1:8090", true), ("localhost:0", "localhost:0", true),
            ("LOCALHOST:80", "localhost:80", true), ("[::1]:8090", "[::1]:8090", true),
            ("127.9.9.9:1", "127.9.9.9:1", true), ("0.0.0.0:8090", "0.0.0.0:8090", false),
            ("[::]:8090", "[::]:8090", false), ("10.0.0.7:65535", "10.0.0.7:65535", false),
            ("node-1.cluster:8090", "node-1.cluster:8090", false), ("127.example.org:80", "127.example.org:80", false),
            ("[::ffff:127.0.0.1]:1", "[::ffff:127.0.0.1]:1", false),
        ])
    func reads(text: String, shown: String, isLoopback: Bool) throws {
        let address = try #require(ListenAddress(parsing: text))
        #expect(address.description == shown)
        #expect(address.isLoopback == isLoopback)
    }

    @Test(
        "Anything else is none",
        arguments: [
            "", ":", ":8090", "8090", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+1",
            "127.0.0.1:80:90", "a b:80", "http://localhost:80", "localhost:80/", "user@host:80", "[::1:80", "::1:80",
            "[localhost]:80", "localhost:８０", "a,b:80",
        ])
    func refuses(text: String) {
        #expect(ListenAddress(parsing: text) == nil)
    }
}
