// SPDX-License-Identifier: Apache-2.0

import CoreMetrics
import Synchronization

/// The value of one series.
final class MetricCell: CounterHandler, Sendable {
    private struct State {
        var value: MetricFamily.Value
        var place: (name: String, labels: [MetricFamily.Label])?
    }

    private let state: Mutex<State>

    /// - Parameter bounds: of a histogram; `nil` for a number.
    init(_ bounds: [Double]?) {
        self.state = Mutex(State(value: bounds.map { .histogram(.init(bounds: $0)) } ?? .number(0)))
    }

    var value: MetricFamily.Value { self.state.withLock { $0.value } }

    /// The metric and labels under which the registry keeps it.
    var place: (name: String, labels: [MetricFamily.Label])? { self.state.withLock { $0.place } }

    func place(_ name: String, _ labels: [MetricFamily.Label]) { self.state.withLock { $0.place = (name, labels) } }

    func increment(by amount: Int64) { self.add(Double(amount), isCounter: true) }
    func reset() { self.set(0) }

    /// Adds to a number. A counter never falls.
    func add(_ amount: Double, isCounter: Bool) {
        guard amount.isFinite, !isCounter || amount >= 0 else { return }
        self.state.withLock { state in
            if case .number(let number) = state.value { state.value = .number(number + amount) }
        }
    }

    func set(_ number: Double) { self.state.withLock { $0.value = .number(number) } }

    func observe(_ number: Double) {
        self.state.withLock { state in
            guard case .histogram(var observations) = state.value else { return }
            // Moved out, so that the buckets are not copied for each observation.
            state.value = .number(0)
            observations.add(number)
            state.value = .histogram(observations)
        }
    }
}

/// A counter of fractions.
final class FractionCounter: FloatingPointCounterHandler, Sendable {
    private let cell: MetricCell

    init(_ cell: MetricCell) { self.cell = cell }

    func increment(by amount: Double) { self.cell.add(amount, isCounter: true) }
    func reset() { self.cell.set(0) }
}

/// A gauge.
final class GaugeHandler: MeterHandler, Sendable {
    let cell: MetricCell

    init(_ cell: MetricCell) { self.cell = cell }

    func set(_ value: Int64) { self.cell.set(Double(value)) }
    func set(_ value: Double) { self.cell.set(value) }
    func increment(by amount: Double) { self.cell.add(amount, isCounter: false) }
    func decrement(by amount: Double) { self.cell.add(-amount, isCounter: false) }
}

/// A histogram, or a gauge that swift-metrics knows as a recorder.
final class RecorderCell: RecorderHandler, TimerHandler, Sendable {
    private let cell: MetricCell
    private let isGauge: Bool

    init(_ cell: MetricCell, isGauge: Bool) {
        self.cell = cell
        self.isGauge = isGauge
    }

    func record(_ value: Int64) { self.record(Double(value)) }
    func record(_ value: Double) { self.isGauge ? self.cell.set(value) : self.cell.observe(value) }
    func recordNanoseconds(_ duration: Int64) { self.cell.observe(Double(duration) / 1e9) }
}
