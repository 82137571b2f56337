// SPDX-License-Identifier: Apache-2.0

/// A task whose steps are known beforehand.
public struct KnownTask: Hashable, Sendable {
    /// Its name, which is the goal.
    public var name: String
    /// Its steps in order.
    public var steps: [String]

    /// Creates a task.
    public init(name: String, steps: [String]) {
        self.name = name
        self.steps = steps
    }

    /// The name and the numbered steps, a line each.
    public var knowledge: String {
        self.steps.enumerated().reduce(self.name + "\n") { $0 + "\($1.offset + 1). \($1.element)\n" }
    }

    /// The task of a WTaG recording, by a word in its steps: coffee, else tortilla, else the mug cake.
    static func wtagGoal(of steps: String) -> String {
        let lowered = steps.lowercased()
        if lowered.contains("coffee") { return "Make pour-over coffee" }
        return lowered.contains("tortilla") ? "Make pinwheels" : "Make mug cake"
    }

    /// The task that most votes are for, numbered from 1.
    /// - Returns: `nil` where no vote is for a task of the list. In the original's way 0 is the last task, and the
    ///   winner has to be one.
    static func elected(by votes: [Int], of tasks: [KnownTask], _ manner: Manner) -> KnownTask? {
        switch manner {
        case .mended:
            let valid = StageAnswers.Votes(votes.filter { (1...max(tasks.count, 1)).contains($0) })
            return valid.winner.flatMap { tasks.isEmpty ? nil : tasks[$0.choice - 1] }
        case .original:
            guard let winner = StageAnswers.Votes(votes).winner?.choice, winner <= tasks.count, let last = tasks.last
            else { return nil }
            return winner == 0 ? last : tasks[winner - 1]
        }
    }
}
