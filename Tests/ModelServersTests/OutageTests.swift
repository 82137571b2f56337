// SPDX-License-Identifier: Apache-2.0

import Codecs
import HostileServers
import ModelRequests
import ModelServers
import Records
import Synchronization
import Testing

@Suite("Outages, blame and cancellation", .timeLimit(.minutes(2)))
struct OutageTests {
    private static let prompts = (0..<40).map { "p\($0)" }

    @Test("A server that refuses for a minute, then comes back, costs waiting and nothing else")
    func refused() async throws {
        let gone = try ReservedPort()
        let notices = Notices()
        let clock = ModelClock.system(speed: 100)
        var configuration = try ClientConfiguration(url: gone.url, environment: [:])
        configuration.inFlightMax = 8
        let server = ModelServer(
            client: try ChatClient(configuration), clock: clock, onNotice: { notices.add($0) })
        async let words = server.askAll(Self.prompts).map(\.word)
        let start = clock.now()
        try await until { clock.now() - start > 60 && server.statistics.breaker != "closed" }
        #expect(server.statistics.answers == 0)
        let callsInOutage = server.statistics.calls
        let back = try await HostileServer(port: gone.port) { .chat($0.prompt) }
        let answered = try await words
        #expect(answered == Self.prompts)
        let statistics = server.statistics
        #expect(statistics.requestFailures.isEmpty)
        // The breaker keeps the calls from the server: those in flight when it opened, then one at a time.
        #expect(callsInOutage < 40)
        #expect(Set(statistics.serverFailures.keys) == ["refused"])
        #expect(notices.outages == 1)
        #expect(notices.recoveries == 1)
        #expect(statistics.inFlight == 0)
        #expect(statistics.asking == 0)
        await server.shutdown()
        await back.stop()
    }

    /// Faults that a server may show to everybody while it is down.
    static let faults: [Reply] = [
        .fail(500), .fail(503), .fail(401), .fail(404), .reset(after: []), .hang,
        .answer(status: 200, headers: [("Content-Type", "text/html")], body: Bytes("<html>".utf8)),
        .json("{}"), .fail(429), .fail(307, headers: [("Location", "http://elsewhere/")]),
    ]

    @Test("Whatever a server does to everybody is an outage: no request fails by it", arguments: 0..<10)
    func down(index: Int) async throws {
        let isDown = Mutex(false)
        let fault = Self.faults[index]
        try await withServer(
            { call in isDown.withLock { $0 } ? fault : .chat(call.prompt) }, speed: 100,
            configure: {
                // Only where the deadline is what is tested: on a busy machine a short one makes outages of its own.
                if case .hang = fault { $0.firstByteTimeoutSeconds = 0.5 }
            }
        ) { server, _, notices in
            let words1 = try await server.askAll(Self.prompts).map(\.word)
            #expect(words1 == Self.prompts)
            isDown.withLock { $0 = true }
            async let words = server.askAll(Self.prompts).map(\.word)
            let start = server.statistics.calls
            // Long enough for the breaker to open and several trials, or several rounds of 429, to have failed.
            try await until { server.statistics.calls - start > 12 && notices.outages > notices.recoveries }
            isDown.withLock { $0 = false }
            let answered = try await words
            #expect(answered == Self.prompts)
            #expect(server.statistics.requestFailures.isEmpty)
            #expect(notices.recoveries == notices.outages)
            if case .hang = fault { return }
            #expect(notices.outages == 1)
        }
    }

    @Test("A request that fails alone is told so, even where it is the only one and calls go one at a time")
    func aloneWithWitness() async throws {
        try await withServer({ $0.isWitness ? .chat("OK") : .json("{}") }, inFlightMax: 1) { server, _, _ in
            let words2 = try await server.askAll(["a"]).map(\.word)
            #expect(words2 == ["[bad-answer]"])
            #expect(server.statistics.witnesses == 3)
            #expect(server.statistics.breaker == "closed")
        }
    }

    @Test("Several bad requests at the end of a stream are told so, all of them")
    func severalAlone() async throws {
        try await withServer(
            { call in
                if call.isWitness { return .chat("OK") }
                return call.prompt.hasPrefix("p3") ? .fail(500) : .chat(call.prompt)
            }, inFlightMax: 4
        ) { server, _, _ in
            let words = try await server.askAll(Self.prompts).map(\.word)
            #expect(words == Self.prompts.map { $0.hasPrefix("p3") ? "[server-error]" : $0 })
        }
    }

    @Test("Cancelled in the queue and between two attempts: back at once; at the server: answered, nothing left over")
    func cancellation() async throws {
        let isReleased = Mutex(false)
        try await withServer(
            { call in
                switch call.prompt {
                case "quick": .chat("quick")
                case "fails": .fail(503)
                default: .when({ isReleased.withLock { $0 } }, .chat(call.prompt))
                }
            }, inFlightMax: 4, speed: 1
        ) { server, hostile, _ in
            let asked = Task { try await server.askAll(Self.prompts) }
            try await until { hostile.seen.busy == 4 && server.statistics.waiting == 36 }
            server.letNobodyIn()
            asked.cancel()
            try await until { server.statistics.waiting == 0 && server.statistics.asking == 4 }
            #expect(hostile.seen.busy == 4, "they are paid for")
            isReleased.withLock { $0 = true }
            let words = try await asked.value.map(\.word)
            #expect(words.count { $0 == "[cancelled]" } == 36)
            #expect(zip(words, Self.prompts).count { $0 == $1 } == 4)
            #expect(server.statistics.inFlight == 0 && server.statistics.cancelled == 0)
            #expect(hostile.seen.chats == 4)
        }
        try await withServer({ $0.prompt == "quick" ? .chat("quick") : .fail(503) }, inFlightMax: 4, speed: 1) {
            server, _, _ in
            let words3 = try await server.askAll(["quick"]).map(\.word)
            #expect(words3 == ["quick"])
            let resting = Task { try await server.askAll(["fails"]) }
            try await until { server.statistics.serverFailures["unavailable"] != nil }
            resting.cancel()
            let words4 = try await resting.value.map(\.word)
            #expect(words4 == ["[cancelled]"])
        }
    }

    @Test("Shut down, those who wait are cancelled, and so is who comes later")
    func shutdown() async throws {
        try await withServer({ _ in .hang }, inFlightMax: 2) { server, hostile, _ in
            async let words = server.askAll(Self.prompts).map(\.word)
            try await until { hostile.seen.busy == 2 && server.statistics.waiting == 38 }
            await server.shutdown()
            let answered = try await words
            #expect(answered == Self.prompts.map { _ in "[cancelled]" })
            let words5 = try await server.askAll(["a"]).map(\.word)
            #expect(words5 == ["[cancelled]"])
        }
    }

    @Test("Many come and go at random; nobody is lost and nothing is left over")
    func churn() async throws {
        try await withServer(
            { call in
                switch call.number % 7 {
                case 0: .fail(429)
                case 1: .reset(after: [])
                case 2: .after(0.01, .chat(call.prompt))
                case 3: .json("{")
                default: .chat(call.prompt)
                }
            }, inFlightMax: 16, speed: 200
        ) { server, _, _ in
            await withTaskGroup(of: Void.self) { group in
                for index in 0..<300 {
                    group.addTask {
                        guard let request = try? request("p\(index)") else { return }
                        let asked = Task { await server.result(request).word }
                        if index % 3 == 0 {
                            try? await Task.sleep(for: .milliseconds(index % 17))
                            asked.cancel()
                        }
                        let word = await asked.value
                        #expect(word == "p\(index)" || index % 3 == 0 && word == "[cancelled]")
                    }
                }
            }
        }
    }

    @Test("Slots stay full while requests wait, with some answers ten times slower")
    func saturation() async throws {
        let slots = Figures.number("MILLRACE_SLOTS") ?? 64
        let seconds = 0.2
        try await withServer(
            { $0.number % 10 == 3 ? .after(seconds * 10, .chat("a")) : .after(seconds, .chat("a")) },
            inFlightMax: slots
        ) { server, hostile, _ in
            let prompts = (0..<slots * 10).map { "p\($0)" }
            let processor = Figures.processorSeconds()
            async let words = server.askAll(prompts)
            try await until { hostile.seen.chats >= slots }
            let (started, before) = (ContinuousClock.now, hostile.seen.busySeconds)
            try await until { server.statistics.waiting == 0 }
            let share =
                (hostile.seen.busySeconds - before) / (started.duration(to: .now) / .seconds(1)) / Double(slots)
            let answered = try await words.filter { (try? $0.get()) != nil }.count
            #expect(answered == prompts.count)
            #expect(hostile.seen.busyMax <= slots)
            #expect(server.statistics.calls == prompts.count)
            let cpu = (Figures.processorSeconds() - processor) / Double(prompts.count) * 1e6
            Figures.record(
                "saturation: \(share) of \(slots) slots busy while requests waited; "
                    + "\(cpu) us of processor a call, both ends; \(Figures.residentMegabytes()) MB at most")
        }
    }
}
