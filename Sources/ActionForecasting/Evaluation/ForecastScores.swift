// SPDX-License-Identifier: Apache-2.0

import Foundation
public import Training

/// The scores of forecast actions: of their verbs, of their nouns, and of both at once.
///
/// The verb of a candidate goes with its noun. Each score takes the nearest candidate for itself, as the challenge is
/// read; its repository counts verbs and nouns alone.
public struct ForecastScores: Hashable, Sendable {
    /// Those of the verbs.
    public private(set) var verb: EditScores
    /// Those of the nouns.
    public private(set) var noun: EditScores
    /// Those of verb and noun together.
    public private(set) var action: EditScores

    /// Starts with nothing.
    /// - Parameter steps: the steps of a forecast, Z.
    public init(steps: Int) {
        self.verb = EditScores(steps: steps)
        self.noun = EditScores(steps: steps)
        self.action = EditScores(steps: steps)
    }

    /// The steps of a forecast, Z.
    public var steps: Int { self.action.steps }
    /// The number of windows.
    public var windows: Int { self.action.windows }

    /// Counts a window.
    /// - Precondition: each candidate and the truth have `steps` actions.
    public mutating func add(_ candidates: [[Action]], truth: [Action]) {
        self.verb.add(candidates.map { $0.map(\.verb) }, truth: truth.map(\.verb))
        self.noun.add(candidates.map { $0.map(\.noun) }, truth: truth.map(\.noun))
        self.action.add(candidates, truth: truth)
    }

    /// Adds what was counted elsewhere.
    /// - Precondition: it has as many steps.
    public mutating func add(_ other: Self) {
        self.verb.add(other.verb)
        self.noun.add(other.noun)
        self.action.add(other.action)
    }

    /// The three by name, in the order in which they are told.
    public var parts: [(name: String, scores: EditScores)] {
        [("verb", self.verb), ("noun", self.noun), ("action", self.action)]
    }
}

extension ForecastScores: ValidationScores {
    /// `ED@20 verb 0.7123, noun 0.7456, action 0.9321 over 240 windows`
    public var words: String {
        let parts = self.parts.map { name, scores in
            "\(name) " + (scores.distance.map { String(format: "%.4f", $0) } ?? "-")
        }
        return "ED@\(self.steps) " + parts.joined(separator: ", ") + " over \(self.windows) windows"
    }

    /// ED@Z of each, as `validation/ED_verb`, and AUED where there is any.
    public var figures: [ScoreFigure] {
        self.parts.flatMap { name, scores -> [ScoreFigure] in
            [
                scores.distance.map { ScoreFigure("validation/ED_\(name)", key: "ed_\(name)", $0) },
                scores.area.map { ScoreFigure("validation/AUED_\(name)", key: "aued_\(name)", $0) },
            ].compactMap(\.self)
        }
    }
}
