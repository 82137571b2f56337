// SPDX-License-Identifier: Apache-2.0

/// A run's progress, a row a stage, each as wide as the terminal allows: where there is no room, the least telling goes
/// first, and last of all what is waited for.
struct ProgressRows {
    /// The state of a stage.
    struct Stage {
        var name: String
        /// Records taken in this run.
        var records: Int
        /// Records a second, over the last ten seconds.
        var rate: Double
        /// Records that wait.
        var waiting: Int
        var inFlight = 0
        /// The fewest and the most calls to a model that these may yet make.
        var callsToCome = 0...0
        /// Seconds that the waiting records will take, without the time that is spent waiting.
        var secondsLeft: Double?
        /// A description of what the stage waits for; `nil` while it works.
        var wait: String?
    }

    /// The detail in which a stage is shown.
    private enum Detail: Int, CaseIterable {
        case all, withoutCalls, withoutRate, withoutFlight, withoutTime, waitingOnly, short
    }

    let stages: [Stage]
    /// A description of the model server that is waited for.
    var serverWait: String?

    /// The rows, none of which takes more columns than given.
    func fitting(_ columns: Int) -> [String] {
        let width = min(self.stages.map { TextColumns.count($0.name) }.max() ?? 0, max(8, columns / 3))
        var rows = self.stages.map { stage in
            let name = TextColumns.cut(stage.name, to: width)
            let padded = name + String(repeating: " ", count: max(0, width - TextColumns.count(name)))
            let rows = Detail.allCases.lazy.map { padded + "  " + Self.text(stage, $0) }
            return rows.first { TextColumns.count($0) <= columns }
                ?? TextColumns.cut(
                    padded + "  " + Self.text(stage, stage.wait == nil ? .waitingOnly : .short), to: columns)
        }
        // Made visible, it may be longer.
        if let serverWait {
            rows.append(
                TextColumns.cut(VisibleText.text("waiting for the model server for " + serverWait), to: columns))
        }
        return rows
    }

    private static func text(_ stage: Stage, _ detail: Detail) -> String {
        let number = ProgressReporter.grouped
        func isShown(before limit: Detail) -> Bool { detail.rawValue < limit.rawValue }
        if detail == .short, stage.wait == nil { return "\(number(stage.records))+\(number(max(0, stage.waiting)))" }
        var facts = isShown(before: .waitingOnly) ? ["\(number(stage.records)) done"] : []
        if isShown(before: .withoutRate) { facts.append("\(Self.rate(stage.rate))/s") }
        facts.append("\(number(max(0, stage.waiting))) waiting")
        if stage.inFlight > 0, isShown(before: .withoutFlight) { facts.append("\(number(stage.inFlight)) in flight") }
        if let calls = CallsToCome(stage.callsToCome), isShown(before: .withoutCalls) { facts.append(calls.text) }
        if let seconds = stage.secondsLeft, stage.wait == nil, stage.waiting > 0, isShown(before: .withoutTime) {
            facts.append(ProgressReporter.duration(seconds) + " left")
        }
        if detail == .short { facts = [] }
        return (facts + [stage.wait].compactMap(\.self)).joined(separator: ", ")
    }

    /// A small rate has a decimal, or a slow model would stand at 0.
    private static func rate(_ rate: Double) -> String {
        let rate = max(0, rate)
        guard rate > 0, rate < 9.95 else { return ProgressReporter.grouped(Int(min(rate, 1e15).rounded())) }
        let tenths = Int((rate * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }
}
