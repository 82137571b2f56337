// SPDX-License-Identifier: Apache-2.0

public import CoreMetrics

/// A metric as the catalogue knows it: everything about it but its values.
public struct MetricDefinition: Hashable, Sendable {
    /// The kinds of metric, as Prometheus has them.
    public enum Kind: String, Hashable, Sendable {
        /// Counts up, from the start of the process.
        case counter
        /// Goes up and down.
        case gauge
        /// Observations in buckets.
        case histogram
    }

    /// The name under which it is exported.
    public let name: String
    /// The kind.
    public let kind: Kind
    /// The unit of its values: `seconds`, `bytes`, `records`.
    public let unit: String
    /// One sentence on its meaning.
    public let help: String
    /// The names of its labels; each has few values: names of the topology, partitions, reasons.
    public let labels: [String]
    /// The upper bounds of a histogram's buckets, rising, without the infinite one.
    public let bounds: [Double]

    init(
        _ name: String, _ kind: Kind, in unit: String, by labels: [String] = [], bounds: [Double] = [], _ help: String
    ) {
        self.name = name
        self.kind = kind
        self.unit = unit
        self.labels = labels
        self.bounds = bounds
        self.help = help
    }

    /// Labels with their values, in the catalogue's order.
    /// - Precondition: there is a value for each label, and no other.
    private func dimensions(_ values: [String: String]) -> [(String, String)] {
        precondition(values.count == self.labels.count, "labels of \(self.name) are \(self.labels)")
        return self.labels.map { label in
            guard let value = values[label] else { preconditionFailure("\(self.name) wants a value of \(label)") }
            return (label, value)
        }
    }

    /// A counter of whole things.
    public func counter(_ labels: [String: String] = [:], in factory: any MetricsFactory) -> Counter {
        precondition(self.kind == .counter, "\(self.name) is a \(self.kind)")
        return Counter(label: self.name, dimensions: self.dimensions(labels), factory: factory)
    }

    /// A counter of what comes in fractions: seconds, money.
    public func fractionalCounter(
        _ labels: [String: String] = [:], in factory: any MetricsFactory
    ) -> FloatingPointCounter {
        precondition(self.kind == .counter, "\(self.name) is a \(self.kind)")
        return FloatingPointCounter(label: self.name, dimensions: self.dimensions(labels), factory: factory)
    }

    /// A gauge.
    public func gauge(_ labels: [String: String] = [:], in factory: any MetricsFactory) -> Meter {
        precondition(self.kind == .gauge, "\(self.name) is a \(self.kind)")
        return Meter(label: self.name, dimensions: self.dimensions(labels), factory: factory)
    }

    /// A histogram.
    public func histogram(_ labels: [String: String] = [:], in factory: any MetricsFactory) -> Recorder {
        precondition(self.kind == .histogram, "\(self.name) is a \(self.kind)")
        return Recorder(
            label: self.name, dimensions: self.dimensions(labels), aggregate: true, factory: factory)
    }
}
