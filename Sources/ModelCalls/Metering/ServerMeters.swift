// SPDX-License-Identifier: Apache-2.0

import CoreMetrics
import Synchronization
import Telemetry

/// The metrics of one server: counters that follow its usage, and gauges. Told each second and at the end, and of each
/// answer how long it took.
final class ServerMeters: Sendable {
    private struct State {
        var last = ServerUsage()
        var counters: [String: Counter] = [:]
        var costs: [String: FloatingPointCounter] = [:]
    }

    private let server: String
    private let factory: any MetricsFactory
    private let seconds: Recorder
    private let inFlight: Meter
    private let inFlightMax: Meter
    private let waiting: Meter
    private let waitSeconds: Meter
    private let breaker: [String: Meter]
    private let state = Mutex(State())

    init(server: String, factory: any MetricsFactory) {
        let labels = ["server": server]
        self.server = server
        self.factory = factory
        self.seconds = MetricDefinition.modelCallSeconds.histogram(labels, in: factory)
        self.inFlight = MetricDefinition.modelInFlight.gauge(labels, in: factory)
        self.inFlightMax = MetricDefinition.modelInFlightMax.gauge(labels, in: factory)
        self.waiting = MetricDefinition.modelWaiting.gauge(labels, in: factory)
        self.waitSeconds = MetricDefinition.modelWaitSeconds.gauge(labels, in: factory)
        self.breaker = Dictionary(
            uniqueKeysWithValues: ["closed", "open", "trying"].map { state in
                (state, MetricDefinition.modelBreaker.gauge(["server": server, "state": state], in: factory))
            })
        // A rate is of a counter that was there before: at 0, from the start.
        self.state.withLock { state in
            for metric in [
                MetricDefinition.modelCalls, .modelAnswers, .modelCacheHits, .modelRetries, .modelDuplicates,
                .modelCancelled,
            ] { self.count(metric, labels, 0, &state) }
        }
    }

    /// A call was answered.
    func answered(seconds: Double) { self.seconds.record(seconds) }

    /// Takes the usage so far, which counts from the start of the process.
    func take(_ usage: ServerUsage, waitSeconds: Double?) {
        let labels = ["server": self.server]
        self.state.withLock { state in
            let last = state.last
            state.last = usage
            self.count(.modelCalls, labels, usage.calls - last.calls, &state)
            self.count(.modelAnswers, labels, usage.answers - last.answers, &state)
            self.count(.modelCacheHits, labels, usage.hits - last.hits, &state)
            self.count(.modelRetries, labels, usage.retries - last.retries, &state)
            self.count(.modelDuplicates, labels, usage.duplicates - last.duplicates, &state)
            self.count(.modelCancelled, labels, usage.cancelled - last.cancelled, &state)
            for (direction, more) in [
                ("in", usage.promptTokens - last.promptTokens), ("out", usage.completionTokens - last.completionTokens),
            ] { self.count(.modelTokens, ["server": self.server, "direction": direction], more, &state) }
            for (reason, count) in usage.requestFailures {
                let more = count - (last.requestFailures[reason] ?? 0)
                self.count(.modelRequestFailures, ["server": self.server, "reason": reason], more, &state)
            }
            for (kind, count) in usage.serverFailures {
                let more = count - (last.serverFailures[kind] ?? 0)
                self.count(.modelServerFailures, ["server": self.server, "kind": kind], more, &state)
            }
            for (currency, cost) in usage.costs {
                let counter =
                    state.costs[currency]
                    ?? MetricDefinition.modelCost.fractionalCounter(
                        ["server": self.server, "currency": currency], in: self.factory)
                state.costs[currency] = counter
                counter.increment(by: max(0, cost - (last.costs[currency] ?? 0)))
            }
        }
        self.inFlight.set(usage.inFlight)
        self.inFlightMax.set(usage.inFlightMax)
        self.waiting.set(usage.waiting)
        self.waitSeconds.set(waitSeconds ?? 0)
        for (state, meter) in self.breaker { meter.set(state == usage.breaker ? 1 : 0) }
    }

    private func count(_ metric: MetricDefinition, _ labels: [String: String], _ more: Int, _ state: inout State) {
        let key = metric.name + metric.labels.map { "\u{0}" + (labels[$0] ?? "") }.joined()
        let counter = state.counters[key] ?? metric.counter(labels, in: self.factory)
        state.counters[key] = counter
        if more > 0 { counter.increment(by: more) }
    }
}

extension ServerUsage {
    /// The usage as a process tells it.
    var figures: ModelFigures {
        var figures = ModelFigures(server: self.endpoint)
        figures.calls = self.calls
        figures.cacheHits = self.hits
        figures.retries = self.retries
        figures.failures = self.serverFailures.values.reduce(0, +)
        figures.tokensIn = self.promptTokens
        figures.tokensOut = self.completionTokens
        // Of several currencies the one that most was spent in: sums of different ones mean nothing.
        if let most = self.costs.max(by: { ($0.value, $1.key) < ($1.value, $0.key) }) {
            figures.cost = most.value
            figures.currency = most.key
        }
        figures.inFlight = self.inFlight
        figures.inFlightMax = self.inFlightMax
        figures.waiting = self.waiting
        figures.breaker = self.breaker
        return figures
    }
}
