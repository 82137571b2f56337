// SPDX-License-Identifier: Apache-2.0

import TaskRooms
import VideoAnnotations

/// A step of an activity, with the lines that are shown under it.
struct ActivityStep: Hashable {
    /// Its place in the video, in seconds.
    var span: Interval
    /// Its line.
    var line: ActivityLine
    /// Its line as prompts have it, without a line break.
    var printed: String
    /// The lines under it, as far as they are shown.
    var substeps: [ActivityLine] = []
    /// Those lines as prompts have them.
    var printedSubsteps: [String] = []
    /// Tells whether it only says when the task begins.
    var isMark = false

    /// A step whose printed line is that of its grammar.
    /// - Parameter printedStart: the start that is printed, where it is not the step's own.
    init(_ span: Interval, _ text: String, printedStart: Double? = nil) {
        self.span = span
        self.line = ActivityLine(level: .step, start: printedStart ?? span.start, end: span.end, text: text)
        self.printed = self.line.printed
    }

    /// Puts a line under it.
    /// - Parameter prefix: what stands before the bracket: ` - `, and in WTaG `- `.
    mutating func add(_ line: ActivityLine, prefix: String = " - ") {
        self.substeps.append(line)
        let end = line.end.map { "-\(ActivityLine.seconds($0))s" } ?? ""
        self.printedSubsteps.append("\(prefix)[\(ActivityLine.seconds(line.start))s\(end)] \(line.text)")
    }

    /// Moves its end.
    mutating func stretch(to end: Double) {
        self.span.end = end
        self.line.end = end
        self.printed = self.line.printed
    }
}

/// The steps of a video, read from its narrations.
struct ActivitySteps: Hashable {
    /// The steps, in the order in which they are printed.
    var steps: [ActivityStep] = []
    /// The sum of the steps' lengths in seconds, those that are not printed among them.
    var annotatedSec = 0.0
    /// The number of substeps, those that are not printed among them, as the source's reading counts.
    var substepCount = 0
    /// Tells whether a step is a mistake.
    var hasMistake = false
    /// Narrations and lines that were dropped, by reason.
    var drops: [String: Int] = [:]

    mutating func drop(_ reason: Drop) { self.drops[reason.rawValue, default: 0] += 1 }

    /// The reasons why a narration or a line is not shown.
    enum Drop: String {
        /// The source says that it does not matter to the goal.
        case notEssential = "not-essential"
        /// It has no text, or a text that says that there is none.
        case emptyText = "empty-text"
        /// The remark of a mistake is empty.
        case emptyRemark = "empty-remark"
        /// It has no interval, or one that ends before it starts, or times that no video has.
        case noInterval = "no-interval"
        /// It says what the line before it says.
        case repeated = "repeated-text"
        /// Holding, touching and the like, which say nothing of the task.
        case passing = "passing-action"
        /// It comes before the task begins.
        case beforeStart = "before-the-start"
        /// It lies in no step.
        case outsideSteps = "outside-steps"
    }
}

/// A narration with what it is sorted by.
struct ActivityNarration {
    var narration: Narration
    /// The interval; of what is said, the moment.
    var span: Interval
    /// The place in the source's file.
    var order: Int

    var details: NarrationDetails { self.narration.details }
    var text: String { self.narration.text }
    var isStep: Bool { self.narration.details.level != .substep }

    /// The narrations that have a place in time, in the order of the file.
    static func inFileOrder(_ narrations: [Narration], _ steps: inout ActivitySteps) -> [ActivityNarration] {
        var list: [ActivityNarration] = []
        list.reserveCapacity(narrations.count)
        for narration in narrations {
            let time = narration.timestampSec
            let span = narration.details.role != nil ? Interval(time, time) : narration.annotated
            guard let span, span.start >= 0, span.end >= span.start, span.end <= SourceLimits.secondsMax else {
                steps.drop(.noInterval)
                continue
            }
            list.append(
                ActivityNarration(
                    narration: narration, span: span, order: narration.details.order ?? narration.index))
        }
        return list.sorted { ($0.order, $0.narration.index) < ($1.order, $1.narration.index) }
    }

    /// The same by their starts, ties as they are.
    static func byStart(_ narrations: [ActivityNarration]) -> [ActivityNarration] {
        narrations.enumerated().sorted { left, right in
            (left.element.span.start, left.offset) < (right.element.span.start, right.offset)
        }.map(\.element)
    }

    /// Texts that pandas reads as no text at all, and prints as `nan`.
    private static let missing: Set<String> = [
        "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA",
        "NULL", "NaN", "None", "n/a", "nan", "null",
    ]

    /// Tells whether a cell of a table has no text.
    static func isMissing(_ text: String) -> Bool { self.missing.contains(text) }
}

extension StringProtocol {
    /// Tells whether there is nothing but white space.
    var isBlank: Bool { self.allSatisfy(\.isWhitespace) }
}
