// SPDX-License-Identifier: Apache-2.0

import Conversations
import Dataflow
import Shards
public import TaskRooms

extension TaskRoom {
    /// Long-term anticipation of actions: windows of a clip's segments, networks that forecast what follows, and models
    /// that are asked.
    public static var actionAnticipation: TaskRoom {
        TaskRoom(
            "ActionAnticipation",
            operators: { registry in
                registry.register(WindowsOperator.self)
                registry.register(conversation: ForecastStep.self)
            },
            adapters: { registry in registry.register(LTAAdapter.self) }, schemas: [.actionWindow, .actionForecast],
            exports: [AnticipationExport.self], trainings: [AnticipationTraining.self, PixelTraining.self])
    }
}
