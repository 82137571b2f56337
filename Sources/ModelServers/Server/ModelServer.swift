// SPDX-License-Identifier: Apache-2.0

public import Chat
internal import Synchronization

/// Is told what happens to a request on its way to an answer.
public struct CallObserver: Sendable {
    /// A failure of the server is waited out.
    public var waitsOut: @Sendable (ServerFault) -> Void = { _ in }
    /// A call was answered, after some seconds.
    public var answered: @Sendable (Double) -> Void = { _ in }

    /// Creates an observer that does nothing.
    public init() {}
}

/// A model server as a pipeline wants it: asked, it answers, however long that takes.
///
/// Requests wait for a place in order (`AdmissionControl`), are kept from a server that is down (`CircuitBreaker`) and asked
/// again after a failure that is the server's (`RetryDecision`); a request that keeps failing alone is told so
/// (`RequestBlame`). An outage makes no failure: requests wait. Cancelled, a request gives its place back at once.
public final class ModelServer: Sendable {
    /// How patient it is.
    public struct Settings: Hashable, Sendable {
        /// Calls at the server at a time, at most.
        public var inFlightMax: Int
        /// Failures alone that convict a request.
        public var blameFailuresMax = 3
        /// Failures in a row that open the breaker.
        public var breakerFailuresMax = 5
        /// Rounds of 429 or 503 in a row after which a notice is given.
        public var throttledRoundsMax = 6

        /// Creates settings.
        public init(inFlightMax: Int) { self.inFlightMax = inFlightMax }
    }

    /// Who speaks to the server.
    public let client: ChatClient
    let settings: Settings
    let clock: ModelClock
    private let onNotice: @Sendable (ServerNotice) -> Void
    private let state: Mutex<ServerState>

    /// Creates a server.
    ///
    /// - Parameters:
    ///   - client: its pool should be as large as `settings.inFlightMax`.
    ///   - settings: by default, those that fit the client.
    ///   - capabilities: what a probe has found; schemas are left out of calls where the server refuses them.
    ///   - clock: the time that waiting and retrying go by; the client's deadlines go by the machine's.
    ///   - onNotice: told once when an outage begins and once when it ends, from any thread.
    public init(
        client: ChatClient, settings: Settings? = nil, capabilities: ServerCapabilities? = nil,
        clock: ModelClock = .system(),
        onNotice: @escaping @Sendable (ServerNotice) -> Void = { _ in }
    ) {
        let settings = settings ?? Settings(inFlightMax: client.configuration.inFlightMax)
        self.client = client
        self.settings = settings
        self.clock = clock
        self.onNotice = onNotice
        var state = ServerState(settings)
        if capabilities?.schema == .refused { state.sendsSchema = false }
        self.state = Mutex(state)
    }

    /// Finds out what the server can do, and leaves schemas out of further calls where it refuses them.
    public func probe(model: String) async -> ServerCapabilities {
        let found = await self.client.probe(model: model)
        if found.schema != .unknown { self.state.withLock { $0.sendsSchema = found.schema != .refused } }
        return found
    }

    /// Counts so far, and how things stand.
    public var statistics: ServerStatistics {
        let now = self.clock.now()
        return self.state.withLock { $0.snapshot(now: now) }
    }

    /// Lets no further call begin; those under way go on, and who waits goes on waiting.
    ///
    /// When a run ends, its requests are cancelled one by one, and the places of the first would be given to those whose
    /// turn has not come: calls made in vain.
    public func letNobodyIn() { self.state.withLock { $0.letsIn = false } }

    /// Ends all waiting as cancelled and closes the connections. What is asked afterwards is cancelled at once.
    public func shutdown() async {
        let waiting = self.state.withLock { state in
            state.isShutDown = true
            return state.takeAllWaiting()
        }
        for continuation in waiting { continuation.resume(returning: nil) }
        await self.client.shutdown()
    }

    // MARK: Asking

    /// Asks until there is an answer.
    ///
    /// - Parameter observer: is told what happens on the way.
    /// - Throws: `.request`, where the request itself is at fault; `.cancelled`, where the task is cancelled or the server
    ///   shut down. Failures of the server are not thrown: they are waited out.
    public func ask(
        _ request: ChatRequest, observer: CallObserver = CallObserver()
    ) async throws(ChatFailure) -> ChatAnswer {
        let number = self.state.withLock { $0.begin() }
        defer { self.state.withLock { $0.end() } }
        var retry = RetryDecision()
        var blame = RequestBlame(failuresMax: self.settings.blameFailuresMax)
        var isRetry = false
        while true {
            let pass = try await self.enter(number, isFirst: !isRetry)
            let (fault, message): (ServerFault, String)
            let started = self.clock.now()
            switch await self.call(request, pass, isRetry: isRetry) {
            case .success(let answer):
                observer.answered(self.clock.now() - started)
                return answer
            case .failure(.server(let kind, let text)): (fault, message) = (kind, text)
            case .failure(let failure): throw failure
            }
            var decision = self.failed(fault, message: message, pass: pass, &blame)
            if decision == .askWitness { decision = await self.askWitness(for: request, &blame) }
            self.leave()
            if decision == .blame, let reason = fault.blame {
                self.state.withLock { $0.statistics.requestFailures[reason, default: 0] += 1 }
                throw .request(
                    reason: reason,
                    message: "failed \(blame.failuresAlone) times while others were answered; last: "
                        + "\(fault.label): \(message)")
            }
            observer.waitsOut(fault)
            try await self.pause(retry.delaySeconds(after: fault, random: self.clock.random()))
            isRetry = true
        }
    }

    /// One call; unless the server failed it, its place is given back.
    private func call(
        _ request: ChatRequest, _ pass: Gate.Pass, isRetry: Bool
    ) async -> Result<ChatAnswer, ChatFailure> {
        let started = self.clock.now()
        let sendsSchema = self.state.withLock { state in
            state.statistics.calls += 1
            if isRetry { state.statistics.retries += 1 }
            return state.sendsSchema
        }
        do throws(ChatFailure) {
            let answer = try await self.client.complete(request, withSchema: sendsSchema)
            self.finish(pass, .alive) { $0.count(answer, seconds: self.clock.now() - started) }
            return .success(answer)
        } catch {
            switch error {
            case .request(let reason, _):
                self.finish(pass, .alive) { $0.statistics.requestFailures[reason, default: 0] += 1 }
            case .server where !Task.isCancelled:
                break
            case .server, .cancelled:
                self.finish(pass, .abandoned) { $0.statistics.cancelled += 1 }
                return .failure(.cancelled)
            }
            return .failure(error)
        }
    }

    /// Takes note of a failure of the server, and decides whether it was the request's.
    private func failed(
        _ fault: ServerFault, message: String, pass: Gate.Pass, _ blame: inout RequestBlame
    ) -> RequestBlame.Decision {
        let now = self.clock.now()
        let random = self.clock.random()
        let (evidence, notice) = self.state.withLock { state in
            let evidence = (
                answered: state.gate.othersAnswered(since: pass), failed: state.gate.othersFailed(beside: pass),
                share: state.gate.failureShare
            )
            state.statistics.serverFailures[fault.label, default: 0] += 1
            state.gate.note(.failed(fault), of: pass, now: now, random: random)
            return (evidence, state.noticeOfOutage(message, settings: self.settings, now: now))
        }
        if let notice { self.onNotice(notice) }
        return blame.failed(
            mayBeItsOwn: fault.blame != nil, othersAnswered: evidence.answered, othersFailed: evidence.failed,
            failureShare: evidence.share)
    }

    /// Sends a tiny request, unless one is under way; the place of the request that failed is used for it.
    private func askWitness(for request: ChatRequest, _ blame: inout RequestBlame) async -> RequestBlame.Decision {
        let mayAsk = self.state.withLock { state in
            if state.witnessUnderWay { return false }
            state.witnessUnderWay = true
            state.statistics.witnesses += 1
            return true
        }
        guard mayAsk else { return .retry }
        let answered: Bool
        do throws(ChatFailure) {
            _ = try await self.client.complete(try ChatClient.witness(model: request.model))
            answered = true
        } catch {
            answered = false
        }
        self.state.withLock { state in
            state.witnessUnderWay = false
            if answered { state.gate.noteWitness() }
        }
        return blame.witness(answered: answered)
    }

    private func pause(_ seconds: Double) async throws(ChatFailure) {
        do {
            try await self.clock.sleep(seconds)
        } catch {
            throw .cancelled
        }
    }

    // MARK: Places

    /// Waits for a place.
    private func enter(_ request: Int, isFirst: Bool) async throws(ChatFailure) -> Gate.Pass {
        let pass = await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: ServerState.Waiter) in
                // The handler below runs after the task counts as cancelled: either it finds the waiter in line, or it
                // has run already and this sees the cancellation.
                let stays = self.state.withLock { state in
                    if state.isShutDown || Task.isCancelled { return false }
                    state.wait(request, isFirst: isFirst, continuation)
                    return true
                }
                if stays { self.letIn() } else { continuation.resume(returning: nil) }
            }
        } onCancel: {
            self.state.withLock { $0.stopWaiting(request) }?.resume(returning: nil)
        }
        guard let pass else { throw .cancelled }
        return pass
    }

    /// Takes note of the end of a call and gives its place back.
    private func finish(_ pass: Gate.Pass, _ outcome: Gate.Outcome, count: (inout ServerState) -> Void) {
        let now = self.clock.now()
        let random = self.clock.random()
        let notice = self.state.withLock { state in
            count(&state)
            state.gate.note(outcome, of: pass, now: now, random: random)
            return outcome == .alive ? state.noticeOfRecovery(now: now) : nil
        }
        self.leave()
        if let notice { self.onNotice(notice) }
    }

    private func leave() {
        self.state.withLock { $0.gate.leave() }
        self.letIn()
    }

    /// Hands out the places that are free, and looks again when time alone will free more.
    private func letIn() {
        let now = self.clock.now()
        let granted = self.state.withLock { state -> [(ServerState.Waiter, Gate.Pass)] in
            guard state.letsIn else { return [] }
            let granted = state.letIn(now: now)
            if let time = state.timeToWake() { state.setTimer(self.timer(at: time), at: time) }
            return granted
        }
        for (waiter, pass) in granted { waiter.resume(returning: pass) }
    }

    private func timer(at time: Double) -> Task<Void, Never> {
        Task { [weak self, clock] in
            // A little later rather than a little too early.
            guard (try? await clock.sleep(max(0, time - clock.now()) + 0.001)) != nil else { return }
            self?.wake(time)
        }
    }

    private func wake(_ time: Double) {
        self.state.withLock { $0.timerHasRun(time) }
        self.letIn()
    }
}
