// SPDX-License-Identifier: Apache-2.0

import ModelRequests

/// State that `ModelServer` keeps behind its lock.
struct ServerState: ~Copyable {
    /// Somebody who waits for a place; `nil` tells that there will be none.
    typealias Waiter = CheckedContinuation<Gate.Pass?, Never>

    var gate: Gate
    var statistics = ServerStatistics()
    /// Records of what is known of each model.
    private var models: [String: ModelRecord] = [:]
    /// Requests that were refused and wait to be told whether others are.
    private(set) var held = 0
    var isShutDown = false
    /// Tells whether calls may begin.
    var letsIn = true
    var witnessUnderWay = false
    /// Time at which the timer under way will look at the gate again.
    private var wakeAt: Double?
    private var timer: Task<Void, Never>?
    private var waiters: [Int: Waiter] = [:]
    private var nextRequest = 0
    private var asking = 0
    private var outage: (since: Double, message: String)?

    init(_ settings: ModelServer.Settings) {
        self.gate = Gate(inFlightMax: settings.inFlightMax, breakerFailuresMax: settings.breakerFailuresMax)
    }

    // MARK: Requests

    mutating func begin() -> Int {
        self.asking += 1
        self.nextRequest += 1
        return self.nextRequest - 1
    }

    mutating func end() { self.asking -= 1 }

    // MARK: Models

    subscript(model: String) -> ModelRecord {
        get { self.models[model] ?? ModelRecord() }
        set { self.models[model] = newValue }
    }

    mutating func hold() { self.held += 1 }
    mutating func letGo() { self.held -= 1 }

    /// Tells whether all that is being asked was refused.
    var isQuiet: Bool { self.held >= self.asking }

    // MARK: Waiting

    mutating func wait(_ request: Int, record: Int, isFirst: Bool, _ waiter: Waiter) {
        self.waiters[request] = waiter
        self.gate.wait(request, record: record, isFirst: isFirst)
    }

    mutating func stopWaiting(_ request: Int) -> Waiter? {
        self.gate.stopWaiting(request)
        return self.waiters.removeValue(forKey: request)
    }

    mutating func takeAllWaiting() -> [Waiter] {
        let all = Array(self.waiters.values)
        for request in self.waiters.keys { self.gate.stopWaiting(request) }
        self.waiters.removeAll()
        self.timer?.cancel()
        return all
    }

    mutating func letIn(now: Double) -> [(Waiter, Gate.Pass)] {
        self.gate.letIn(now: now).compactMap { pass in
            // Waiters and line are changed together, so there is one for each.
            self.waiters.removeValue(forKey: pass.request).map { ($0, pass) }
        }
    }

    /// Returns the time a timer must be set for; `nil` if none is wanted, or one is set that is early enough.
    mutating func timeToWake() -> Double? {
        guard !self.isShutDown, let time = self.gate.nextTime else { return nil }
        if let wakeAt, wakeAt <= time { return nil }
        return time
    }

    /// Takes a timer in place of the one there is, which would come too late.
    mutating func setTimer(_ timer: Task<Void, Never>, at time: Double) {
        self.timer?.cancel()
        self.timer = timer
        self.wakeAt = time
    }

    mutating func timerHasRun(_ time: Double) {
        if self.wakeAt == time { self.wakeAt = nil }
    }

    // MARK: Counting

    mutating func count(_ answer: ChatAnswer, of model: String, seconds: Double) {
        self[model].answered()
        self.statistics.answers += 1
        self.statistics.latency.add(seconds: seconds)
        self.statistics.finishReasons[answer.finishReason ?? "none", default: 0] += 1
        if answer.promptTokens == nil, answer.completionTokens == nil { self.statistics.answersWithoutUsage += 1 }
        self.statistics.promptTokens += answer.promptTokens ?? 0
        self.statistics.completionTokens += answer.completionTokens ?? 0
    }

    func snapshot(now: Double) -> ServerStatistics {
        var statistics = self.statistics
        statistics.asking = self.asking
        statistics.waiting = self.gate.waitingCount
        statistics.inFlight = self.gate.admission.inFlight
        statistics.limit = Int(self.gate.admission.limit)
        switch self.gate.breaker.state {
        case .closed: statistics.breaker = "closed"
        case .open: statistics.breaker = "open"
        case .trying: statistics.breaker = "trying"
        }
        statistics.outage = self.outage.map { ServerStatistics.Outage(seconds: now - $0.since, message: $0.message) }
        return statistics
    }

    // MARK: Outages

    /// The notice that an outage has begun; once.
    mutating func noticeOfOutage(_ message: String, settings: ModelServer.Settings, now: Double) -> ServerNotice? {
        guard self.outage == nil else {
            self.outage?.message = message
            return nil
        }
        let isThrottled = self.gate.admission.throttledRounds >= settings.throttledRoundsMax
        guard self.gate.breaker.state != .closed || isThrottled else { return nil }
        self.outage = (now, message)
        return .waiting(message: message)
    }

    /// The notice that an outage is over; once.
    mutating func noticeOfRecovery(now: Double) -> ServerNotice? {
        guard let outage = self.outage else { return nil }
        self.outage = nil
        return .recovered(afterSeconds: now - outage.since)
    }
}
