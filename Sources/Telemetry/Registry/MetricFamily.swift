// SPDX-License-Identifier: Apache-2.0

/// A metric with the values that it has now.
public struct MetricFamily: Hashable, Sendable {
    /// A name with a value, by which series of one metric are told apart.
    public struct Label: Hashable, Sendable {
        /// The name.
        public var name: String
        /// The value: any text.
        public var value: String

        /// Creates a label.
        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// One combination of labels.
    public struct Series: Hashable, Sendable {
        /// Its labels, in the metric's order.
        public var labels: [Label]
        /// Its value.
        public var value: Value

        /// Creates a series.
        public init(_ labels: [Label], _ value: Value) {
            self.labels = labels
            self.value = value
        }
    }

    /// The value of a series.
    public enum Value: Hashable, Sendable {
        /// A counter's or a gauge's.
        case number(Double)
        /// A histogram's.
        case histogram(Observations)
    }

    /// Observations in buckets.
    public struct Observations: Hashable, Sendable {
        /// The upper bounds, rising, without the infinite one.
        public var bounds: [Double]
        /// Observations in each bucket alone, the infinite one last: one more than there are bounds.
        public var counts: [Int]
        /// The sum of all.
        public var sum: Double

        /// Creates buckets that hold nothing.
        public init(bounds: [Double]) {
            self.bounds = bounds
            self.counts = [Int](repeating: 0, count: bounds.count + 1)
            self.sum = 0
        }

        /// The number of observations.
        public var count: Int { self.counts.reduce(0) { $0 &+ $1 } }

        /// Adds an observation; what is no number is left out.
        public mutating func add(_ value: Double) {
            guard !value.isNaN else { return }
            let bucket = self.bounds.firstIndex { value <= $0 } ?? self.bounds.count
            self.counts[bucket] &+= 1
            self.sum += value
        }
    }

    /// The name.
    public var name: String
    /// The kind.
    public var kind: MetricDefinition.Kind
    /// Its meaning; empty for a metric that is not in the catalogue.
    public var help: String
    /// Its series, in a fixed order.
    public var series: [Series]

    /// Creates a metric.
    public init(name: String, kind: MetricDefinition.Kind, help: String, series: [Series]) {
        self.name = name
        self.kind = kind
        self.help = help
        self.series = series
    }

    /// The sum of the numbers of all series whose labels have these values; 0 where there is none.
    public func sum(_ labels: [String: String] = [:]) -> Double {
        self.series.reduce(0) { sum, series in
            let fits = labels.allSatisfy { name, value in series.labels.contains(Label(name, value)) }
            guard fits else { return sum }
            switch series.value {
            case .number(let number): return sum + number
            case .histogram(let observations): return sum + Double(observations.count)
            }
        }
    }
}
