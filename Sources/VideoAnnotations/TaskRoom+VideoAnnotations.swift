// SPDX-License-Identifier: Apache-2.0

import Dataflow
public import TaskRooms

extension TaskRoom {
    /// Annotations of videos, on which all tasks stand: the steps that choose, window and gather narrations, and the
    /// data sets that they are read from.
    public static var videoAnnotations: TaskRoom {
        TaskRoom(
            "VideoAnnotations",
            operators: { registerVideoAnnotations(in: &$0) },
            sources: [
                Ego4DArguments.self, GoalStepArguments.self, EpicKitchensArguments.self, CaptainCook4DArguments.self,
                EgoClipArguments.self, HoloAssistArguments.self, EgoExoLearnArguments.self, WTaGArguments.self,
                Assembly101Arguments.self, LLaVAPretrainArguments.self, JSONLinesArguments.self,
            ])
    }
}
