// SPDX-License-Identifier: Apache-2.0

/// A task whose steps are known beforehand.
public struct KnownTask: Hashable, Sendable {
    /// Its name, which is the goal.
    public var name: String
    /// Its steps in order.
    public var steps: [String]
    /// The kind of activity: `cooking`; empty where nobody has said.
    public var domain: String
    /// The data set whose videos it is for; `nil`: those of all.
    public var dataset: String?
    /// The description, where it is more than the name and the steps.
    public var text: String?

    /// Creates a task.
    public init(
        name: String, steps: [String], domain: String = "", dataset: String? = nil, text: String? = nil
    ) {
        self.name = name
        self.steps = steps
        self.domain = domain
        self.dataset = dataset
        self.text = text
    }

    /// The tasks as a prompt lists them: number, name, domain, and the numbered steps.
    static func listed(_ tasks: [KnownTask]) -> String {
        tasks.enumerated().map { index, task in
            let domain = task.domain.isEmpty ? "" : " (domain: \(task.domain))"
            let steps = task.steps.enumerated().map { "\($0.offset + 1). \($0.element)\n" }.joined()
            return "Task \(index + 1): \(task.name)\(domain)\n\(steps)\n"
        }.joined()
    }

    /// The description: by default the name and the numbered steps, a line each.
    public var knowledge: String {
        if let text { return text }
        return self.steps.enumerated().reduce(self.name + "\n") { $0 + "\($1.offset + 1). \($1.element)\n" }
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
