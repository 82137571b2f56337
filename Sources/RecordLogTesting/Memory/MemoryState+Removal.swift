// SPDX-License-Identifier: Apache-2.0

import RecordLog
import Records

extension MemoryState {
    /// Throws where one of these groups has a live member.
    func checkIdle(_ groups: [String], now: Timestamp) throws(LogError) {
        for group in self.groups(now: now) where groups.contains(group.group) && !group.members.isEmpty {
            throw Removal.inUse(group.group, by: group.members)
        }
    }

    /// Removes topics, offsets and states.
    mutating func remove(_ removal: Removal) {
        for group in removal.groups { self.commits[group] = nil }
        for id in removal.writers where self.writers[id] != nil {
            self.writers[id]?.entries = [:]
            self.writers[id]?.epoch += 1
        }
        for topic in removal.topics { self.deleteTopic(topic) }
        self.change()
    }
}
