// SPDX-License-Identifier: Apache-2.0

internal import Chat
internal import Foundation
internal import ModelServers
internal import Records
internal import ResponseCache
internal import Synchronization

/// The answers of one server: those that are kept, and those that it is called for.
final class ServerSource: CompletionSource {
    /// So many calls are made at a time at most where nobody says how many.
    static let inFlightMax = 64
    /// Where the server does not say either.
    private static let inFlightUnknown = 16

    let description: ModelEndpoint
    private let configuration: ClientConfiguration
    private let cache: ResponseCache
    private let journal: CallJournal
    private let options: CompletionService.Options
    private let halting: RunHalt
    private let state = Mutex(State())

    private struct State {
        var arrival: Task<ModelServer?, Never>?
        var server: ModelServer?
        var usage = ServerUsage()
        var isShutDown = false
    }

    init(
        _ description: ModelEndpoint, _ configuration: ClientConfiguration, _ cache: ResponseCache,
        _ journal: CallJournal, _ options: CompletionService.Options, _ halting: RunHalt
    ) {
        self.description = description
        self.configuration = configuration
        self.cache = cache
        self.journal = journal
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

    // MARK: Answers

    func kept(_ request: ChatRequest) -> Completion? {
        // Trouble with the cache is met again, and told, by `complete`.
        guard let key = try? CacheKey(request.key), let entry = try? self.cache.lookup(key),
            let answer = try? ChatAnswer(parsing: entry.answer)
        else { return nil }
        self.state.withLock { $0.usage.hits += 1 }
        return Completion(answer)
    }

    func complete(_ request: ChatRequest) async throws(CompletionFailure) -> Completion {
        let call = CallRecord()
        do {
            let key = try CacheKey(request.key)
            let entry = try await self.cache.answer(for: key) { insertion in
                self.stored(insertion, call)
            } make: {
                try await self.call(request, key, call)
            }
            let made = call.value
            if made == nil { self.state.withLock { $0.usage.hits += 1 } }
            return Completion(try ChatAnswer(parsing: entry.answer), call: made)
        } catch let failure as CompletionFailure {
            throw failure
        } catch let error as CacheError where error.code != .closed {
            self.halting.halt(.failed(error.message))
            throw await Self.untilCancelled()
        } catch let error as BadAnswer {
            // Only what came into the cache by another way than this can be like that.
            throw .request(reason: "bad-answer", message: "the kept answer cannot be read: \(error)", ModelCall())
        } catch {
            throw .cancelled
        }
    }

    /// What is known of a call while it is under way. Those who share an answer each have one; only the one whose call it
    /// was has it filled.
    private final class CallRecord: Sendable {
        private let state = Mutex<(call: ModelCall?, settlement: (@Sendable () -> Void)?)>((nil, nil))
        /// The call, if one was made.
        var value: ModelCall? { self.state.withLock { $0.call } }
        /// Settles the budget.
        var settlement: (@Sendable () -> Void)? {
            get { self.state.withLock { $0.settlement } }
            set { self.state.withLock { $0.settlement = newValue } }
        }
        func change(_ body: (inout ModelCall) -> Void) {
            self.state.withLock { state in
                var changed = state.call ?? ModelCall()
                body(&changed)
                state.call = changed
            }
        }
    }

    private func call(_ request: ChatRequest, _ key: CacheKey, _ call: CallRecord) async throws -> CacheEntry {
        guard let server = await self.server(for: request.model) else { throw CompletionFailure.cancelled }
        let ticket = try await self.admit(request)
        do throws(ChatFailure) {
            let answer = try await server.ask(request, observer: self.observer(of: call, key))
            // Given back once the answer is stored: the run may end when nothing is left and nothing under way.
            call.settlement = { [budget = self.options.budget] in
                budget?.settle(ticket, tokens: Self.tokens(of: answer, to: request))
            }
            return CacheEntry(
                key: key, model: request.model, storedAt: Self.now(), answer: answer.body, request: request.canonical)
        } catch {
            self.failed(error, key, call, ticket)
            switch error {
            case .request(let reason, let message):
                throw CompletionFailure.request(reason: reason.rawValue, message: message, call.value ?? ModelCall())
            case .server, .cancelled: throw CompletionFailure.cancelled
            }
        }
    }

    private func observer(of call: CallRecord, _ key: CacheKey) -> CallObserver {
        var observer = CallObserver()
        observer.willCall = { [journal = self.journal] in
            let isRepeated = journal.begin(key)
            call.change { if isRepeated { $0.isDuplicate = true } }
        }
        observer.waitsOut = { fault in call.change { $0.serverFailures[fault.label, default: 0] += 1 } }
        observer.answered = { seconds in call.change { $0.seconds = seconds } }
        return observer
    }

    private func failed(_ failure: ChatFailure, _ key: CacheKey, _ call: CallRecord, _ ticket: Budget.Ticket) {
        // A call that was cancelled may have been answered: it stays in the journal until it is made again.
        if failure != .cancelled { self.journal.end(key) }
        if call.value != nil {
            self.options.budget?.settle(ticket, tokens: nil)
        } else {
            self.options.budget?.giveBack(ticket)
        }
    }

    private func stored(_ insertion: CacheInsertion, _ call: CallRecord) {
        self.journal.end(insertion.entry.key)
        call.settlement?()
        if !insertion.wasStored { call.change { $0.isDuplicate = true } }
        let made = call.value ?? ModelCall()
        self.state.withLock { state in
            if made.isDuplicate { state.usage.duplicates += 1 }
        }
    }

    /// Takes what a call may cost from the budget, or waits for the end of the run.
    private func admit(_ request: ChatRequest) async throws(CompletionFailure) -> Budget.Ticket {
        guard let budget = self.options.budget else { return Budget.Ticket(tokens: 0) }
        let estimate = Self.estimate(of: request)
        while true {
            switch budget.admit(estimate: estimate) {
            case .granted(let ticket): return ticket
            case .wait:
                // Calls under way will tell how much is left.
                do {
                    try await Task.sleep(for: .milliseconds(20))
                } catch {
                    throw .cancelled
                }
            case .spent(let message):
                self.halting.halt(.budgetSpent(message))
                throw await Self.untilCancelled()
            }
        }
    }

    /// Nothing can be done for this request, and it is not its fault: it waits until the run ends.
    private static func untilCancelled() async -> CompletionFailure {
        while !Task.isCancelled { try? await Task.sleep(for: .seconds(3600)) }
        return .cancelled
    }

    private static func now() -> Timestamp {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Timestamp(now.tv_sec) * 1000 + Timestamp(now.tv_nsec) / 1_000_000
    }

    /// What a request may cost, where nothing better is known: four bytes a token, and all the tokens it may be answered.
    static func estimate(of request: ChatRequest) -> Int {
        request.messages.reduce(0) { $0 + $1.content.utf8.count } / 4 + (request.maxTokens ?? 0)
    }

    private static func tokens(of answer: ChatAnswer, to request: ChatRequest) -> Int {
        let bytes = request.messages.reduce(0) { $0 + $1.content.utf8.count }
        return (answer.promptTokens ?? bytes / 4) + (answer.completionTokens ?? answer.text.utf8.count / 4)
    }

    // MARK: The server

    /// The server, once it has shown what it can do; `nil` where the run ends before.
    private func server(for model: String) async -> ModelServer? {
        let arrival: Task<ModelServer?, Never>? = self.state.withLock { state in
            if state.isShutDown { return nil }
            if let arrival = state.arrival { return arrival }
            let arrival = Task { await self.arrive(model) }
            state.arrival = arrival
            return arrival
        }
        return await arrival?.value
    }

    /// Waits until the server answers a tiny request, and says what it can do.
    private func arrive(_ model: String) async -> ModelServer? {
        guard let client = try? ChatClient(self.configuration) else { return nil }
        let name = self.configuration.endpoint.description
        let notify = self.options.notify
        var retry = RetryDecision()
        var found = await client.probe(model: model)
        var isWaiting = false
        while case .server(let fault, let message)? = found.failure, !Task.isCancelled {
            if !isWaiting {
                notify(
                    .warning(
                        "the model server \(name) does not answer: \(message); waiting for it: nothing is lost, Ctrl-C ends"
                    ))
            }
            isWaiting = true
            try? await Task.sleep(for: .seconds(retry.delaySeconds(after: fault, random: .random(in: 0..<1))))
            if !Task.isCancelled { found = await client.probe(model: model) }
        }
        if Task.isCancelled || found.failure == .cancelled {
            await client.shutdown()
            return nil
        }
        let inFlight = self.description.inFlightMax ?? min(found.slots ?? Self.inFlightUnknown, Self.inFlightMax)
        for notice in found.notices(of: name, model: model, inFlight: inFlight) { notify(notice) }
        let server = ModelServer(
            client: client, settings: ModelServer.Settings(inFlightMax: inFlight), capabilities: found
        ) { notice in
            switch notice {
            case .waiting(let message):
                notify(
                    .warning("the model server \(name) fails: \(message); waiting for it: nothing is lost, Ctrl-C ends")
                )
            case .recovered(let seconds):
                notify(.info("the model server \(name) answers again, after \(Int(seconds.rounded())) s"))
            }
        }
        let isWanted = self.state.withLock { state in
            if !state.isShutDown { state.server = server }
            return !state.isShutDown
        }
        if !isWanted { await server.shutdown() }
        return isWanted ? server : nil
    }

    /// Makes no more calls; those under way go on.
    func beginNoMore() { self.state.withLock { $0.server }?.letNobodyIn() }

    func shutdown() async {
        let (arrival, server) = self.state.withLock { state in
            state.isShutDown = true
            return (state.arrival, state.server)
        }
        arrival?.cancel()
        await server?.shutdown()
    }
}

extension ServerCapabilities {
    /// What a person should know of a server before it is asked.
    func notices(of name: String, model: String, inFlight: Int) -> [CompletionNotice] {
        let schema =
            switch self.schema {
            case .obeyed: "obeys schemas"
            case .ignored: "ignores schemas"
            case .refused: "refuses schemas, so it is asked without"
            case .unknown: "schemas not tried out"
            }
        let usage =
            switch self.reportsUsage {
            case true?: "counts tokens"
            case false?: "does not count tokens"
            case nil: "counting of tokens unknown"
            }
        let slots = self.slots.map { "\($0) slots" } ?? "slots unknown"
        var notices: [CompletionNotice] = [
            .info("model server \(name), model \(model): \(schema), \(usage), \(slots), \(inFlight) calls in flight")
        ]
        if self.offers(model) == false {
            let offered = (self.models ?? []).prefix(10).joined(separator: ", ")
            notices.append(.warning("the server \(name) lists no model `\(model)`; it offers: \(offered)"))
        }
        if let slots = self.slots, inFlight > slots {
            notices.append(.info("\(inFlight) calls in flight for \(slots) slots: the rest waits at the server"))
        }
        if let failure = self.failure {
            notices.append(.warning("the server \(name) refused the tiny request of the probe: \(failure)"))
        }
        return notices
    }
}
