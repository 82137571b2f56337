// SPDX-License-Identifier: Apache-2.0

import TaskRooms

/// Gathers the rows of a table by video, where those of a video need not be adjacent: all of them are in memory.
struct GatheredVideos {
    /// The videos, in the order of their first rows.
    var groups: [NarrationGroup] = []
    /// The places of their first rows.
    private(set) var places: [SourcePlace] = []
    private var indices: [String: Int] = [:]

    /// The index of a video's group, which is new where no row named the video before.
    mutating func index(of uid: String, at place: @autoclosure () -> SourcePlace) -> Int {
        if let index = self.indices[uid] { return index }
        let index = self.groups.count
        self.indices[uid] = index
        self.groups.append(NarrationGroup(videoUID: uid, pass: 1, keepsOrder: true))
        self.places.append(place())
        return index
    }

    /// Gives a problem to the video it is about; answers it where there is no such video.
    mutating func take(_ problem: SourceProblem, of uid: String?) -> SourceProblem? {
        guard let index = uid.flatMap({ self.indices[$0] }) else { return problem }
        self.groups[index].add(problem)
        return nil
    }
}
