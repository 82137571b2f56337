// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Makes answers a few at a time, and keeps account of what is being made and sent.
final class AnswerDesk: Sendable {
    private struct State {
        var answers = 0
        var bytes = 0
        var listeners = 0
        /// Feeds that have been listened to, with their makers.
        var feeds: [ObjectIdentifier: StatusFeed] = [:]
        var isClosed = false
    }

    private let limits: ServerLimits
    private let workers = WorkerExecutor(threads: 2)
    /// States are made apart, so that a search holds none of them up.
    private let makers = WorkerExecutor(threads: 1)
    private let state = Mutex(State())

    init(limits: ServerLimits) { self.limits = limits }

    /// Makes an answer of a route.
    func answer(
        _ route: StatusRoute, _ request: StatusRequest, report: @Sendable (String) -> Void
    ) async throws(Refusal) -> StatusAnswer {
        let isFree = self.state.withLock { state in
            guard state.answers < self.limits.answers else { return false }
            state.answers += 1
            return true
        }
        guard isFree else { throw .busy }
        defer { self.state.withLock { $0.answers -= 1 } }
        do {
            return try await Task(executorPreference: self.workers) { try await route.answer(request) }.value
        } catch {
            report("the page's answer to \(route.path) failed: \(error)")
            throw .failed
        }
    }

    /// Takes room for an answer's bytes.
    func take(_ bytes: Int) throws(Refusal) {
        let hasRoom = self.state.withLock { state in
            guard bytes <= self.limits.bytesInFlight - state.bytes else { return false }
            state.bytes += bytes
            return true
        }
        if !hasRoom { throw .tooLong }
    }

    /// Gives room back.
    func sent(_ bytes: Int) { self.state.withLock { $0.bytes -= bytes } }

    /// Bytes that are being sent.
    var bytesInFlight: Int { self.state.withLock(\.bytes) }

    /// Takes a place among the listeners, and lets the feed begin with its first.
    func listen(to feed: StatusFeed) throws(Refusal) {
        enum Place { case taken, first, none }
        let place: Place = self.state.withLock { state in
            guard state.listeners < self.limits.listeners, !state.isClosed else { return .none }
            state.listeners += 1
            return state.feeds.updateValue(feed, forKey: ObjectIdentifier(feed)) == nil ? .first : .taken
        }
        switch place {
        case .none: throw .listeners
        case .taken: return
        case .first:
            Task(executorPreference: self.makers) { await feed.run() }
            let heartbeat = self.limits.heartbeat
            Task(executorPreference: self.makers) {
                while await feed.beat(every: heartbeat) {}
            }
        }
    }

    /// Gives a listener's place back.
    func unlisten() { self.state.withLock { $0.listeners -= 1 } }

    /// Ends all feeds.
    func close() {
        let feeds = self.state.withLock { state in
            state.isClosed = true
            return Array(state.feeds.values)
        }
        for feed in feeds { feed.close() }
    }
}

/// Makes the figures for all who ask within a moment once, on a thread of their own: a scrape must not wait for a
/// search.
final class FiguresDesk: Sendable {
    typealias Figures = (type: String, bytes: [UInt8])

    private struct Kept: Sendable {
        let figures: Figures
        let time: ContinuousClock.Instant
    }

    private let age: Duration
    private let make: @Sendable () async throws -> Figures
    private let worker = WorkerExecutor(threads: 1)
    private let state = Mutex<(kept: Kept?, making: Task<Kept, any Error>?)>((nil, nil))

    init(age: Duration, make: @escaping @Sendable () async throws -> Figures) {
        self.age = age
        self.make = make
    }

    func text(report: @Sendable (String) -> Void) async throws(Refusal) -> Figures {
        let now = ContinuousClock.now
        enum Way { case kept(Figures), task(Task<Kept, any Error>) }
        let way: Way = self.state.withLock { state in
            if let kept = state.kept, now - kept.time < self.age { return .kept(kept.figures) }
            if let making = state.making { return .task(making) }
            let task = Task(executorPreference: self.worker) { [make] in
                defer { self.state.withLock { $0.making = nil } }
                let kept = Kept(figures: try await make(), time: .now)
                self.state.withLock { $0.kept = kept }
                return kept
            }
            state.making = task
            return .task(task)
        }
        switch way {
        case .kept(let figures): return figures
        case .task(let task):
            do {
                return try await task.value.figures
            } catch {
                report("the figures could not be made: \(error)")
                throw .failed
            }
        }
    }
}
