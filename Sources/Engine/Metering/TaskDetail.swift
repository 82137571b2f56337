// SPDX-License-Identifier: Apache-2.0

import RecordLog
import Records

/// Facts about a task that are shown and decide nothing: copied after each step.
struct TaskDetail {
    var isOpen = false
    /// Tells whether the log did not take its last read or commit, or it waits to be opened anew.
    var isStalled = false
    var everRejects = 0
    var everDeadLetters = 0
    var openGroups = 0
    var stateBytes = 0
    var lastCommit: Timestamp?
    /// The time at which the oldest record that is not committed was appended, if one was read.
    var oldest: Timestamp?
    /// The time at which the open shard took its first sample, and the time at which the clock will close it.
    var shardSince: Timestamp?
    var shardDeadline: Timestamp?

    /// Takes what a task knows of itself.
    mutating func take(_ task: StageTask) {
        self.isStalled = self.isStalled || task.unfinished != nil
        self.everRejects = task.metadata.rejected
        self.everDeadLetters = task.metadata.deadLetters
        self.openGroups = task.metadata.open.isEmpty ? 0 : task.metadata.open.values.reduce(0, +)
        self.stateBytes = task.measure.state.bytes
        self.lastCommit = task.metadata.committedAt
        self.oldest = task.measure.pending.oldest
        let isShardOpen = task.sink?.isOpen ?? false
        self.shardSince = isShardOpen ? task.measure.shardSince : nil
        self.shardDeadline = isShardOpen ? task.sink?.deadline : nil
    }
}
