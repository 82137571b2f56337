// SPDX-License-Identifier: Apache-2.0

import Conversations
import Dataflow
public import TaskRooms

extension TaskRoom {
    /// Captions of photos: what a picture shows, in words, and how lively it is. The worked example of a task.
    public static var captions: TaskRoom {
        TaskRoom(
            "Captions",
            operators: {
                $0.register(PhotosOperator.self)
                $0.register(conversation: CaptionStep.self)
            },
            adapters: { $0.register(AlbumAdapter.self) }, schemas: [.caption], exports: [CaptionExport.self],
            explainers: [CaptionExplainer.self], trainings: [LivelinessTraining.self])
    }
}
