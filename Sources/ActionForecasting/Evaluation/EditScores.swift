// SPDX-License-Identifier: Apache-2.0

/// Edit distances of forecasts over some windows: of all steps, of the first ones, and their area.
///
/// Of several candidates the nearest counts, and for every number of steps another may be. Sums are whole numbers, so
/// that scores of parts add up to those of all to the bit.
public struct EditScores: Hashable, Sendable {
    /// The distances of the first 1, 2, … steps, each summed over the windows.
    public private(set) var sums: [Int]
    /// The number of windows.
    public private(set) var windows = 0

    /// Starts with nothing.
    /// - Parameter steps: the steps of a forecast, Z.
    public init(steps: Int) { self.sums = Array(repeating: 0, count: max(steps, 0)) }

    /// The steps of a forecast, Z.
    public var steps: Int { self.sums.count }

    /// Counts a window.
    /// - Parameters:
    ///   - candidates: forecasts of `steps` steps each; where there is none, every step is missed.
    ///   - truth: the labels that came.
    /// - Precondition: each has `steps` labels.
    public mutating func add<Label: Equatable>(_ candidates: [[Label]], truth: [Label]) {
        precondition(
            truth.count == self.steps && candidates.allSatisfy { $0.count == self.steps }, "\(self.steps) steps")
        var best = Array(1..<self.steps + 1)
        for candidate in candidates {
            for (step, distance) in EditDistance.prefixes(candidate, truth).enumerated() {
                best[step] = min(best[step], distance)
            }
        }
        for step in best.indices { self.sums[step] += best[step] }
        self.windows += 1
    }

    /// Adds what was counted elsewhere.
    /// - Precondition: it has as many steps.
    public mutating func add(_ other: Self) {
        precondition(other.steps == self.steps, "\(self.steps) steps")
        for step in self.sums.indices { self.sums[step] += other.sums[step] }
        self.windows += other.windows
    }

    /// The mean distance of the first steps as a share of them, 0 to 1, less is better: of 1 step first, of all steps
    /// (ED@Z) last. Empty where nothing was counted.
    public var distances: [Double] {
        guard self.windows > 0 else { return [] }
        return self.sums.enumerated().map { Double($1) / (Double($0 + 1) * Double(self.windows)) }
    }

    /// The mean distance of all steps, ED@Z; `nil` where nothing was counted.
    public var distance: Double? { self.distances.last }

    /// The area under the distances by trapezoids, over the number of steps less one (AUED); `nil` where nothing was
    /// counted, and for forecasts of one step, which have no area.
    public var area: Double? {
        let distances = self.distances
        guard distances.count > 1 else { return nil }
        let inner = distances.dropFirst().dropLast().reduce(0, +)
        return (inner + (distances[0] + distances[distances.count - 1]) / 2) / Double(distances.count - 1)
    }
}
