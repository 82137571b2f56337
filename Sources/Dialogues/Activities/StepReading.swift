// SPDX-License-Identifier: Apache-2.0

import VideoAnnotations

/// Reads the steps of a video, as the reading of its source has it.
///
/// In the original's way, with its faults: what is read differently otherwise is said where it is.
enum StepReading {
    /// Reads the steps.
    /// - Throws: `ActivityFault` where there are more lines than a record holds.
    static func steps(
        of narrations: [Narration], _ reading: ActivityProfile.Reading, _ manner: Manner
    ) throws(ActivityFault) -> ActivitySteps {
        var steps = ActivitySteps()
        let list = ActivityNarration.inFileOrder(narrations, &steps)
        switch reading {
        case .essentialSteps: self.essential(list, manner, &steps)
        case .stepsWithTalk: self.withTalk(ActivityNarration.byStart(list), manner, &steps)
        case .stepsAfterTheStart: self.afterTheStart(ActivityNarration.byStart(list), manner, &steps)
        case .stepsWithMistakes: try self.withMistakes(ActivityNarration.byStart(list), manner, &steps)
        case .steps: self.plain(ActivityNarration.byStart(list), manner, &steps)
        }
        return steps
    }

    // MARK: Steps that matter to the goal

    /// Essential steps in the order of the file. A step with substeps is printed from its first listed one's start.
    ///
    /// The original asks of the step whether its substeps are essential, and so shows those that are not; otherwise a
    /// substep that is not said to be essential is dropped.
    private static func essential(_ list: [ActivityNarration], _ manner: Manner, _ steps: inout ActivitySteps) {
        var children: [Int: [ActivityNarration]] = [:]
        for narration in list where !narration.isStep {
            if let parent = narration.details.parent { children[parent, default: []].append(narration) }
        }
        for narration in list where narration.isStep {
            steps.annotatedSec += narration.span.length
            guard narration.details.relevance == "essential" else {
                steps.drop(.notEssential)
                continue
            }
            let text = self.plainText(narration.text)
            if manner == .mended, text.isEmpty {
                steps.drop(.emptyText)
                continue
            }
            let substeps = children[narration.narration.index] ?? []
            var step = ActivityStep(narration.span, text, printedStart: substeps.first?.span.start)
            var last = ""
            for substep in substeps {
                if manner == .mended, substep.details.relevance != "essential" {
                    steps.drop(.notEssential)
                    continue
                }
                steps.substepCount += 1
                let text = self.plainText(substep.text)
                if text == last {
                    steps.drop(text.isEmpty ? .emptyText : .repeated)
                    continue
                }
                step.add(ActivityLine(level: .substep, start: substep.span.start, text: text))
                last = text
            }
            steps.steps.append(step)
        }
    }

    private static func plainText(_ text: String) -> String {
        PythonText.stripped(text.lowercased().replacing(".", with: " "))
    }

    // MARK: Steps with talk

    /// Verbs of fine actions that say nothing of the task.
    private static let passingVerbs: Set<String> = ["hold", "touch", "rotate", "inspect"]

    /// Steps by their starts, each with the fine actions and the talk that follow its start.
    ///
    /// The original loses what comes before the first step and behind the last one's start. Otherwise the first step
    /// has the former and the last the latter.
    private static func withTalk(_ list: [ActivityNarration], _ manner: Manner, _ steps: inout ActivitySteps) {
        var pending: [ActivityLine] = []
        var seen: Set<String> = []
        func flush(_ steps: inout ActivitySteps) {
            if let last = steps.steps.indices.last {
                for line in pending { steps.steps[last].add(line) }
                pending = []
            } else if manner == .original {
                for _ in pending { steps.drop(.outsideSteps) }
                pending = []
            }
        }
        for narration in list {
            if let role = narration.details.role {
                if narration.text.isEmpty || manner == .mended && narration.text.isBlank {
                    steps.drop(.emptyText)
                    continue
                }
                steps.substepCount += 1
                pending.append(
                    ActivityLine(
                        level: .substep, start: narration.span.start, text: "\(role): \"\(narration.text)\""))
            } else if narration.isStep {
                steps.annotatedSec += narration.span.length
                if manner == .mended, narration.text.isBlank {
                    steps.drop(.emptyText)
                    continue
                }
                flush(&steps)
                steps.steps.append(ActivityStep(narration.span, narration.text))
                seen = []
            } else if self.passingVerbs.contains(narration.details.verb ?? "") {
                steps.drop(.passing)
            } else if !seen.insert(narration.text).inserted {
                steps.drop(.repeated)
            } else {
                steps.substepCount += 1
                let isError = narration.details.mistake == true
                let remark = isError ? " (ERROR: \(narration.details.mistakeNote ?? ""))" : ""
                pending.append(
                    ActivityLine(
                        level: .substep, start: narration.span.start, end: narration.span.end,
                        text: narration.text + remark))
            }
        }
        if manner == .mended { flush(&steps) }
        for _ in pending { steps.drop(.outsideSteps) }
    }

    // MARK: Steps after the start

    /// Steps and talk behind the end of the step called `start`, which a mark stands for. Talk belongs to the step that
    /// began last, and stretches it.
    ///
    /// A line without a colon is a step, as in the original. To that, talk before the first step is lost; otherwise the
    /// mark has it.
    private static func afterTheStart(_ list: [ActivityNarration], _ manner: Manner, _ steps: inout ActivitySteps) {
        let begin = list.first { $0.isStep && $0.text.lowercased() == "start" }?.span.end ?? 0
        var mark = ActivityStep(Interval(begin / 2, begin), "start")
        mark.line = ActivityLine(level: .substep, start: begin / 2, text: "start")
        mark.printed = "- [\(ActivityLine.seconds(begin / 2))s] start"
        mark.isMark = true
        steps.steps = [mark]
        for narration in list {
            guard narration.span.start >= begin else {
                steps.drop(.beforeStart)
                continue
            }
            if manner == .mended, narration.text.isBlank {
                steps.drop(.emptyText)
                continue
            }
            let role = narration.details.role
            if role == nil, !narration.text.contains(":") {
                steps.annotatedSec += narration.span.length
                steps.steps.append(ActivityStep(narration.span, narration.text))
                continue
            }
            let last = steps.steps.count - 1
            if last == 0, manner == .original {
                steps.drop(.outsideSteps)
                continue
            }
            let text = role.map { "\($0): \"\(narration.text)\"" } ?? narration.text
            steps.substepCount += 1
            steps.steps[last].add(
                ActivityLine(level: .substep, start: narration.span.start, text: text), prefix: "- ")
            if last > 0, narration.span.start > steps.steps[last].span.end {
                steps.steps[last].stretch(to: narration.span.start)
            }
        }
    }

    // MARK: Steps alone

    /// Steps by their starts. To the original a missing text is `nan`, which it prints; otherwise it is dropped.
    private static func plain(_ list: [ActivityNarration], _ manner: Manner, _ steps: inout ActivitySteps) {
        for narration in list {
            steps.annotatedSec += narration.span.length
            let isMissing = ActivityNarration.isMissing(narration.text)
            if manner == .mended, isMissing || narration.text.isBlank {
                steps.drop(.emptyText)
                continue
            }
            steps.steps.append(ActivityStep(narration.span, isMissing ? "nan" : narration.text))
        }
    }
}
