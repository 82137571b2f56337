// SPDX-License-Identifier: Apache-2.0

/// The answers of the stages before the rounds, as texts.
enum StageAnswers {
    // MARK: Goal and knowledge

    /// The goal in a description of a task: its first line, without `*` and white space around it. Empty where that
    /// line is.
    static func goal(of knowledge: String) -> String {
        PythonText.stripped((PythonText.lines(knowledge).first ?? "").replacing("*", with: ""))
    }

    /// The drafts as the request to merge them shows them.
    static func listed(_ drafts: [String], type: String) -> String {
        let name = PythonText.capitalized(type)
        return drafts.enumerated().map { "\(name) \($0 + 1):\n \($1)\n\n" }.joined()
    }

    // MARK: Votes

    /// The task that an answer votes for: the first number behind `answer:`, in any case; `nil` where there is none.
    static func task(in answer: String) -> Int? {
        let lowered = answer.lowercased()
        guard let mark = lowered.firstRange(of: "answer:") else { return nil }
        let behind = lowered[mark.upperBound...]
        let part = behind.firstRange(of: "answer:").map { behind[..<$0.lowerBound] } ?? behind
        let digits = part.drop { !("0"..."9").contains($0) }.prefix { ("0"..."9").contains($0) }
        return Int(digits)
    }

    /// The label that an answer votes for: 1 where there is a 1 behind `answer: `, else 2 where there is a 2, else 0;
    /// `nil` where nothing is behind it.
    static func label(in answer: String) -> Int? {
        let lowered = answer.lowercased()
        guard let mark = lowered.firstRange(of: "answer: ") else { return nil }
        let behind = lowered[mark.upperBound...]
        let part = behind.firstRange(of: "answer: ").map { behind[..<$0.lowerBound] } ?? behind
        return part.contains("1") ? 1 : part.contains("2") ? 2 : 0
    }

    /// Votes by what they are for, in the order in which that was first voted for.
    struct Votes: Hashable {
        private(set) var counts: [(choice: Int, count: Int)] = []

        init(_ votes: [Int]) {
            for vote in votes {
                if let index = self.counts.firstIndex(where: { $0.choice == vote }) {
                    self.counts[index].count += 1
                } else {
                    self.counts.append((vote, 1))
                }
            }
        }

        /// The choice of most votes; of several, the one first voted for.
        var winner: (choice: Int, count: Int)? {
            self.counts.reduce(nil) { best, next in (best.map { next.count > $0.count } ?? true) ? next : best }
        }

        static func == (left: Votes, right: Votes) -> Bool {
            left.counts.elementsEqual(right.counts) { $0.choice == $1.choice && $0.count == $1.count }
        }
        func hash(into hasher: inout Hasher) { for vote in self.counts { hasher.combine(vote.choice) } }
    }

    /// Tells whether the votes say that the video follows its task: most are for 1, and those are at least half.
    static func isUsable(_ votes: Votes, of asked: Int) -> Bool {
        votes.winner.map { $0.choice == 1 && $0.count >= asked / 2 } ?? false
    }

    // MARK: Progress

    /// The summary in an answer: of the lines with `SUMMARY`, the last, behind its first colon. The original loses what
    /// stands behind a second colon.
    /// - Returns: `nil` where no line has it, or the last one that has it has no colon.
    static func summary(in answer: String, _ manner: Manner) -> String? {
        var summary: String?
        for line in PythonText.lines(answer) where line.contains("SUMMARY") {
            let parts = line.split(
                separator: ":", maxSplits: manner == .original ? .max : 1, omittingEmptySubsequences: false)
            guard parts.count > 1 else { return nil }
            summary = Self.cleaned(parts[1])
        }
        return summary
    }

    private static func cleaned(_ text: Substring) -> String { PythonText.stripped(text) }

    /// The summary with the time in front, as it stands on a turn.
    static func progress(_ summary: String, at time: Double) -> String {
        "The time elapsed since the start of the task is \(ActivityLine.seconds(time)) seconds. \(summary)"
    }
}
