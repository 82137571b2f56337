// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Calls under way, each shared by all who wait for the same answer.
final class FlightTable: Sendable {
    typealias Waiter = CheckedContinuation<CacheEntry, any Error>

    private struct Flight: Sendable {
        var id: Int
        var task: Task<Void, Never>?
        var waiters: [Int: Waiter] = [:]
    }

    private struct State: Sendable {
        var flights: [CacheKey: Flight] = [:]
        var lastID = 0

        mutating func nextID() -> Int {
            self.lastID += 1
            return self.lastID
        }
    }

    private let state = Mutex(State())

    /// The calls under way.
    var count: Int { self.state.withLock { $0.flights.count } }

    /// The callers who wait for a key.
    func waiters(for key: CacheKey) -> Int { self.state.withLock { $0.flights[key]?.waiters.count ?? 0 } }

    /// Waits for the answer to a key, making it if nobody does yet.
    ///
    /// - Parameters:
    ///   - onShared: called if another's call is waited for.
    ///   - make: makes the answer. Runs in a task of its own, which is cancelled once nobody waits any more.
    func answer(
        for key: CacheKey, onShared: () -> Void, make: @escaping @Sendable () async throws -> CacheEntry
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
            if Task.isCancelled { return .cancelled }
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
                return true
            }
            // It has ended already, which this does nothing to, or its only waiter has left.
            if !isWanted { task.cancel() }
        }
    }

    private func land(_ key: CacheKey, _ id: Int, _ result: Result<CacheEntry, any Error>) {
        let waiters = self.state.withLock { state -> [Waiter] in
            // Another flight of the same key may have begun since everyone left this one.
            guard let flight = state.flights[key], flight.id == id else { return [] }
            state.flights[key] = nil
            return Array(flight.waiters.values)
        }
        for waiter in waiters { waiter.resume(with: result) }
    }

    private func leave(_ key: CacheKey, _ ticket: Int) {
        let (waiter, task) = self.state.withLock { state -> (Waiter?, Task<Void, Never>?) in
            guard let waiter = state.flights[key]?.waiters.removeValue(forKey: ticket) else { return (nil, nil) }
            guard state.flights[key]?.waiters.isEmpty == true else { return (waiter, nil) }
            return (waiter, state.flights.removeValue(forKey: key)?.task)
        }
        task?.cancel()
        waiter?.resume(throwing: CancellationError())
    }
}

extension ResponseCache {
    /// The answer under a key: from the cache, from a call that is under way in this process, or from a new call, whose
    /// answer is stored before anyone sees it.
    ///
    /// - A caller who is cancelled leaves at once with `CancellationError`; the call goes on for those who still wait,
    ///   and is cancelled with the last of them.
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
