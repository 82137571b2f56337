// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization

/// States that are told to all who listen: of each name, the newest.
///
/// A state is made once for all, only while someone listens, and told only when it has changed. A listener that is
/// slow,
/// or comes again with a `Last-Event-ID`, gets the newest of each name and not the ones between, so nothing is
/// queued for
/// anyone: send states in it, not differences.
public final class StatusFeed: Sendable {
    /// Names that a feed can have. Events of more names are dropped.
    public static let maxNames = 16
    /// Longest data of an event, in bytes. A longer one is dropped.
    public static let maxDataBytes = 1 << 20

    /// Least time between two states.
    public let interval: Duration
    private let make: @Sendable () async -> [StatusEvent]
    private let state: Mutex<FeedState>

    /// - Parameters:
    ///   - interval: least time between two states.
    ///   - make: the states as of now, on a thread that may wait for a disk.
    public init(every interval: Duration, make: @escaping @Sendable () async -> [StatusEvent]) {
        self.interval = interval
        self.make = make
        // Ids of another process must not be taken for ours: a client that comes again then gets everything.
        self.state = Mutex(FeedState(epoch: .random(in: .min ... .max)))
    }

    /// Those who listen.
    var listeners: Int { self.state.withLock(\.listeners) }

    /// Events that were dropped, for their length or for their names.
    var dropped: Int { self.state.withLock(\.dropped) }

    /// Makes states while someone listens, until the feed is closed.
    func run() async {
        while await self.waitForListener() {
            let events = await self.make()
            self.publish(events)
            try? await Task.sleep(for: self.interval)
            if Task.isCancelled { return }
        }
    }

    /// Tells the events that have changed.
    func publish(_ events: [StatusEvent]) {
        self.state.withLock { $0.publish(events) }.forEach { $0.resume() }
    }

    /// Wakes all listeners, so that each can see whether its client is still there.
    func wake() { self.state.withLock { $0.takeWaiting() }.forEach { $0.resume() } }

    /// Wakes all listeners after a while.
    /// - Returns: false where the feed is closed.
    func beat(every time: Duration) async -> Bool {
        try? await Task.sleep(for: time)
        self.wake()
        return !self.state.withLock(\.isClosed)
    }

    /// Ends the feed for all listeners.
    func close() { self.state.withLock { $0.close() }.forEach { $0.resume() } }

    /// A new listener.
    /// - Parameter id: the id of the last event that its client has seen.
    func listen(after id: String?) -> Listener { self.state.withLock { $0.add(after: id) } }

    /// The events that are new for a listener, as they are sent; one form for all.
    /// - Returns: nil where the feed is closed.
    func news(for listener: inout Listener) -> [ByteBuffer]? {
        self.state.withLock { state in state.news(for: &listener) }
    }

    /// Waits until there may be news: for an event, a wake, or the end. Returns at once for a listener who has been
    /// woken
    /// since it saw its news.
    func wait(_ listener: Listener) async {
        await withCheckedContinuation { continuation in
            let goesOn = self.state.withLock { !$0.wait(continuation, as: listener) }
            if goesOn { continuation.resume() }
        }
    }

    /// Wakes one listener, whose client has gone.
    func wake(_ listener: Listener) { self.state.withLock { $0.takeWaiting(listener) }?.resume() }

    /// Forgets a listener.
    func leave(_ listener: Listener) { self.state.withLock { $0.remove(listener) } }

    private func waitForListener() async -> Bool {
        await withCheckedContinuation { continuation in
            let goesOn = self.state.withLock { !$0.waitForListener(continuation) }
            if goesOn { continuation.resume() }
        }
        return !self.state.withLock(\.isClosed)
    }
}

extension StatusFeed {
    /// One who listens, and where it is.
    struct Listener: Sendable {
        let number: UInt64
        /// Events it has seen, by their count.
        var seen: UInt64
        /// Wakes it has seen.
        var wakes: UInt64
    }
}

/// The states of a feed, and those who wait for them.
private struct FeedState {
    typealias Continuation = CheckedContinuation<Void, Never>

    let epoch: UInt32
    var newest: [String: (number: UInt64, event: StatusEvent, frame: ByteBuffer)] = [:]
    /// Events so far.
    var number: UInt64 = 0
    var wakes: UInt64 = 0
    var listeners = 0
    var dropped = 0
    var isClosed = false
    private var nextListener: UInt64 = 0
    private var waiting: [UInt64: Continuation] = [:]
    private var maker: Continuation?

    init(epoch: UInt32) { self.epoch = epoch }

    mutating func publish(_ events: [StatusEvent]) -> [Continuation] {
        let before = self.number
        for event in events where self.newest[event.name]?.event != event {
            let isKnown = self.newest[event.name] != nil
            guard event.data.count <= StatusFeed.maxDataBytes,
                isKnown || self.newest.count < StatusFeed.maxNames
            else {
                self.dropped += 1
                continue
            }
            self.number += 1
            let frame = EventStream.frame(id: "\(self.epoch)-\(self.number)", event)
            self.newest[event.name] = (self.number, event, frame)
        }
        return self.number == before ? [] : self.takeWaiting()
    }

    mutating func takeWaiting() -> [Continuation] {
        self.wakes += 1
        defer { self.waiting = [:] }
        return Array(self.waiting.values)
    }

    mutating func takeWaiting(_ listener: StatusFeed.Listener) -> Continuation? {
        self.waiting.removeValue(forKey: listener.number)
    }

    mutating func close() -> [Continuation] {
        self.isClosed = true
        defer { self.maker = nil }
        return self.takeWaiting() + (self.maker.map { [$0] } ?? [])
    }

    mutating func add(after id: String?) -> StatusFeed.Listener {
        self.listeners += 1
        self.nextListener += 1
        self.maker?.resume()
        self.maker = nil
        return StatusFeed.Listener(number: self.nextListener, seen: self.number(of: id), wakes: self.wakes)
    }

    mutating func remove(_ listener: StatusFeed.Listener) { self.listeners -= 1 }

    func news(for listener: inout StatusFeed.Listener) -> [ByteBuffer]? {
        if self.isClosed { return nil }
        listener.wakes = self.wakes
        let seen = listener.seen
        listener.seen = self.number
        return self.newest.values.filter { $0.number > seen }.sorted { $0.number < $1.number }.map(\.frame)
    }

    /// - Returns: false where there is nothing to wait for.
    mutating func wait(_ continuation: Continuation, as listener: StatusFeed.Listener) -> Bool {
        if self.isClosed || self.wakes != listener.wakes { return false }
        self.waiting[listener.number] = continuation
        return true
    }

    /// - Returns: false where there is nothing to wait for.
    mutating func waitForListener(_ continuation: Continuation) -> Bool {
        if self.isClosed || self.listeners > 0 { return false }
        self.maker = continuation
        return true
    }

    private func number(of id: String?) -> UInt64 {
        guard let id, id.utf8.count <= 40 else { return 0 }
        let parts = id.split(separator: "-", maxSplits: 1)
        guard parts.count == 2, UInt32(parts[0]) == self.epoch, let number = UInt64(parts[1]) else { return 0 }
        return min(number, self.number)
    }
}
