// SPDX-License-Identifier: Apache-2.0

import VideoAnnotations

/// Cuts the steps of an activity into clips, each the stretch that a model is given in one round.
struct ClipCutting {
    let reading: ActivityProfile.Reading
    let linesPerClip: Int
    let manner: Manner
    /// The text behind the steps, with its line break: the source's summary.
    let ending: String

    /// Steps before and behind the clip's own that are shown where steps alone are read.
    private static let contextBefore = 5
    private static let contextBehind = 4

    /// A clip as numbers of steps.
    private struct Cut {
        var steps: Range<Int>
        var span: Interval
    }

    /// Cuts.
    /// - Throws: `ActivityFault` where the texts of all clips are more than a record holds.
    func clips(of steps: [ActivityStep]) throws(ActivityFault) -> [ActivityClip] {
        let cuts = self.cuts(of: steps)
        let isWhole = self.reading != .steps
        if isWhole {
            let bytes = steps.reduce(self.ending.utf8.count) { $0 + $1.printed.utf8.count + 1 }
            guard bytes.multipliedReportingOverflow(by: cuts.count).partialValue <= ActivityFault.textBytesMax,
                bytes <= ActivityFault.textBytesMax
            else { throw .tooMuchText }
        }
        var clips: [ActivityClip] = []
        var byteCount = 0
        for (number, cut) in cuts.enumerated() {
            let text = isWhole ? self.text(of: steps, showing: cut, isFirst: number == 0) : self.window(of: steps, cut)
            byteCount += text.utf8.count
            guard byteCount <= ActivityFault.textBytesMax else { throw .tooMuchText }
            let lines = steps[cut.steps].flatMap { [$0.line] + $0.substeps }
            clips.append(ActivityClip(span: cut.span, text: text, lines: lines))
        }
        return clips
    }

    private func cuts(of steps: [ActivityStep]) -> [Cut] {
        var cuts: [Cut] = []
        var first = 0
        var lines = 0
        for (index, step) in steps.enumerated() {
            lines += self.lineCount(of: step)
            let isFull =
                self.reading == .steps ? (index + 1) % self.linesPerClip == 0 : lines > self.linesPerClip
            guard isFull || index == steps.count - 1 else { continue }
            // A clip of Assembly101 ends a second early.
            let end = step.span.end - (self.reading == .stepsWithMistakes ? 1 : 0)
            cuts.append(Cut(steps: first..<index + 1, span: Interval(steps[first].span.start, end)))
            first = index + 1
            lines = 0
        }
        return cuts
    }

    /// The lines that a step adds to its clip.
    ///
    /// The original counts line breaks: of two substeps one, and where it counts in a list of lines, none.
    private func lineCount(of step: ActivityStep) -> Int {
        guard self.manner == .original else { return 1 + step.substeps.count }
        switch self.reading {
        case .essentialSteps, .stepsWithTalk: return 1 + max(0, step.substeps.count - 1)
        case .stepsAfterTheStart, .stepsWithMistakes, .steps: return 1
        }
    }

    /// All steps, and the substeps of the clip's own.
    private func text(of steps: [ActivityStep], showing cut: Cut, isFirst: Bool) -> String {
        var text = ""
        for (index, step) in steps.enumerated() {
            text += step.printed + "\n"
            guard self.shows(step, index, in: cut, isFirst) else { continue }
            for line in step.printedSubsteps { text += line + "\n" }
        }
        return text + self.ending
    }

    /// Tells whether a clip shows a step's substeps. GoalStep's goes by number, and the original forgets the very first
    /// step; the others go by time.
    private func shows(_ step: ActivityStep, _ index: Int, in cut: Cut, _ isFirst: Bool) -> Bool {
        if self.reading == .essentialSteps {
            return cut.steps.contains(index) && !(self.manner == .original && isFirst && index == 0)
        }
        let end = cut.span.end + (self.reading == .stepsWithMistakes ? 1 : 0)
        return step.span.start >= cut.span.start && step.span.end <= end
    }

    /// The clip's steps and some around them.
    private func window(of steps: [ActivityStep], _ cut: Cut) -> String {
        let first = max(0, cut.steps.lowerBound - Self.contextBefore)
        let end = min(steps.count, cut.steps.upperBound + Self.contextBehind)
        return steps[first..<end].map(\.printed).joined(separator: "\n")
    }
}
