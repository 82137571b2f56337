// SPDX-License-Identifier: Apache-2.0

import MomentQueries
import TaskRooms
import VideoAnnotations

/// The task rooms of this program. `ingest`, `export`, `explain`, `lint --operators`, topologies and the schemas of
/// shards know what these export, and nothing else of them: another task is another line here.
enum Tasks {
    private static let rooms: [TaskRoom] = [
        .videoAnnotations,
        .momentQueries,
    ]

    private static let checked = Result { try TaskRegistry(Self.rooms) }

    /// Refuses rooms that export the same name, before anything is done.
    static func check() throws {
        do {
            _ = try self.checked.get()
        } catch let conflict as TaskConflict {
            throw CommandFailure(.usage, conflict.message)
        }
    }

    /// All that the rooms export; nothing before `check` has found them fit.
    static var registered: TaskRegistry { (try? self.checked.get()) ?? TaskRegistry() }
}
