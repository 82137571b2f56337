// SPDX-License-Identifier: Apache-2.0

/// The sentences of a prompt that differ by user and by data set.
struct Requirements: Hashable, Sendable {
    /// By type of user.
    var users: [String: String]
    /// By data set; the one for mistakes is for videos with some alone.
    var datasets: [String: String]
    /// The words before the turns so far.
    var before: String

    /// Sentences with the meaning of the original's.
    static let standard = Requirements(
        users: [
            "no_talk": "The user does what the assistant says, and never talks after naming the goal.",
            "talk_some":
                "The user now and then asks or confirms something about what to do, at about a fifth of the steps.",
            "talk_more":
                "The user likes to talk, and asks at about two fifths of the steps, about the task or about other things.",
        ],
        datasets: [
            "holoassist": """
            The lines hold both what the user does and what was really said. Keep to the moments of the real talk and \
            say it better; add a few turns at the essential steps, and no more than help.
            """,
            "wtag": """
            The lines hold both steps and what was really said. Keep to the moments of the real talk and say it better; \
            add details in long steps, and an answer to every question of the user.
            """,
            "egoexolearn": "Speak at the key steps of the task, not at every action.",
            "epickitchens": """
            Speak at the key steps of the task, not at every action. Some actions are mistakes or detours: give no \
            instruction for them, and choose the right moment for the others.
            """,
            "assembly101": """
            Mistakes are marked `(mistake: …)`. Say nothing at such an action that would tell the user to do it; give the \
            instruction for the nearest right one instead. At an action marked as a correction, say what went wrong and \
            how to put it right.
            """,
        ], before: "The dialogue so far:\n")

    func user(_ type: String) -> String { self.users[type] ?? "" }

    func more(for activity: Activity) -> String {
        if activity.dataset == "assembly101", !activity.hasMistake { return "" }
        return self.datasets[activity.dataset] ?? ""
    }
}
