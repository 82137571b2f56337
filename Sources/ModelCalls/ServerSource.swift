// SPDX-License-Identifier: Apache-2.0

import CoreMetrics
import Foundation
import ModelAnswerCache
import ModelRequests
import ModelServers
import Records
import Synchronization

/// The answers of one server: those that are kept, and those that it is called for.
final class ServerSource: CompletionSource {
    /// Maximum number of calls at a time if nobody says how many.
    static let inFlightMax = 64
    /// The same if the server does not say either.
    private static let inFlightUnknown = 16

    let description: ModelEndpoint
    private let configuration: ClientConfiguration
    private let cache: ResponseCache
    private let ledger: CallLedger
    private let options: CompletionService.Options
    private let halting: RunHalt
    private let meters: ServerMeters
    private let arrival = Arrival<ModelServer>()
    private let state = Mutex(State())

    private struct State {
        /// The task that waits for the server's first answer.
        var arriving: Task<Void, Never>?
        var server: ModelServer?
        /// Since when the server's first answer is waited for, and what was heard instead.
        var beforeArrival: (since: Double, message: String)?
        var usage = ServerUsage()
        /// The prices of its models.
        var prices: [String: ModelPrice] = [:]
        var isShutDown = false
    }

    init(
        _ description: ModelEndpoint, _ configuration: ClientConfiguration, _ cache: ResponseCache,
        _ journal: CallJournal, _ options: CompletionService.Options, _ halting: RunHalt
    ) {
        self.description = description.withoutPrice
        self.configuration = configuration
        self.meters = ServerMeters(
            server: configuration.endpoint.description, factory: options.metrics ?? MetricsSystem.factory)
        self.cache = cache
        self.ledger = CallLedger(budget: options.budget, journal: journal, halting: halting)
        self.options = options
        self.halting = halting
    }

    var usage: ServerUsage {
        let (counted, server) = self.state.withLock { ($0.usage, $0.server) }
        var usage = counted
        usage.endpoint = self.configuration.endpoint.description
        if let server { usage.take(server.statistics) }
        return usage
    }

    /// Notes the price of a model.
    /// - Returns: whether it has no other one.
    func learn(_ price: ModelPrice?) -> Bool {
        guard let price else { return true }
        return self.state.withLock { state in
            let known = state.prices[price.model] ?? price
            state.prices[price.model] = known
            return known == price
        }
    }

    /// Tells the metrics of the usage so far.
    func measure() { self.meters.take(self.usage, waitSeconds: self.wait?.seconds) }

    /// The time the server has been waited for, and why; `nil` if it answers.
    var wait: ServerWait? {
        let (server, beforeArrival) = self.state.withLock { ($0.server, $0.beforeArrival) }
        let name = self.configuration.endpoint.description
        if let outage = server?.statistics.outage {
            return ServerWait(server: name, seconds: outage.seconds, message: outage.message)
        }
        guard let beforeArrival else { return nil }
        return ServerWait(
            server: name, seconds: self.options.clock.now() - beforeArrival.since, message: beforeArrival.message)
    }

    // MARK: Answers

    func kept(_ request: ChatRequest) -> Completion? {
        // Trouble with the cache is met again, and told, by `complete`.
        guard let key = try? CacheKey(request.key), let entry = try? self.cache.lookup(key),
            let answer = try? entry.read()
        else { return nil }
        self.state.withLock { $0.usage.hits += 1 }
        return Completion(answer)
    }

    func complete(_ request: ChatRequest, record: Int) async throws(CompletionFailure) -> Completion {
        while true {
            let call = CallRecord()
            do throws(CompletionFailure) {
                return try await self.complete(request, record, call)
            } catch {
                // A call is shared by all who ask the same, wherever their images lie. That another's were not found
                // says nothing of these.
                guard error.isOfFiles, !call.isOwn else { throw error }
            }
        }
    }

    private func complete(
        _ request: ChatRequest, _ record: Int, _ call: CallRecord
    ) async throws(CompletionFailure) -> Completion {
        do {
            let key = try CacheKey(request.key)
            // A kept answer is read here alone; a body that is no answer is asked for again.
            let entry = try await self.cache.answer(
                for: key, accepting: { (try? ChatAnswer(parsing: $0.answer)) != nil },
                onStored: { insertion in self.stored(insertion, call) }
            ) {
                try await self.call(request, key, record, call)
            }
            let made = call.value
            if made == nil { self.state.withLock { $0.usage.hits += 1 } }
            return Completion(try entry.read(), call: made)
        } catch let failure as CompletionFailure {
            throw failure
        } catch let error as CacheError where error.code != .closed {
            self.halting.halt(.failed(error.message))
            await RunHalt.untilCancelled()
            throw CompletionFailure.cancelled
        } catch let error as BadAnswer {
            // Only what came into the cache by another way than this can be like that.
            throw .request(reason: "bad-answer", message: "the kept answer cannot be read: \(error)", ModelCall())
        } catch {
            throw .cancelled
        }
    }

    private func call(
        _ request: ChatRequest, _ key: CacheKey, _ record: Int, _ call: CallRecord
    ) async throws -> CacheEntry {
        guard let server = await self.server(for: request) else {
            if self.halting.reason != nil { await RunHalt.untilCancelled() }
            throw CompletionFailure.cancelled
        }
        call.begin()
        self.ledger.begin(key, call)
        do throws(ChatFailure) {
            let answer = try await server.ask(request, record: record, observer: self.observer(of: call))
            self.count(answer, of: request.model)
            return CacheEntry(
                key: key, model: request.model, storedAt: Self.now(), answer: answer.body, request: request.canonical,
                omitted: answer.omitted)
        } catch {
            self.ledger.failed(key, isCancelled: error == .cancelled)
            switch error {
            case .request(let reason, let message):
                let made = call.value ?? ModelCall()
                throw reason.followsFromRequest
                    ? CompletionFailure.refused(reason: reason.rawValue, message: message, made)
                    : CompletionFailure.request(reason: reason.rawValue, message: message, made)
            case .shared(let message):
                self.halting.halt(.failed(self.hopeless(message, request.model)))
                await RunHalt.untilCancelled()
                throw CompletionFailure.cancelled
            case .unreadable(let message):
                self.halting.halt(
                    .failed("\(message). Nothing is lost: set it right, and the same command goes on from here"))
                await RunHalt.untilCancelled()
                throw CompletionFailure.cancelled
            case .server, .cancelled: throw CompletionFailure.cancelled
            }
        }
    }

    private func count(_ answer: ChatAnswer, of model: String) {
        self.state.withLock { state in
            guard let price = state.prices[model] else { return }
            state.usage.costs[price.currency, default: 0] += price.cost(
                tokensIn: answer.promptTokens ?? 0, tokensOut: answer.completionTokens ?? 0)
        }
    }

    /// Returns the message for when no request will be answered.
    private func hopeless(_ message: String, _ model: String) -> String {
        "the model server \(self.configuration.endpoint) will answer no request for `\(model)`: \(message). No record was made a "
            + "dead letter for it, and what was finished is kept: set it right, and the same command goes on from here"
    }

    private func observer(of call: CallRecord) -> CallObserver {
        var observer = CallObserver()
        observer.waitsOut = { fault in call.change { $0.serverFailures[fault.label, default: 0] += 1 } }
        observer.answered = { [meters] seconds in
            call.change { $0.seconds = seconds }
            meters.answered(seconds: seconds)
        }
        // A process that is killed makes again the calls that it has begun and not stored: no more than have a place.
        observer.keepsPlace = { giveBack in call.settleLater(giveBack) }
        return observer
    }

    private func stored(_ insertion: CacheInsertion, _ call: CallRecord) {
        self.ledger.stored(insertion.entry.key)
        if !insertion.wasStored { call.change { $0.isDuplicate = true } }
        let made = call.value ?? ModelCall()
        self.state.withLock { state in
            if made.isDuplicate { state.usage.duplicates += 1 }
        }
    }

    private static func now() -> Timestamp {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Timestamp(now.tv_sec) * 1000 + Timestamp(now.tv_nsec) / 1_000_000
    }

    // MARK: The server

    /// The server, once it has shown what it can do; `nil` if the run ends before.
    private func server(for request: ChatRequest) async -> ModelServer? {
        let isShutDown = self.state.withLock { state in
            if !state.isShutDown, state.arriving == nil {
                state.arriving = Task { self.arrival.come(await self.arrive(request)) }
            }
            return state.isShutDown
        }
        return isShutDown ? nil : await self.arrival.value()
    }

    /// Waits until the server answers a tiny request, put as `request` is, and says what it can do.
    private func arrive(_ request: ChatRequest) async -> ModelServer? {
        let model = request.model
        guard let client = try? ChatClient(self.configuration, meter: self.ledger.meter) else { return nil }
        let began = self.options.clock.now()
        self.state.withLock { $0.beforeArrival = (began, "it has not answered yet") }
        defer { self.state.withLock { $0.beforeArrival = nil } }
        let name = self.configuration.endpoint.description
        let notify = self.options.notify
        var retry = RetryDecision()
        var found = await client.probe(like: request)
        var isWaiting = false
        while case .server(let fault, let message)? = found.failure, !Task.isCancelled {
            if fault.needsAttention {
                self.halting.halt(.failed(self.hopeless(message, model)))
                break
            }
            if !isWaiting {
                notify(
                    .warning(
                        "the model server \(name) does not answer: \(message); waiting for it: nothing is lost, Ctrl-C ends"
                    ))
            }
            isWaiting = true
            self.state.withLock { $0.beforeArrival = (began, message) }
            try? await self.options.clock.sleep(retry.delaySeconds(after: fault, random: .random(in: 0..<1)))
            if !Task.isCancelled { found = await client.probe(like: request) }
        }
        if Task.isCancelled || found.failure == .cancelled || self.halting.reason != nil {
            await client.shutdown()
            return nil
        }
        let inFlight = self.description.inFlightMax ?? min(found.slots ?? Self.inFlightUnknown, Self.inFlightMax)
        for notice in found.notices(of: name, model: model, inFlight: inFlight) { notify(notice) }
        let server = ModelServer(
            client: client, settings: ModelServer.Settings(inFlightMax: inFlight), capabilities: (model, found),
            clock: self.options.clock
        ) { notice in
            switch notice {
            case .waiting(let message):
                notify(
                    .warning("the model server \(name) fails: \(message); waiting for it: nothing is lost, Ctrl-C ends")
                )
            case .recovered(let seconds):
                notify(.info("the model server \(name) answers again, after \(Int(seconds.rounded())) s"))
            case .adapted(let model, let changes):
                notify(.warning(ServerCapabilities.refusal(by: name, of: model, changes)))
            }
        }
        let isWanted = self.state.withLock { state in
            if !state.isShutDown { state.server = server }
            return !state.isShutDown
        }
        if !isWanted { await server.shutdown() }
        return isWanted ? server : nil
    }

    /// The requests that wait for a place.
    var waiting: Int { self.state.withLock { $0.server }?.statistics.waiting ?? 0 }

    /// The calls that have been sent, as far as they are not answered.
    var underWay: Int { self.state.withLock { $0.server }?.statistics.inFlight ?? 0 }

    /// Makes no more calls; those under way go on.
    func beginNoMore() { self.state.withLock { $0.server }?.letNobodyIn() }

    func shutdown() async {
        let (arriving, server) = self.state.withLock { state in
            state.isShutDown = true
            return (state.arriving, state.server)
        }
        arriving?.cancel()
        await server?.shutdown()
        self.measure()
    }
}

extension CacheEntry {
    /// The kept answer as it reads, with what it was asked for without.
    func read() throws(BadAnswer) -> ChatAnswer {
        var answer = try ChatAnswer(parsing: self.answer)
        answer.omitted = self.omitted
        return answer
    }
}

extension CompletionFailure {
    /// Tells whether the files of a request's images are at fault.
    fileprivate var isOfFiles: Bool {
        guard case .request(let reason, _, _) = self else { return false }
        return RequestFault(rawValue: reason)?.isOfFiles ?? false
    }
}
