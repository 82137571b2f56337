// SPDX-License-Identifier: Apache-2.0

import Foundation
import NeuralNetworks

/// Forecasts measured by what came, with intervals.
public struct ForecastEvaluation: Sendable {
    /// The middle 95 % of a measure over draws of as many clips as there are.
    public struct Interval: Hashable, Sendable {
        /// Its lower end.
        public var low: Double
        /// Its upper end.
        public var high: Double
    }

    /// A row: a forecaster's scores, and their intervals by part and measure (`verb ED`, `verb AUED`).
    public struct Row: Sendable {
        /// The forecaster.
        public var name: String
        /// Its scores.
        public var scores: ForecastScores
        /// The intervals, by the part's name.
        public var distances: [String: Interval]
        /// Those of AUED.
        public var areas: [String: Interval]
    }

    private static let draws = 1000

    /// Measures candidates by window. Windows of one clip overlap, and so whole clips are drawn for the intervals.
    /// - Parameters:
    ///   - candidates: those of each window.
    ///   - steps: the steps of a forecast, Z.
    /// - Returns: `nil` where no window's actions are told.
    public static func row(
        _ name: String, _ windows: [ForecastWindow], steps: Int, candidates: (ForecastWindow) -> [[Action]]?
    ) -> Row? {
        var clips: [String: ForecastScores] = [:]
        var order: [String] = []
        for window in windows {
            guard let truth = window.future, truth.count == steps, let answer = candidates(window) else { continue }
            if clips[window.clipUID] == nil { order.append(window.clipUID) }
            clips[window.clipUID, default: ForecastScores(steps: steps)].add(answer, truth: truth)
        }
        let parts = order.compactMap { clips[$0] }
        guard !parts.isEmpty else { return nil }
        var scores = ForecastScores(steps: steps)
        for part in parts { scores.add(part) }
        let (distances, areas) = self.intervals(parts, steps: steps)
        return Row(name: name, scores: scores, distances: distances, areas: areas)
    }

    private static func intervals(
        _ clips: [ForecastScores], steps: Int
    ) -> (distances: [String: Interval], areas: [String: Interval]) {
        var generator = PhiloxGenerator(seed: 1, stream: "bootstrap")
        var distances: [String: [Double]] = [:]
        var areas: [String: [Double]] = [:]
        for _ in 0..<self.draws {
            var total = ForecastScores(steps: steps)
            for _ in clips {
                // The multiplication favours none by more than the number of clips in 2^64.
                let index = Int(generator.next().multipliedFullWidth(by: UInt64(clips.count)).high)
                total.add(clips[index])
            }
            for (name, scores) in total.parts {
                if let distance = scores.distance { distances[name, default: []].append(distance) }
                if let area = scores.area { areas[name, default: []].append(area) }
            }
        }
        return (distances.compactMapValues(self.middle), areas.compactMapValues(self.middle))
    }

    private static func middle(_ values: [Double]) -> Interval? {
        guard values.count == self.draws else { return nil }
        let sorted = values.sorted(), tail = self.draws / 40
        return Interval(low: sorted[tail], high: sorted[self.draws - 1 - tail])
    }

    /// Rows in words, on lines of at most 80 columns.
    public static func lines(_ rows: [Row]) -> [String] {
        guard let steps = rows.first?.scores.steps else { return [] }
        var lines = ["less is better; in brackets the middle 95 % over draws of clips"]
        for row in rows {
            lines.append("\(row.name), \(row.scores.windows) windows:")
            for (name, scores) in row.scores.parts {
                var line = "  " + name + String(repeating: " ", count: 7 - name.count)
                line += "ED@\(steps) " + self.words(scores.distance, row.distances[name])
                line += "  AUED " + self.words(scores.area, row.areas[name])
                lines.append(line)
            }
        }
        return lines
    }

    private static func words(_ value: Double?, _ interval: Interval?) -> String {
        guard let value else { return "-" }
        let middle = interval.map { String(format: " [%.4f, %.4f]", $0.low, $0.high) } ?? ""
        return String(format: "%.4f", value) + middle
    }
}
