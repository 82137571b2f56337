// SPDX-License-Identifier: Apache-2.0

import ActionAnticipation
import Dialogues
import FrameFeatures
import MomentQueries
import Synchronization
import TaskRooms
import VideoAnnotations

/// The task rooms of this program. `ingest`, `export`, `explain`, `lint --operators`, topologies and the schemas of
/// shards know what these export, and nothing else of them: another task is another line here.
enum Tasks {
    private static let rooms: [TaskRoom] = [
        .videoAnnotations,
        .momentQueries,
        .dialogues,
        .actionAnticipation,
        .frameFeatures,
    ]

    private static let checked = Mutex(Result { try TaskRegistry(Self.rooms) })

    /// Registers rooms that another program brings, once, before anything is asked for.
    static func add(_ more: [TaskRoom]) {
        let all = Result { try TaskRegistry(Self.rooms + more) }
        self.checked.withLock { $0 = all }
    }

    /// Refuses rooms that export the same name, before anything is done.
    static func check() throws {
        do {
            _ = try self.checked.withLock { $0 }.get()
        } catch let conflict as TaskConflict {
            throw CommandFailure(.usage, conflict.message)
        }
    }

    /// All that the rooms export; nothing before `check` has found them fit.
    static var registered: TaskRegistry { (try? self.checked.withLock { $0 }.get()) ?? TaskRegistry() }
}
