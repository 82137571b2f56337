// SPDX-License-Identifier: Apache-2.0

import Foundation
import Records
import Synchronization
import Testing

@testable import ModelAnswerCache

/// Identical requests in flight are one call.
@Suite struct SharedCalls {
    private let folder: TemporaryFolder
    private let cache: ResponseCache

    init() throws {
        self.folder = try TemporaryFolder()
        self.cache = try self.folder.open()
    }

    /// A call that ends when it is told to, and counts.
    private final class Call: Sendable {
        private struct State {
            var count = 0
            var cancelled = 0
            var continuation: AsyncStream<Result<CacheEntry, any Error>>.Continuation?
        }

        private let state = Mutex(State())
        var count: Int { self.state.withLock { $0.count } }
        var cancelled: Int { self.state.withLock { $0.cancelled } }

        func make() async throws -> CacheEntry {
            let (stream, continuation) = AsyncStream.makeStream(of: Result<CacheEntry, any Error>.self)
            self.state.withLock { state in
                state.count += 1
                state.continuation = continuation
            }
            // Ends without an element where the task is cancelled.
            for await result in stream { return try result.get() }
            self.state.withLock { $0.cancelled += 1 }
            throw CancellationError()
        }

        func end(_ result: Result<CacheEntry, any Error>) {
            self.state.withLock { $0.continuation }?.yield(result)
        }
    }

    private struct Refused: Error, Equatable {}

    private func until(_ condition: () -> Bool) async throws {
        while !condition() { try await Task.sleep(for: .milliseconds(1)) }
    }

    private func waiters(_ count: Int, _ call: Call) throws -> [Task<CacheEntry, any Error>] {
        let key = try entry(1).key
        return (0..<count).map { _ in Task { [cache] in try await cache.answer(for: key) { try await call.make() } } }
    }

    @Test func oneCallServesAll() async throws {
        let call = Call()
        let given = try entry(1)
        let tasks = try self.waiters(20, call)
        try await self.until { self.cache.flights.waiters(for: given.key) == 20 && call.count == 1 }
        call.end(.success(given))
        for task in tasks { #expect(try await task.value.answer == given.answer) }
        #expect(call.count == 1)
        #expect(self.cache.counters.shared == 19 && self.cache.counters.stored == 1)
        #expect(self.cache.flights.count == 0)
        // And from the cache later on.
        let again = try await self.cache.answer(for: given.key) { throw Refused() }
        #expect(again == given.withoutRequest)
    }

    @Test func aFailureIsEveryonesAndNotKept() async throws {
        let call = Call()
        let tasks = try self.waiters(5, call)
        let key = try entry(1).key
        try await self.until { self.cache.flights.waiters(for: key) == 5 && call.count == 1 }
        call.end(.failure(Refused()))
        for task in tasks { await #expect(throws: Refused.self) { try await task.value } }
        let given = try entry(1)
        #expect(try await self.cache.answer(for: key) { given } == given)
    }

    @Test func aCancelledWaiterLeavesTheCallToTheOthers() async throws {
        let call = Call()
        let given = try entry(1)
        let tasks = try self.waiters(3, call)
        try await self.until { self.cache.flights.waiters(for: given.key) == 3 && call.count == 1 }
        // Whoever began the call is among these two or is the third: both must work, and do.
        for task in tasks[..<2] {
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
        #expect(call.cancelled == 0)
        call.end(.success(given))
        #expect(try await tasks[2].value.answer == given.answer)
        #expect(try self.cache.lookup(given.key) != nil)
    }

    @Test func theLastOneToLeaveCancelsTheCall() async throws {
        let call = Call()
        let key = try entry(1).key
        let tasks = try self.waiters(3, call)
        try await self.until { self.cache.flights.waiters(for: key) == 3 && call.count == 1 }
        for task in tasks { task.cancel() }
        for task in tasks { await #expect(throws: CancellationError.self) { try await task.value } }
        try await self.until { call.cancelled == 1 }
        #expect(self.cache.flights.count == 0)
        // The next caller begins anew.
        let given = try entry(1)
        #expect(try await self.cache.answer(for: key) { given } == given)
    }

    /// A call that cannot be taken back: it ends when it is told to, cancelled or not.
    private final class SentCall: Sendable {
        private let state = Mutex((count: 0, isCancelled: false, result: CacheEntry?.none))
        var count: Int { self.state.withLock { $0.count } }
        var isCancelled: Bool { self.state.withLock { $0.isCancelled } }

        func make() async -> CacheEntry {
            self.state.withLock { $0.count += 1 }
            while true {
                if let result = self.state.withLock({ $0.result }) { return result }
                if Task.isCancelled { self.state.withLock { $0.isCancelled = true } }
                // Sleeping would end at once in a cancelled task.
                await Task { try? await Task.sleep(for: .milliseconds(1)) }.value
            }
        }

        func end(_ entry: CacheEntry) { self.state.withLock { $0.result = entry } }
    }

    @Test func aCallThatCannotBeTakenBackIsWaitedForAndKept() async throws {
        let call = SentCall()
        let given = try entry(1)
        let tasks = (0..<3).map { _ in Task { [cache] in try await cache.answer(for: given.key) { await call.make() } }
        }
        try await self.until { self.cache.flights.waiters(for: given.key) == 3 && call.count == 1 }
        for task in tasks { task.cancel() }
        try await self.until { call.isCancelled && self.cache.flights.waiters(for: given.key) == 1 }
        // A later caller shares it, though it was given up.
        let late = Task { [cache] in try await cache.answer(for: given.key) { await call.make() } }
        try await self.until { self.cache.flights.waiters(for: given.key) == 2 }
        call.end(given)
        #expect(try await late.value.answer == given.answer)
        let results = await [tasks[0].result, tasks[1].result, tasks[2].result]
        #expect(results.count { (try? $0.get())?.answer == given.answer } == 1, "the last to leave has waited")
        #expect(call.count == 1 && self.cache.flights.count == 0)
        #expect(try self.cache.lookup(given.key)?.answer == given.answer)
    }

    @Test func whoComesToACallThatOthersHaveGivenUpBeginsAnew() async throws {
        let given = try entry(1)
        let isLate = Mutex(false)
        let early = Task { [cache] in
            try await cache.answer(for: given.key) {
                while !isLate.withLock({ $0 }) { await Task { try? await Task.sleep(for: .milliseconds(1)) }.value }
                throw CancellationError()
            }
        }
        try await self.until { self.cache.flights.waiters(for: given.key) == 1 }
        early.cancel()
        let late = Task { [cache] in try await cache.answer(for: given.key) { given } }
        try await self.until { self.cache.flights.waiters(for: given.key) == 2 }
        isLate.withLock { $0 = true }
        #expect(try await late.value == given)
        await #expect(throws: CancellationError.self) { try await early.value }
    }

    @Test func theEndWaitsForWhatCannotBeTakenBackAndNoLongerThanItIsTold() async throws {
        let (sent, plain) = (SentCall(), Call())
        let (given, other) = (try entry(1), try entry(2))
        let waiting = Task { [cache] in try await cache.answer(for: given.key) { await sent.make() } }
        let gone = Task { [cache] in try await cache.answer(for: other.key) { try await plain.make() } }
        try await self.until { sent.count == 1 && plain.count == 1 }
        // Told to wait no longer, it is back though a call is under way.
        await self.cache.endCalls {}
        #expect(self.cache.flights.waiters(for: given.key) == 1)
        await #expect(throws: CancellationError.self) { try await gone.value }
        let hasEnded = Mutex(false)
        let end = Task { [cache] in
            await cache.endCalls { try? await Task.sleep(for: .seconds(3600)) }
            hasEnded.withLock { $0 = true }
        }
        try await self.until { sent.isCancelled }
        #expect(!hasEnded.withLock { $0 })
        sent.end(given)
        await end.value
        #expect(try self.cache.lookup(given.key)?.answer == given.answer)
        #expect(try await waiting.value.answer == given.answer)
    }

    @Test func whoIsCancelledBeforeAskingDoesNotCall() async throws {
        let call = Call()
        let key = try entry(1).key
        let task = Task { [cache] in
            withUnsafeCurrentTask { $0?.cancel() }
            return try await cache.answer(for: key) { try await call.make() }
        }
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(call.count == 0 && self.cache.flights.count == 0)
    }

    @Test func anotherProcesssAnswerIsPreferred() async throws {
        let other = try self.folder.open()
        let mine = try entry(1, answer: "mine")
        let theirs = try entry(1, answer: "theirs")
        let got = try await self.cache.answer(for: mine.key) {
            _ = try await other.store(theirs)
            return mine
        }
        #expect(got.answer == theirs.answer)
        #expect(self.cache.counters.beaten == 1)
    }

    @Test func anAnswerToSomethingElseIsRefused() async throws {
        let wrong = try entry(2)
        let key = try entry(1).key
        await #expect(throws: CacheError.self) { try await self.cache.answer(for: key) { wrong } }
        #expect(try self.cache.statistics().total.entries == 0)
    }

    /// Calls, cancellations and failures at random: nobody waits for ever, nobody gets another's answer.
    @Test func manyAtOnce() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for round in 0..<400 {
                let number = round % 40
                let expected = try entry(number)
                group.addTask { [cache] in
                    let task = Task {
                        try await cache.answer(for: expected.key) {
                            await Task.yield()
                            if round % 7 == 0 { throw Refused() }
                            return expected
                        }
                    }
                    if round % 5 == 0 { task.cancel() }
                    switch await task.result {
                    case .success(let found): #expect(found.answer == expected.answer)
                    case .failure(let error): #expect(error is Refused || error is CancellationError)
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(self.cache.flights.count == 0)
        #expect(try self.cache.verify().isSound)
    }
}
