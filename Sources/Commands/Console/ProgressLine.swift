// SPDX-License-Identifier: Apache-2.0

/// A run's progress on one line that fits a terminal: with many stages or large numbers, the least telling goes first.
struct ProgressLine {
    /// The state of a stage.
    struct Stage {
        var name: String
        var records: Int
        /// Records a second.
        var rate: Int
        var waiting: Int
        var inFlight: Int
        /// The fewest and the most calls to a model that these may yet make.
        var callsToCome = 0...0
    }

    /// The detail in which a stage is shown.
    private enum Detail: CaseIterable {
        case all, withoutTime, withoutRate, withoutCalls, waitingOnly, short
    }

    /// A line that is longer wraps, and cannot be rewritten any more.
    static let columnsMax = 80

    let stages: [Stage]
    /// A description of what the run waits for.
    var wait: String?

    var text: String {
        // Made visible, it may be longer.
        if let wait { return Self.cut(VisibleText.text("waiting for the model server for " + wait)) }
        let lines = Detail.allCases.lazy.map { detail in
            self.stages.map { Self.text($0, detail) }.joined(separator: "  ")
        }
        return lines.first { $0.count < Self.columnsMax } ?? Self.cut(lines.last ?? "")
    }

    private static func cut(_ text: String) -> String {
        text.count < Self.columnsMax ? text : text.prefix(Self.columnsMax - 2) + "…"
    }

    private static func text(_ stage: Stage, _ detail: Detail) -> String {
        let number = ProgressReporter.grouped
        var facts: [String] = []
        if detail == .all || detail == .withoutTime { facts.append("\(number(stage.rate))/s") }
        if detail != .short {
            facts.append("\(number(stage.waiting)) waiting")
            if stage.inFlight > 0, detail != .waitingOnly { facts.append("\(number(stage.inFlight)) in flight") }
            if let calls = CallsToCome(stage.callsToCome), detail != .waitingOnly, detail != .withoutCalls {
                facts.append(calls.text)
            }
        }
        if detail == .all, stage.rate > 0 {
            facts.append(ProgressReporter.duration(Double(stage.waiting) / Double(stage.rate)) + " left")
        }
        switch detail {
        case .short: return "\(stage.name) \(number(stage.records))+\(number(stage.waiting))"
        case .waitingOnly: return "\(stage.name) \(facts.joined(separator: ", "))"
        default: return "\(stage.name) \(number(stage.records)) (\(facts.joined(separator: ", ")))"
        }
    }
}
