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

    /// The original's own (`dialog_simulation.py`, Apache-2.0), for `manner: original`.
    static let original = Requirements(
        users: [
            "no_talk": "- The user follows the assistant's instructions and does not talk.",
            "talk_some": """
            - The user asks a few questions or confirm about the instructions, accounting for about 20% of the steps.

            """,
            "talk_more": """
            - The user is talkative and may ask questions that can either be related to the task or not, accounting for \
            about 40% of the steps.

            """,
        ],
        datasets: [
            "holoassist": """
            Note that the video description contains both the user's actions and the user-assistant dialog. Anchor the \
            simulated dialog to the existing dialog, and try to rephrase the utterances to make them more coherent and \
            human-like. You may add a few more turns around the **essential steps** of the task, which are the underlying \
            intentions of the action instead of the actions themselves. Add a few turns to make the dialog more fluent \
            and helpful, but avoid being overwhelming.
            """,
            "egoexolearn": """
            The simulated dialog should be centered around the **key steps** of the task, not every single action of the \
            user. Try to make the dialog more coherent and helpful as what a human assistant will say.
            """,
            "epickitchens": """
            The simulated dialog should be centered around the **key steps** of the task, not every single action of the \
            user. Note that the user may make mistake or perform suboptimal actions, the assistant should not give \
            instructions on those actions, but smartly select right time to give guidance. Try to make the dialog more \
            coherent and helpful as what a human assistant will say.
            """,
            "wtag": """
            Note that the video description contains both the step description and the user-assistant dialog. Anchor the \
            simulated dialog to the existing dialog, and try to rephrase the utterances to make them more coherent and \
            human-like. Add more details such as assistant feedback or user question during long steps if necessary. \
            Remember to generate the response to user's question even if there isn't one in the original dialog from the \
            video description.
            """,
            "assembly101": """


            The mistakes made by the user are marked by (mistake: <mistake type>). If a mistake happens, we want to \
            simulate the dialog in the way that the assistant helps the user correct the mistake. To be more specific, \
            the assistant SHOULD NOT give instructions if an action is 'wrong order', 'previous one is mistake' or \
            'shouldn't have happened'. Instead, the assistant should give instruction of the CORRECT next step (i.e. scan \
            the future actions and select the nearest correct action). Afterwards, at the start of actions marked as \
            'correction', the assistant should mention the previous mistake and give insruction on how to correct it \
            based on the corrective action. For 'wrong position' mistakes, the assistant can give the instruction of that \
            action, but need to point out the mistake at the start time of corrective action for that mistake.
            """,
        ], before: "You have already generated the following dialog:\n")

    func user(_ type: String) -> String { self.users[type] ?? "" }

    func more(for activity: Activity) -> String {
        if activity.dataset == "assembly101", !activity.hasMistake { return "" }
        return self.datasets[activity.dataset] ?? ""
    }
}
