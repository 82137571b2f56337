// SPDX-License-Identifier: Apache-2.0

import RecordLog
import Records

/// The reasons why a task tries again. An alert for brokers that are away must not be woken by a stranger.
enum Stall {
    /// The log did not take a read, a commit or an opening.
    case log
    /// Another owner has fenced it; its group most often takes the partition away.
    case fenced
}

/// Facts about a task that are shown and decide nothing: copied after each step.
struct TaskDetail {
    var isOpen = false
    /// The reason why it tries again instead of working on; `nil` while it works.
    var stall: Stall?
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
        if task.unfinished != nil { self.stall = .log }
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
