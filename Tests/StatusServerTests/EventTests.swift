// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import RawHTTP
import Synchronization
import Testing

@testable import StatusServer

@Suite("Server-sent events") struct EventTests {
    /// A feed that a test sets.
    private struct Source: Sendable {
        let states: States
        let feed: StatusFeed

        init(_ events: StatusEvent...) {
            let states = States(events)
            self.states = states
            self.feed = StatusFeed(every: .milliseconds(5)) { states.take() }
        }

        func set(_ events: StatusEvent...) { self.states.set(events) }
    }

    private final class States: Sendable {
        private let events: Mutex<[StatusEvent]>
        let taken = Counter()

        init(_ events: [StatusEvent]) { self.events = Mutex(events) }

        func set(_ new: [StatusEvent]) { self.events.withLock { $0 = new } }

        func take() -> [StatusEvent] {
            _ = self.taken.next()
            return self.events.withLock { $0 }
        }
    }

    private static func server(_ feed: StatusFeed, limits: (inout ServerLimits) -> Void = { _ in }) throws -> TestServer
    {
        try TestServer(routes: [StatusRoute("/events") { _ in .events(feed) }], limits: limits)
    }

    private static func event(_ name: String, _ text: String) -> StatusEvent {
        StatusEvent(name, data: Array(text.utf8))
    }

    @Test("The newest of each name comes first, then what changes, once")
    func states() throws {
        let source = Source(Self.event("flow", "1"), Self.event("sets", "a\nb"))
        let server = try Self.server(source.feed)
        let client = try server.client()
        client.send(server.request("/events"))
        let head = try RawResponse(head: client.read(until: "\r\n\r\n"))
        #expect((head.status, head["content-type"]) == (200, "text/event-stream"))
        #expect(head["cache-control"] == "no-store")
        #expect(try client.read(until: "event: flow\ndata: 1\n\n").contains("retry: 2000"))
        #expect(try client.read(until: "event: sets\ndata: a\ndata: b\n\n").contains("id: "))
        source.set(Self.event("flow", "2"), Self.event("sets", "a\nb"))
        let next = try client.read(until: "data: 2\n\n")
        #expect(!next.contains("sets"), "what has not changed is not sent again")
    }

    @Test("Whoever comes again gets what is newer, and everything from another server")
    func lastEvents() throws {
        let source = Source(Self.event("a", "1"), Self.event("b", "1"))
        let server = try Self.server(source.feed)
        let first = try server.client()
        first.send(server.request("/events"))
        let text = try first.read(until: "event: b\ndata: 1\n\n")
        let id = try #require(text.matches(of: /id: ([0-9]+-[0-9]+)/).last?.output.1)
        source.set(Self.event("a", "1"), Self.event("b", "2"))
        _ = try first.read(until: "data: 2\n\n")
        let again = try server.client()
        again.send(server.request("/events", ["Last-Event-ID: \(id)"]))
        #expect(try !again.read(until: "event: b\ndata: 2\n\n").contains("event: a"))
        for strange in ["1-1", "x", "-", "", "\(id)9999999999999999999999", String(repeating: "9", count: 4000)] {
            let other = try server.client()
            other.send(server.request("/events", ["Last-Event-ID: \(strange)"]))
            #expect(try other.read(until: "event: b\ndata: 2\n\n").contains("event: a\ndata: 1\n\n"), "\(strange)")
        }
    }

    @Test("A name or data cannot make an event of their own")
    func injection() {
        let event = Self.event("a\ndata: x", "1\r\rid: 7\r\nevent: y\n\ndata: z")
        let frame = String(buffer: EventStream.frame(id: "1-1", event))
        #expect(
            frame == "id: 1-1\nevent: message\ndata: 1\ndata: \ndata: id: 7\ndata: event: y\ndata: \ndata: data: z\n\n")
        let broken = EventStream.frame(id: "1-1", StatusEvent("a", data: [0xff, 0x0a, 0x41]))
        #expect(String(buffer: broken) == "id: 1-1\nevent: a\ndata: \u{fffd}\ndata: A\n\n")
    }

    @Test("States are made while someone listens, and not otherwise")
    func demand() async throws {
        let source = Source(Self.event("a", "1"))
        let server = try Self.server(source.feed)
        #expect(source.states.taken.value == 0)
        var client: RawClient? = try server.client()
        client?.send(server.request("/events"))
        _ = try client?.read(until: "data: 1\n\n")
        client = nil
        // The change is what finds that nobody is there.
        source.set(Self.event("a", "2"))
        try await TestServer.wait { source.feed.listeners == 0 }
        let made = source.states.taken.value
        try await Task.sleep(for: .milliseconds(100))
        #expect(source.states.taken.value <= made + 1)
    }

    @Test("A sign of life comes where nothing happens")
    func heartbeat() throws {
        let server = try Self.server(Source(Self.event("a", "1")).feed, limits: { $0.heartbeat = .milliseconds(30) })
        let client = try server.client()
        client.send(server.request("/events"))
        _ = try client.read(until: "data: 1\n\n")
        for _ in 0..<3 { _ = try client.read(until: ":\n\n") }
    }

    @Test("Listeners are bounded, and one that has gone leaves its place")
    func listeners() async throws {
        let server = try Self.server(Source(Self.event("a", "1")).feed, limits: { $0.listeners = 2 })
        var clients = try (0..<2).map { _ in try server.client() }
        for client in clients {
            client.send(server.request("/events"))
            _ = try client.read(until: "data: 1\n\n")
        }
        #expect(try server.get("/events").status == 503)
        clients.removeAll()
        try await TestServer.wait {
            guard let client = try? server.client() else { return false }
            client.send(server.request("/events"))
            return (try? client.read(until: "\r\n\r\n").hasPrefix("HTTP/1.1 200")) == true
        }
    }

    @Test("Clients that do not read are dropped, what waits for them is bounded, and others hear everything")
    func slowClients() async throws {
        let number = Counter()
        let feed = StatusFeed(every: .milliseconds(50)) {
            var data = [UInt8](repeating: 0x61, count: 500_000)
            data.append(contentsOf: "!\(number.next())!".utf8)
            return [StatusEvent("a", data: data)]
        }
        let server = try Self.server(feed, limits: { $0.stallTime = .seconds(3) })
        let before = Self.residentBytes()
        let slow = try (0..<20).map { _ in try RawClient(port: server.port, receiveBuffer: 4096) }
        for client in slow { client.send(server.request("/events")) }
        let quick = try server.client()
        quick.send(server.request("/events"))
        var peak = 0
        while server.service.counts.stalled < 20 {
            _ = try quick.read(until: "!\n\n")
            peak = max(peak, Self.residentBytes() - before)
        }
        for _ in 0..<5 { _ = try quick.read(until: "!\n\n") }
        // Each keeps one event at most, and they share them; a queue would have grown by half a megabyte each and turn.
        #expect(peak < 200 << 20, "\(peak) bytes")
        #expect(server.service.counts.refused.isEmpty)
        #expect(server.events[.cut] == 20 && server.events[.answered(.events, status: 200)] == 21)
        try await TestServer.wait { server.events[.leaves] == 20 }
        #expect(server.events[.listens] == 21)
    }

    @Test("A long answer to one that does not read is dropped too, and answers in flight are bounded in bytes")
    func slowReaders() async throws {
        let server = try TestServer(limits: {
            $0.stallTime = .milliseconds(300)
            $0.bytesInFlight = 10 << 20
        })
        let slow = try (0..<8).map { _ in try RawClient(port: server.port, receiveBuffer: 4096) }
        for client in slow { client.send(server.request("/api/long")) }
        try await TestServer.wait {
            server.service.counts.answered + server.service.counts.refused[503, default: 0] == 8
        }
        #expect(server.service.bytesInFlight <= 10 << 20)
        #expect(server.service.counts.refused[503, default: 0] >= 1)
        try await TestServer.wait { server.service.counts.stalled >= 1 && server.service.bytesInFlight == 0 }
        #expect(try server.get("/api/long").body.count == 3 << 20)
    }

    @Test("A slow client that reads is served to the end")
    func slowButReading() async throws {
        let server = try TestServer(limits: {
            $0.stallTime = .seconds(5)
            $0.stallBytes = 1024
        })
        let client = try RawClient(port: server.port, receiveBuffer: 4096)
        client.send(server.request("/api/long"))
        _ = try client.read(until: "\r\n\r\n")
        for _ in 0..<8 {
            _ = try client.read(count: 100_000)
            // A task would sleep as long as other tests have the threads, and be a client that stalls.
            usleep(700_000)
        }
        #expect(try client.read(count: (3 << 20) - 800_000).count == (3 << 20) - 800_000)
    }

    @Test("Listeners do not hold the end up")
    func stop() async throws {
        let server = try Self.server(Source(Self.event("a", "1")).feed)
        let listener = try server.client()
        listener.send(server.request("/events"))
        _ = try listener.read(until: "data: 1\n\n")
        let idle = try server.client()
        idle.send(server.request("/live"))
        _ = try idle.response()
        let halfway = try server.client()
        halfway.send("GET / HT")
        let stuck = try RawClient(port: server.port, receiveBuffer: 4096)
        stuck.send(server.request("/api/long"))
        try await TestServer.wait { server.service.counts.answered >= 3 }
        let begin = ContinuousClock.now
        server.service.stop()
        #expect(ContinuousClock.now - begin < .seconds(30))
        _ = try listener.readAll()
        _ = try idle.readAll()
        _ = try halfway.readAll()
        // Nobody listens there, or another server that has got the port.
        let answered = server.service.counts.answered
        if let other = try? server.client() {
            other.send(server.request("/live"))
            _ = try? other.readAll(seconds: 5)
        }
        #expect(server.service.counts.answered == answered)
    }

    private static func residentBytes() -> Int {
        guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return 0 }
        return text.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 * 4096 } ?? 0
    }
}
