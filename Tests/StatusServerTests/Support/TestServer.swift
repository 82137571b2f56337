// SPDX-License-Identifier: Apache-2.0

import RawHTTP
import Synchronization
import Testing

@testable import StatusServer

/// A server on a free port of the loopback, with a page of a few routes.
final class TestServer: Sendable {
    let service: StatusService
    let reports: Reports
    let events = Events()

    final class Reports: Sendable {
        private let lines = Mutex<[String]>([])
        var all: [String] { self.lines.withLock { $0 } }
        func add(_ line: String) { self.lines.withLock { $0.append(line) } }
    }

    /// The things that the server did, counted.
    final class Events: Sendable {
        private let counts = Mutex<[ServerEvent: Int]>([:])
        subscript(_ event: ServerEvent) -> Int { self.counts.withLock { $0[event] ?? 0 } }
        func add(_ event: ServerEvent) { self.counts.withLock { $0[event, default: 0] += 1 } }
    }

    struct Broken: Error {}

    var port: Int { self.service.port }

    static let token = "0123456789abcdef-token"

    init(
        token: String? = nil, names: [String] = [], live: Bool = true, ready: Bool = true,
        metrics: @escaping @Sendable () async throws -> (type: String, bytes: [UInt8]) = {
            ("text/plain; version=0.0.4; charset=utf-8", Array("up 1\n".utf8))
        }, routes: [StatusRoute] = [], limits: (inout ServerLimits) -> Void = { _ in }
    ) throws {
        let reports = Reports()
        let address = try #require(ListenAddress(parsing: "127.0.0.1:0"))
        var options = StatusService.Options(address: address, token: token.flatMap { AccessToken($0) }, names: names)
        limits(&options.limits)
        let content = ServerContent(
            live: { ProbeAnswer(isWell: live, text: "alive: \(live)") },
            ready: { ProbeAnswer(isWell: ready, text: "ready: \(ready)") }, metrics: metrics,
            routes: Self.routes + routes)
        self.service = try StatusService(content, options, observe: self.events.add) { reports.add($0) }
        self.reports = reports
    }

    deinit { self.service.stop() }

    private static let routes = [
        StatusRoute("/") { _ in .bytes(type: "text/html; charset=utf-8", Array("<!doctype html>page".utf8)) },
        StatusRoute("/api/echo/*") { request in
            let query = request.query.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            return .json(Array("\(request.path.joined(separator: "|")) \(query.joined(separator: "&"))".utf8))
        },
        StatusRoute("/api/long") { _ in .json([UInt8](repeating: 0x20, count: 3 << 20)) },
        StatusRoute("/api/broken") { _ in throw Broken() },
        StatusRoute("/api/no") { request in
            .refused(status: 404, text: "no <b>\(request.query["q"] ?? "")</b>\u{1b}[2J\u{202e}")
        },
    ]

    func client() throws -> RawClient { try RawClient(port: self.port) }

    /// A request with a Host header.
    func request(_ target: String, method: String = "GET", _ headers: [String] = []) -> String {
        (["\(method) \(target) HTTP/1.1", "Host: 127.0.0.1:\(self.port)"] + headers).joined(separator: "\r\n")
            + "\r\n\r\n"
    }

    /// One request on a connection of its own.
    func get(_ target: String, method: String = "GET", _ headers: [String] = []) throws -> RawResponse {
        let client = try self.client()
        client.send(self.request(target, method: method, headers))
        return try client.response(toHead: method == "HEAD")
    }

    /// Waits for something that comes true.
    static func wait(seconds: Double = 60, for what: () -> Bool) async throws {
        let end = ContinuousClock.now + .seconds(seconds)
        while !what() {
            try #require(ContinuousClock.now < end, "it did not come true within \(seconds) s")
            try await Task.sleep(for: .milliseconds(5))
        }
    }
}
