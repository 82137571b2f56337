// SPDX-License-Identifier: Apache-2.0

/// A distribution of numbers: of values that were seen, or of quantiles that somebody published.
public struct Spread: Hashable, Sendable {
    /// The values, or the quantiles of 0 to 1 in equal steps; never falling.
    private let points: [Double]
    /// Tells whether the points are quantiles, with even shares between them.
    private let areQuantiles: Bool

    /// The distribution of values; those that are no numbers are left out.
    public init(values: [Double]) {
        self.points = values.filter(\.isFinite).sorted()
        self.areQuantiles = false
    }

    /// The distribution that has quantiles of 0 to 1 in equal steps.
    /// - Returns: `nil` where there are fewer than two, one is no number, or they fall.
    public init?(quantiles: [Double]) {
        guard quantiles.count > 1, quantiles.allSatisfy(\.isFinite),
            zip(quantiles, quantiles.dropFirst()).allSatisfy({ $0 <= $1 })
        else { return nil }
        self.points = quantiles
        self.areQuantiles = true
    }

    /// Tells whether nothing is known.
    public var isEmpty: Bool { self.points.isEmpty }

    /// The value that a share, 0…1, does not exceed, with even shares between two points; 0 where nothing is known.
    public func quantile(_ share: Double) -> Double {
        guard let last = self.points.last else { return 0 }
        let place = max(0, min(share, 1)) * Double(self.points.count - 1)
        let index = Int(place)
        guard index + 1 < self.points.count else { return last }
        return self.points[index] + (place - Double(index)) * (self.points[index + 1] - self.points[index])
    }

    /// The share below a value, and the share up to and with it.
    public func shares(at value: Double) -> (below: Double, upTo: Double) {
        let below = self.count { $0 < value }
        let upTo = self.count { $0 <= value }
        guard self.areQuantiles else {
            let all = Double(max(self.points.count, 1))
            return (Double(below) / all, Double(upTo) / all)
        }
        return (self.place(value, below), self.place(value, upTo))
    }

    /// - Parameter count: how many quantiles lie before the value, or the value itself among them.
    private func place(_ value: Double, _ count: Int) -> Double {
        let steps = Double(self.points.count - 1)
        if count == 0 { return 0 }
        if count == self.points.count { return 1 }
        let (low, high) = (self.points[count - 1], self.points[count])
        let part = high > low ? max(0, min((value - low) / (high - low), 1)) : 0
        return (Double(count - 1) + part) / steps
    }

    /// The number of points at the begin that fulfil a condition which no later one does.
    private func count(_ isBefore: (Double) -> Bool) -> Int {
        var low = 0
        var high = self.points.count
        while low < high {
            let middle = (low + high) / 2
            if isBefore(self.points[middle]) { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The distance of Kolmogorov and Smirnov, 0…1: the greatest difference of the shares up to a value. 1 where only
    /// one of both is empty.
    public func distance(from other: Spread) -> Double {
        if self.isEmpty || other.isEmpty { return self.isEmpty == other.isEmpty ? 0 : 1 }
        var greatest = 0.0
        for value in self.points + other.points {
            let (own, others) = (self.shares(at: value), other.shares(at: value))
            greatest = max(greatest, abs(own.below - others.below), abs(own.upTo - others.upTo))
        }
        return greatest
    }
}
