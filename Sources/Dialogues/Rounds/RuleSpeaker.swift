// SPDX-License-Identifier: Apache-2.0

import NarrationGrammar
import VideoAnnotations

/// Speaks dialogues by rule, without a model: the user names the goal, the assistant gives each step when it begins,
/// answers questions, points out mistakes and corrections, and praises at the end. A hash of the dialogue picks the
/// words and the questions; nothing is random.
enum RuleSpeaker {
    /// Seconds that a silence must last for a user to ask something in it.
    private static let pauseMin = 4.0

    /// The steps of an activity, each text once, mistakes left out.
    static func steps(of activity: Activity) -> [String] {
        var steps: [String] = []
        for line in activity.lines where line.level == .step && !self.isMistake(line) {
            let text = self.instruction(line.text)
            if !steps.contains(text) { steps.append(text) }
        }
        return steps
    }

    /// The turns of a dialogue, put apart in time.
    static func turns(of dialogue: Dialogue) -> [DialogueTurn] {
        let activity = dialogue.activity
        var draws = Draws(["rules", dialogue.dialogueID])
        let steps = activity.lines.filter { $0.level == .step && !self.isMistake($0) }.sorted { $0.start < $1.start }
        guard let first = steps.first else { return [] }
        let beginning = max(activity.videoStartSec, 0, first.start - 3)
        let goal = self.goal(activity)
        var turns = [
            DialogueTurn(.user, beginning, draws.pick(["I want to \(goal).", "Can you help me to \(goal)?"])),
            DialogueTurn(
                .assistant, beginning, draws.pick(["Sure, let us do it together.", "Of course. Here is how it goes."]),
                labels: TurnLabels(.responsive, [.infoSharing])),
        ]
        for (index, step) in steps.enumerated() {
            turns.append(self.instruction(step, isFirst: index == 0, &draws))
            let next = index + 1 < steps.count ? steps[index + 1] : nil
            let pause = self.pause(step, next)
            if draws.below(10) < self.tenthsOfTalk(dialogue.userType), let pause {
                turns += self.question(about: step, next, at: pause, dialogue.userType, &draws)
            }
        }
        let last = steps[steps.count - 1]
        turns.append(
            DialogueTurn(
                .assistant, max(last.end ?? last.start, last.start) + 1,
                draws.pick(["Well done, that was the last step.", "Great, you are done."]),
                labels: TurnLabels(.initiative, [.feedback])))
        for turn in self.remarks(on: activity) {
            turns.insert(turn, at: turns.firstIndex { $0.time > turn.time } ?? turns.count)
        }
        return Spacing.adjusted(turns)
    }

    /// A word about each fine action that is a mistake, when it is over.
    private static func remarks(on activity: Activity) -> [DialogueTurn] {
        activity.lines.compactMap { line in
            guard line.level == .substep, let mark = line.text.firstRange(of: " (ERROR: ") else { return nil }
            let doing = self.instruction(String(line.text[..<mark.lowerBound]))
            let note = PythonText.stripped(line.text[mark.upperBound...].prefix { $0 != ")" && $0 != "\n" })
            let reason = note.isEmpty || note == "none" ? "" : " \(note)"
            return DialogueTurn(
                .assistant, line.end ?? line.start, "That was not right: \(doing).\(reason)",
                labels: TurnLabels(.initiative, [.correction]))
        }
    }

    private static func tenthsOfTalk(_ userType: String) -> Int {
        switch userType {
        case "talk_some": 2
        case "talk_more": 4
        default: 0
        }
    }

    private static func instruction(_ step: ActivityLine, isFirst: Bool, _ draws: inout Draws) -> DialogueTurn {
        if let correction = self.correction(step) {
            return DialogueTurn(
                .assistant, step.start, correction, labels: TurnLabels(.initiative, [.instruction, .correction]))
        }
        let instruction = self.instruction(step.text)
        let text =
            isFirst
            ? "First, \(instruction)."
            : draws.pick(["Next, \(instruction).", "Now \(instruction).", "Then \(instruction)."])
        return DialogueTurn(.assistant, step.start, text, labels: TurnLabels(.initiative, [.instruction]))
    }

    private static func pause(_ step: ActivityLine, _ next: ActivityLine?) -> Double? {
        let end = next?.start ?? step.end ?? step.start
        return end - step.start >= self.pauseMin ? ((step.start + end) * 5).rounded() / 10 : nil
    }

    private static func question(
        about step: ActivityLine, _ next: ActivityLine?, at time: Double, _ userType: String, _ draws: inout Draws
    ) -> [DialogueTurn] {
        let doing = self.instruction(step.text)
        var exchanges: [(String, String, [Intent])] = [
            ("Like this?", "Yes, go on and \(doing).", [.feedback, .instruction]),
            ("What was I to do?", "You were to \(doing).", [.infoSharing]),
        ]
        if let next, !self.isMistake(next) {
            exchanges.append(("What comes next?", "After this, \(self.instruction(next.text)).", [.infoSharing]))
        }
        if userType == "talk_more" {
            exchanges.append(("Do you like this too?", "I would love to see how it turns out.", [.other]))
        }
        let (question, answer, intents) = exchanges[draws.below(exchanges.count)]
        return [
            DialogueTurn(.user, time, question),
            DialogueTurn(
                .assistant, time, answer,
                labels: TurnLabels(.responsive, Intent.allCases.filter { intents.contains($0) })),
        ]
    }

    // MARK: Words

    private static func isMistake(_ line: ActivityLine) -> Bool { line.text.contains("(mistake: ") }

    /// Of a step `… (correction of "attach wheel to chassis")`.
    private static func correction(_ line: ActivityLine) -> String? {
        guard let mark = line.text.firstRange(of: "(correction of \"") else { return nil }
        let wrong = line.text[mark.upperBound...].prefix { $0 != "\"" }
        let right = PythonText.stripped(line.text[..<mark.lowerBound])
        return "That was not right: \(wrong). To correct it, \(self.instruction(right))."
    }

    /// The goal as it follows "I want to".
    private static func goal(_ activity: Activity) -> String {
        let goal = PythonText.stripped((activity.goal ?? "").prefix { $0 != "\n" })
        return goal.isEmpty ? "do this" : self.instruction(goal)
    }

    /// A step as an instruction: `pours the tea` becomes `pour the tea`, `Making tea` becomes `make tea`.
    static func instruction(_ text: String) -> String {
        let trimmed = PythonText.stripped(text.prefix { $0 != "\n" }).drop { ".…".contains($0) }
        let end = trimmed.lastIndex { !".!;: ".contains($0) }.map { trimmed.index(after: $0) } ?? trimmed.startIndex
        var words = trimmed[..<end].split(separator: " ").map(String.init)
        guard let first = words.first else { return "go on" }
        let lowered = first.lowercased()
        words[0] = lowered == lowered.uppercased() ? first : VerbLexicon.reading(of: lowered)?.verb.base ?? lowered
        return words.joined(separator: " ")
    }

    // MARK: Progress

    /// Adds the summaries of a dialogue: its goal, the steps that were begun, and the one that goes on.
    static func addProgress(to dialogue: inout Dialogue) {
        let steps = dialogue.activity.lines.filter { $0.level == .step && !self.isMistake($0) }
            .sorted { $0.start < $1.start }
        let goal = self.goal(dialogue.activity)
        let texts = steps.map { self.instruction($0.text) }
        for index in dialogue.turns.indices where dialogue.turns[index].role == .assistant {
            let time = dialogue.turns[index].time
            let begun = texts.prefix(steps.prefix { $0.start <= time }.count)
            var summary = "The user wants to \(goal)."
            if begun.count > 1 { summary += " Done so far: \(begun.dropLast().suffix(8).joined(separator: "; "))." }
            summary += begun.last.map { " Current step: \($0)." } ?? " Nothing is done yet."
            dialogue.turns[index].progress = StageAnswers.progress(summary, at: time)
        }
    }
}

extension Draws {
    /// One of some texts.
    mutating func pick(_ texts: [String]) -> String { texts[self.below(texts.count)] }
}
