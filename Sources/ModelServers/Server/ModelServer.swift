// SPDX-License-Identifier: Apache-2.0

public import ModelRequests
import Synchronization

/// Is told what happens to a request on its way to an answer.
public struct CallObserver: Sendable {
    /// A failure of the server is waited out.
    public var waitsOut: @Sendable (ServerFault) -> Void = { _ in }
    /// A call was answered, after some seconds.
    public var answered: @Sendable (Double) -> Void = { _ in }
    /// Takes over the place of a call that was answered, and gives it back by what it is handed, once: for those who
    /// count a call as under way until its answer is stored. Without it the place is given back at once.
    public var keepsPlace: (@Sendable (_ giveBack: @escaping @Sendable () -> Void) -> Void)?

    /// Creates an observer that does nothing.
    public init() {}
}

/// A model server as a pipeline wants it: asked, it answers, however long that takes.
///
/// Requests wait for a place, the oldest record's first (`Gate`, `AdmissionControl`), are kept from a server that is
/// down (`CircuitBreaker`) and asked again after a failure that is the server's (`RetryDecision`); a request that keeps
/// failing alone is told so (`RequestBlame`). An outage makes no failure: requests wait. Cancelled, a request leaves
/// the line, or does not try again; a call that has been sent is paid for, and its answer awaited.
public final class ModelServer: Sendable {
    /// Settings of the server's patience.
    public struct Settings: Hashable, Sendable {
        /// Calls at the server at a time, at most.
        public var inFlightMax: Int
        /// Failures alone that convict a request.
        public var blameFailuresMax = 3
        /// Failures in a row that open the breaker.
        public var breakerFailuresMax = 5
        /// Rounds of 429 or 503 in a row after which a notice is given.
        public var throttledRoundsMax = 6
        /// Answers with nothing in them that are asked for again before one is taken.
        public var missingAnswersMax = 2

        /// Creates settings.
        public init(inFlightMax: Int) { self.inFlightMax = inFlightMax }
    }

    /// The client that speaks to the server.
    public let client: ChatClient
    let settings: Settings
    let clock: ModelClock
    let onNotice: @Sendable (ServerNotice) -> Void
    let state: Mutex<ServerState>

    /// Creates a server.
    ///
    /// - Parameters:
    ///   - client: its pool should be as large as `settings.inFlightMax`.
    ///   - settings: by default, those that fit the client.
    ///   - capabilities: what a probe of a model has found, and how its requests are put by it.
    ///   - clock: the time that waiting and retrying go by; the client's deadlines go by the machine's.
    ///   - onNotice: told once when an outage begins and once when it ends, from any thread.
    public init(
        client: ChatClient, settings: Settings? = nil, capabilities: (model: String, found: ServerCapabilities)? = nil,
        clock: ModelClock = .system(),
        onNotice: @escaping @Sendable (ServerNotice) -> Void = { _ in }
    ) {
        let settings = settings ?? Settings(inFlightMax: client.configuration.inFlightMax)
        self.client = client
        self.settings = settings
        self.clock = clock
        self.onNotice = onNotice
        var state = ServerState(settings)
        if let capabilities { Self.take(capabilities.found, of: capabilities.model, &state) }
        self.state = Mutex(state)
    }

    /// Finds out what the server can do, and puts further requests for that model in the way that it takes.
    /// - Parameter request: one of the requests that are to come.
    public func probe(like request: ChatRequest) async -> ServerCapabilities {
        let found = await self.client.probe(like: request)
        self.state.withLock { Self.take(found, of: request.model, &$0) }
        return found
    }

    private static func take(_ found: ServerCapabilities, of model: String, _ state: inout ServerState) {
        state[model].form = found.form
        switch found.failure {
        case nil: state[model].hasAnswered = true
        case .request?: state[model].isProbeRefused = true
        case .server?, .shared?, .unreadable?, .cancelled?: break
        }
    }

    /// Counts so far, and how things stand.
    public var statistics: ServerStatistics {
        let now = self.clock.now()
        return self.state.withLock { $0.snapshot(now: now) }
    }

    /// Lets no further call begin; those under way go on, and waiting requests go on waiting.
    ///
    /// At the end of a run its requests are cancelled one by one, and the places of the first would be given to those
    /// whose turn has not come: calls made in vain.
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

    // MARK: Places

    /// Waits for a place.
    func enter(_ request: Int, record: Int, isFirst: Bool) async throws(ChatFailure) -> Gate.Pass {
        let pass = await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: ServerState.Waiter) in
                // The handler below runs after the task counts as cancelled: either it finds the waiter in line, or it
                // has run already and this sees the cancellation.
                let stays = self.state.withLock { state in
                    if state.isShutDown || Task.isCancelled { return false }
                    state.wait(request, record: record, isFirst: isFirst, continuation)
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
    func finish(_ pass: Gate.Pass, _ outcome: Gate.Outcome, count: (inout ServerState) -> Void) {
        self.note(pass, outcome, count: count)
        self.leave()
    }

    /// Takes note of the end of a call, whose place stays taken.
    func note(_ pass: Gate.Pass, _ outcome: Gate.Outcome, count: (inout ServerState) -> Void) {
        let now = self.clock.now()
        let random = self.clock.random()
        let notice = self.state.withLock { state in
            count(&state)
            state.gate.note(outcome, of: pass, now: now, random: random)
            return outcome == .alive ? state.noticeOfRecovery(now: now) : nil
        }
        if let notice { self.onNotice(notice) }
    }

    func leave() {
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
