// SPDX-License-Identifier: Apache-2.0

import Conversations
import Dataflow
import Shards
public import TaskRooms

extension TaskRoom {
    /// Dialogues between the person in a video and a proactive assistant, and training sequences of them.
    public static var dialogues: TaskRoom {
        TaskRoom(
            "Dialogues",
            operators: { registry in
                registry.register(ActivityOperator.self)
                registry.register(PackOperator.self)
                registry.register(conversation: GoalStep.self)
                registry.register(conversation: LabelStep.self)
                registry.register(UsersOperator.self)
                registry.register(conversation: ConverseStep.self)
                registry.register(conversation: ProgressStep.self)
                registry.register(ScoreOperator.self)
                registry.register(conversation: JudgeStep<DialogueEvent>.self)
                registry.register(ChooseOperator.self)
                registry.register(FormatDialogueOperator.self)
                registry.register(SequenceOperator.self)
            }, schemas: [.dialogue, .sequence, .auxiliarySequence],
            exports: [ProAssistExportArguments.self], rejects: [.dialogues], projects: [.dialogues])
    }
}
