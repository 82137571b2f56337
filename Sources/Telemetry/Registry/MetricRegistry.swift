// SPDX-License-Identifier: Apache-2.0

public import CoreMetrics
import Synchronization

/// A backend of swift-metrics that keeps the values in memory, for Prometheus to fetch.
///
/// The program bootstraps swift-metrics with one; a program that embeds these libraries bootstraps whatever it likes,
/// and this among it (`MultiplexMetricsHandler`). Metrics of others than the catalogue's are kept too.
public final class MetricRegistry: MetricsFactory, Sendable {
    /// The most combinations of labels of one metric; further ones are counted under `other`.
    public static let seriesMax = 1_000
    /// The most metrics; further ones are not kept.
    public static let familiesMax = 500

    private struct Key: Hashable {
        var labels: [MetricFamily.Label]
    }

    private struct Family {
        var kind: MetricDefinition.Kind
        var series: [Key: (value: MetricCell, users: Int)] = [:]
    }

    private struct State {
        var families: [String: Family] = [:]
        var refused: [String: Int] = [:]
    }

    private let state = Mutex(State())

    /// Creates a registry that holds nothing.
    public init() {}

    // MARK: Reading

    /// The metrics as they are now, in the order of their names.
    public func snapshot() -> [MetricFamily] {
        let (families, refused) = self.state.withLock { ($0.families, $0.refused) }
        var found = families.map { name, family in
            MetricFamily(
                name: name, kind: family.kind, help: MetricCatalogue.definition(of: name)?.help ?? "",
                series: family.series.map { .init($0.key.labels, $0.value.value.value) }.sorted(by: Self.order))
        }
        if !refused.isEmpty {
            let own = MetricDefinition.seriesRefused
            found.append(
                MetricFamily(
                    name: own.name, kind: own.kind, help: own.help,
                    series: refused.sorted { $0.key < $1.key }.map { name, count in
                        .init([.init("metric", name)], .number(Double(count)))
                    }))
        }
        return found.sorted { $0.name < $1.name }
    }

    private static func order(_ left: MetricFamily.Series, _ right: MetricFamily.Series) -> Bool {
        left.labels.lexicographicallyPrecedes(right.labels) { ($0.name, $0.value) < ($1.name, $1.value) }
    }

    // MARK: Making

    private func cell(_ label: String, _ dimensions: [(String, String)], _ kind: MetricDefinition.Kind) -> MetricCell {
        let name = MetricName.metric(label)
        var labels: [MetricFamily.Label] = []
        for (name, value) in dimensions {
            let name = MetricName.label(name)
            if !labels.contains(where: { $0.name == name }) { labels.append(.init(name, MetricName.value(value))) }
        }
        let bounds = kind == .histogram ? MetricCatalogue.definition(of: name)?.bounds ?? [] : nil
        let made = MetricCell(bounds.map { $0.isEmpty ? MetricCatalogue.defaultBounds : $0 })
        return self.state.withLock { state in
            guard state.families[name] != nil || state.families.count < Self.familiesMax else {
                state.refused["other", default: 0] += 1
                return made
            }
            var family = state.families[name] ?? Family(kind: kind)
            // One name is one kind, or nobody could read it.
            guard family.kind == kind else {
                state.refused[name, default: 0] += 1
                return made
            }
            var key = Key(labels: labels)
            if family.series[key] == nil, family.series.count >= Self.seriesMax {
                state.refused[name, default: 0] += 1
                key = Key(labels: labels.map { .init($0.name, "other") })
            }
            let value = family.series[key]?.value ?? made
            family.series[key] = (value, (family.series[key]?.users ?? 0) + 1)
            value.place(name, key.labels)
            state.families[name] = family
            return value
        }
    }

    /// Forgets a gauge that nobody sets any more: its partition has gone to another process, say. A counter stays: it
    /// must not begin anew.
    private func release(_ cell: MetricCell?) {
        guard let cell, let (name, labels) = cell.place else { return }
        self.state.withLock { state in
            let key = Key(labels: labels)
            guard let entry = state.families[name]?.series[key], entry.value === cell else { return }
            if entry.users > 1 {
                state.families[name]?.series[key]?.users -= 1
            } else {
                state.families[name]?.series[key] = nil
            }
        }
    }

    // MARK: MetricsFactory

    /// Makes a counter, or finds the one that there is.
    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        self.cell(label, dimensions, .counter)
    }

    /// Makes a counter of fractions, or finds the one that there is.
    public func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        FractionCounter(self.cell(label, dimensions, .counter))
    }

    /// Makes a gauge, or finds the one that there is.
    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        GaugeHandler(self.cell(label, dimensions, .gauge))
    }

    /// Makes a histogram, or a gauge where nothing is to be aggregated.
    public func makeRecorder(
        label: String, dimensions: [(String, String)], aggregate: Bool
    ) -> any RecorderHandler {
        RecorderCell(self.cell(label, dimensions, aggregate ? .histogram : .gauge), isGauge: !aggregate)
    }

    /// Makes a histogram in seconds.
    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        RecorderCell(self.cell(label, dimensions, .histogram), isGauge: false)
    }

    /// Does nothing: a counter that comes back goes on from where it stood.
    public func destroyCounter(_ handler: any CounterHandler) {}
    /// Does nothing: a counter that comes back goes on from where it stood.
    public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
    /// Forgets a gauge.
    public func destroyMeter(_ handler: any MeterHandler) { self.release((handler as? GaugeHandler)?.cell) }
    /// Does nothing: a histogram that comes back goes on from where it stood.
    public func destroyRecorder(_ handler: any RecorderHandler) {}
    /// Does nothing: a histogram that comes back goes on from where it stood.
    public func destroyTimer(_ handler: any TimerHandler) {}
}
