// SPDX-License-Identifier: Apache-2.0

import Dataflow
public import TaskRooms

extension TaskRoom {
    /// Features of the frames of videos, for the trainers of other rooms.
    public static var frameFeatures: TaskRoom {
        TaskRoom(
            "FrameFeatures", operators: { registry in registry.register(asynchronous: EncodeFrames.self) },
            adapters: { registry in registry.register(VideosAdapter.self) })
    }
}
