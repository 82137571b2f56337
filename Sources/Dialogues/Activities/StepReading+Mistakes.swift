// SPDX-License-Identifier: Apache-2.0

import VideoAnnotations

extension StepReading {
    /// The fine actions that tell most of a step.
    private static let tellingVerbs = ["screw", "unscrew"]

    /// Steps by their starts, each with the telling fine actions that begin in it. A step that is a mistake or a
    /// correction says so and shows none of them, nor does one that has only one.
    ///
    /// A mistake without a remark is `mistake: nan` to the original; otherwise the remark is left out, counted.
    static func withMistakes(
        _ list: [ActivityNarration], _ manner: Manner, _ steps: inout ActivitySteps
    ) throws(ActivityFault) {
        let actions = list.filter { action in
            !action.isStep && self.tellingVerbs.contains { action.text.hasPrefix($0) }
        }
        let starts = actions.map(\.span.start)
        var shown = 0
        for narration in list where narration.isStep {
            steps.annotatedSec += narration.span.length
            if manner == .mended, narration.text.isBlank {
                steps.drop(.emptyText)
                continue
            }
            let remark = self.remark(narration, manner, &steps)
            var step = ActivityStep(narration.span, narration.text + (remark.map { " (\($0))" } ?? ""))
            let first = starts.firstPlace { $0 >= narration.span.start }
            let end = starts.firstPlace { $0 > narration.span.end }
            let within = actions[first..<max(first, end)]
            steps.substepCount += within.count
            if remark == nil, within.count > 1 {
                shown += within.count
                guard shown <= ActivityFault.linesMax else { throw .tooManyLines }
                for action in within {
                    step.add(ActivityLine(level: .substep, start: action.span.start, text: action.text))
                }
            }
            steps.steps.append(step)
        }
    }

    private static func remark(
        _ narration: ActivityNarration, _ manner: Manner, _ steps: inout ActivitySteps
    ) -> String? {
        if narration.details.mistake == true {
            steps.hasMistake = true
            let note = narration.details.mistakeNote ?? ""
            guard ActivityNarration.isMissing(note) else { return "mistake: \(note)" }
            if manner == .original { return "mistake: nan" }
            steps.drop(.emptyRemark)
            return "mistake"
        }
        guard narration.details.correction == true else { return nil }
        return "correction of \"\(self.opposite(of: narration.text, verb: narration.details.verb))\""
    }

    /// The action that a correction undoes: what was attached is detached, and the other way round.
    ///
    /// As in the original, `to` and `from` are replaced inside words as well: `motor` becomes `mofromr`. None of the
    /// real files has such a row.
    static func opposite(of text: String, verb: String?) -> String {
        let pairs = verb == "attach" ? [("attach", "detach"), ("to", "from")] : [("detach", "attach"), ("from", "to")]
        return pairs.reduce(text) { $0.replacing($1.0, with: $1.1) }
    }
}

extension [Double] {
    /// The first place of a sorted list at which something holds, and from which on it holds.
    fileprivate func firstPlace(where holds: (Double) -> Bool) -> Int {
        var low = 0
        var high = self.count
        while low < high {
            let middle = (low + high) / 2
            if holds(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
