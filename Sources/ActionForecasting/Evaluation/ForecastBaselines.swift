// SPDX-License-Identifier: Apache-2.0

import NeuralNetworks

/// Forecasts that no network makes, fitted to the training split: a score says little that does not beat them.
public struct ForecastBaselines: Sendable {
    /// A baseline.
    public enum Kind: String, CaseIterable, Hashable, Sendable {
        /// The action that was seen last, over and over.
        case repeatLast = "repeat the last action"
        /// The most frequent verb and noun over and over; the next candidate the second most frequent, and so on.
        case mostFrequent = "the most frequent sequence"
        /// A Markov chain of actions, begun at the one that was seen last; candidates are drawn.
        case markov = "Markov chain of the train split"
    }

    /// Counts of what follows an action, summed up, in the order of the actions.
    private struct Row: Sendable {
        var actions: [Action] = []
        var sums: [Double] = []

        init(_ counts: [Action: Int]) {
            var sum = 0.0
            for (action, count) in counts.sorted(by: { ($0.key.verb, $0.key.noun) < ($1.key.verb, $1.key.noun) }) {
                sum += Double(count)
                self.actions.append(action)
                self.sums.append(sum)
            }
        }

        func draw(_ generator: inout PhiloxGenerator) -> Action {
            self.actions[ForecastDraw.draw(self.sums, &generator)]
        }
    }

    private let rows: [Action: Row]
    private let all: Row
    private let verbs: [Int]
    private let nouns: [Int]

    /// Fits them to windows whose actions are told; none of the windows that are evaluated may be among these.
    /// - Returns: `nil` where no action is told.
    public init?(fittedTo windows: [ForecastWindow]) {
        var counts: [Action: Int] = [:]
        var verbs: [Int: Int] = [:]
        var nouns: [Int: Int] = [:]
        var following: [Action: [Action: Int]] = [:]
        for window in windows {
            guard let future = window.future else { continue }
            var last = window.inputs.last?.action
            for action in future {
                counts[action, default: 0] += 1
                verbs[action.verb, default: 0] += 1
                nouns[action.noun, default: 0] += 1
                if let last { following[last, default: [:]][action, default: 0] += 1 }
                last = action
            }
        }
        guard !counts.isEmpty else { return nil }
        self.rows = following.mapValues(Row.init)
        self.all = Row(counts)
        self.verbs = Self.ranked(verbs)
        self.nouns = Self.ranked(nouns)
    }

    /// Labels, the most frequent first.
    private static func ranked(_ counts: [Int: Int]) -> [Int] {
        counts.sorted { (-$0.value, $0.key) < (-$1.value, $1.key) }.map(\.key)
    }

    /// A baseline's candidates for a window; `nil` where it needs the label of what was seen last and nobody tells it.
    /// - Parameters:
    ///   - steps: the steps of a forecast, Z.
    ///   - count: the candidates, K.
    ///   - seed: with the window's key decides what is drawn.
    public func candidates(
        _ kind: Kind, _ window: ForecastWindow, steps: Int, count: Int, seed: UInt64
    ) -> [[Action]]? {
        switch kind {
        case .repeatLast:
            guard let last = window.inputs.last?.action else { return nil }
            return Array(repeating: Array(repeating: last, count: steps), count: count)
        case .mostFrequent:
            return (0..<count).map { rank in
                let action = Action(
                    verb: self.verbs[min(rank, self.verbs.count - 1)],
                    noun: self.nouns[min(rank, self.nouns.count - 1)])
                return Array(repeating: action, count: steps)
            }
        case .markov:
            guard let last = window.inputs.last?.action else { return nil }
            var generator = PhiloxGenerator(seed: seed, stream: "markov/" + window.key)
            return (0..<count).map { _ in
                var action = last
                return (0..<steps).map { _ in
                    action = (self.rows[action] ?? self.all).draw(&generator)
                    return action
                }
            }
        }
    }
}
