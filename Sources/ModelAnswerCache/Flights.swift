// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Calls under way, each shared by all who wait for the same answer.
final class FlightTable: Sendable {
    typealias Waiter = CheckedContinuation<CacheEntry, any Error>

    private struct Flight: Sendable {
        var id: Int
        var task: Task<Void, Never>?
        var waiters: [Int: Waiter] = [:]
        /// Tells whether everyone who waited has been cancelled, and its task told so.
        var isGivenUp = false
    }

    /// The call that one waited for was given up by others, and brought no answer.
    private struct GivenUp: Error {}

    private struct State: Sendable {
        var flights: [CacheKey: Flight] = [:]
        var lastID = 0
        /// Tells whether no more calls begin.
        var isEnding = false
        /// Those who wait for the end of all calls.
        var watchers: [Int: CheckedContinuation<Void, Never>] = [:]

        mutating func nextID() -> Int {
            self.lastID += 1
            return self.lastID
        }

        /// Those who wait for the end of all calls, if it has come.
        mutating func takeWatchers() -> [CheckedContinuation<Void, Never>] {
            guard self.flights.isEmpty else { return [] }
            defer { self.watchers.removeAll() }
            return Array(self.watchers.values)
        }
    }

    private let state = Mutex(State())

    /// The calls under way.
    var count: Int { self.state.withLock { $0.flights.count } }

    /// The callers who wait for a key.
    func waiters(for key: CacheKey) -> Int { self.state.withLock { $0.flights[key]?.waiters.count ?? 0 } }

    /// Waits for the answer to a key, making it if nobody does yet.
    ///
    /// A caller who is cancelled leaves it to those who still wait. The last of them has it cancelled and waits for its
    /// end: `make` may have sent what it cannot take back, and then answers all the same.
    /// - Parameters:
    ///   - onShared: called if another's call is waited for.
    ///   - make: makes the answer. Runs in a task of its own, which is cancelled once nobody waits any more.
    func answer(
        for key: CacheKey, onShared: () -> Void, make: @escaping @Sendable () async throws -> CacheEntry
    ) async throws -> CacheEntry {
        while true {
            do {
                return try await self.share(key, onShared, make)
            } catch is GivenUp {
                // Those who came after that do not suffer by it, and ask again.
                if Task.isCancelled || self.state.withLock({ $0.isEnding }) { throw CancellationError() }
            }
        }
    }

    private func share(
        _ key: CacheKey, _ onShared: () -> Void, _ make: @escaping @Sendable () async throws -> CacheEntry
    ) async throws -> CacheEntry {
        let ticket = self.state.withLock { $0.nextID() }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (waiter: Waiter) in
                self.board(key, ticket, waiter, onShared, make)
            }
        } onCancel: {
            self.leave(key, ticket)
        }
    }

    private func board(
        _ key: CacheKey, _ ticket: Int, _ waiter: Waiter, _ onShared: () -> Void,
        _ make: @escaping @Sendable () async throws -> CacheEntry
    ) {
        enum Outcome { case started(Int), shared, cancelled }
        let outcome: Outcome = self.state.withLock { state in
            // A cancellation before this is seen here; one after it finds the waiter.
            if Task.isCancelled || state.isEnding { return .cancelled }
            if state.flights[key] != nil {
                state.flights[key]?.waiters[ticket] = waiter
                return .shared
            }
            let id = state.nextID()
            state.flights[key] = Flight(id: id, waiters: [ticket: waiter])
            return .started(id)
        }
        switch outcome {
        case .cancelled: waiter.resume(throwing: CancellationError())
        case .shared: onShared()
        case .started(let id):
            // Not a child of this caller's task: it has to outlive this caller if others wait, too.
            let task = Task {
                let result: Result<CacheEntry, any Error>
                do {
                    result = .success(try await make())
                } catch {
                    result = .failure(error)
                }
                self.land(key, id, result)
            }
            let isWanted = self.state.withLock { state in
                guard state.flights[key]?.id == id else { return false }
                state.flights[key]?.task = task
                return state.flights[key]?.isGivenUp == false
            }
            // It has ended already, which this does nothing to, or its only waiter was cancelled.
            if !isWanted { task.cancel() }
        }
    }

    private func land(_ key: CacheKey, _ id: Int, _ result: Result<CacheEntry, any Error>) {
        let (flight, watchers) = self.state.withLock { state in
            let flight = state.flights[key]?.id == id ? state.flights.removeValue(forKey: key) : nil
            return (flight, state.takeWatchers())
        }
        let isGivenUp = flight?.isGivenUp == true && (try? result.get()) == nil
        for waiter in flight?.waiters.values.map({ $0 }) ?? [] {
            if isGivenUp { waiter.resume(throwing: GivenUp()) } else { waiter.resume(with: result) }
        }
        for watcher in watchers { watcher.resume() }
    }

    private func leave(_ key: CacheKey, _ ticket: Int) {
        let (waiter, task) = self.state.withLock { state -> (Waiter?, Task<Void, Never>?) in
            guard let flight = state.flights[key], !flight.isGivenUp, flight.waiters[ticket] != nil else {
                return (nil, nil)
            }
            if flight.waiters.count > 1 { return (state.flights[key]?.waiters.removeValue(forKey: ticket), nil) }
            state.flights[key]?.isGivenUp = true
            return (nil, flight.task)
        }
        task?.cancel()
        waiter?.resume(throwing: CancellationError())
    }

    // MARK: Ending

    /// Begins no more calls, gives up those under way, and waits for their ends, or until the caller's task is
    /// cancelled.
    func end() async {
        let tasks = self.state.withLock { state in
            state.isEnding = true
            for key in state.flights.keys { state.flights[key]?.isGivenUp = true }
            return state.flights.values.compactMap(\.task)
        }
        for task in tasks { task.cancel() }
        let number = self.state.withLock { $0.nextID() }
        await withTaskCancellationHandler {
            await withCheckedContinuation { watcher in
                let isOver = self.state.withLock { state in
                    if state.flights.isEmpty || Task.isCancelled { return true }
                    state.watchers[number] = watcher
                    return false
                }
                if isOver { watcher.resume() }
            }
        } onCancel: {
            self.state.withLock { $0.watchers.removeValue(forKey: number) }?.resume()
        }
    }
}

extension ResponseCache {
    /// The answer under a key: from the cache, from a call that is under way in this process, or from a new call, whose
    /// answer is stored before anyone sees it.
    ///
    /// - A caller who is cancelled leaves at once with `CancellationError` while others still wait. With the last of
    ///   them the call is cancelled, and its end waited for: `make` may be past the point from which it cannot be taken
    ///   back, and what it answers then is stored, and returned, all the same.
    /// - Where `make` throws, all who wait for it get its error, and nothing is stored: the next caller tries again.
    /// - Where another process was faster, its answer is the one that is returned.
    /// - An entry that is not accepted counts as damaged: it is reported, and the answer of a new call takes its place.
    /// - Parameters:
    ///   - key: the SHA-256 of the canonical request.
    ///   - isAccepted: whether a kept entry can be used.
    ///   - onStored: is told what became of what `make` answered.
    ///   - make: calls the model, and answers what is to be stored under that key.
    /// - Throws: what `make` throws, `CacheError`, `CancellationError`.
    public func answer(
        for key: CacheKey, accepting isAccepted: @escaping @Sendable (CacheEntry) -> Bool = { _ in true },
        onStored: @escaping @Sendable (CacheInsertion) -> Void = { _ in },
        make: @escaping @Sendable () async throws -> CacheEntry
    ) async throws -> CacheEntry {
        let kept = try self.find(key)
        let isKept = kept.map(isAccepted) ?? false
        self.count { if isKept { $0.hits += 1 } else { $0.misses += 1 } }
        if isKept, let kept { return kept }
        return try await self.flights.answer(for: key) {
            self.count { $0.shared += 1 }
        } make: {
            // Another call may have ended between the lookup and here.
            let kept = try self.find(key)
            if let kept, isAccepted(kept) { return kept }
            if kept != nil { self.reportDamage([key]) }
            let entry = try await make()
            guard entry.key == key else {
                throw CacheError(.invalidArgument, "an answer to \(entry.key) was made for \(key)")
            }
            let insertion = try await self.storePatiently(entry, replacing: kept)
            onStored(insertion)
            return insertion.entry
        }
    }

    /// Gives up all calls of `answer(for:)` that are under way, and waits for their ends: for those that are past being
    /// taken back, until their answers are stored. No more begin: who asks for an answer that is not kept is cancelled.
    /// - Parameter time: ends when they are waited for no longer.
    public func endCalls(until time: @escaping @Sendable () async -> Void) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.flights.end() }
            group.addTask { await time() }
            await group.next()
            group.cancelAll()
        }
    }

    /// An answer has been paid for: while another process holds the file, its storing is tried again.
    private func storePatiently(_ entry: CacheEntry, replacing kept: CacheEntry?) async throws(CacheError)
        -> CacheInsertion
    {
        while true {
            do throws(CacheError) {
                return try await self.store(entry, replacing: kept)
            } catch {
                guard error.isRetriable else { throw error }
                // The store itself has waited for `busyTimeoutMilliseconds`, so this is no busy loop.
            }
        }
    }
}
