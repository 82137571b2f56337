// SPDX-License-Identifier: Apache-2.0

import Codecs
import RecordLog
import Records

/// The committed offset, kept with the task's state too.
///
/// A group's offsets are not for ever: Kafka forgets those of a group that has had no member for
/// `offsets.retention.minutes`, a week unless changed. A task that then began at the start would write everything
/// twice.
enum StoredOffset {
    /// No operator's state has such a key: those begin with the operator's position.
    private static let key = Bytes("offset".utf8)

    static func change(_ offset: Offset, _ metadata: TaskMetadata) -> StateChange {
        StateChange(key: self.key, value: Bytes("\(offset) \(metadata.text)".utf8))
    }

    /// The offset to go on at: the group's, unless it has forgotten or fallen behind what the task committed with it.
    ///
    /// An offset without a task's metadata was set by hand, with Kafka's own tools for one, and counts as it is.
    /// - Throws: `StaleState` where the group says that more was committed than the state holds: both are committed
    ///   together, so the state has not been read to its end.
    static func choose(
        _ grouped: CommittedOffset?, _ stored: CommittedOffset?
    ) throws(StaleState) -> CommittedOffset? {
        guard let grouped, let stored else { return grouped ?? stored }
        guard (try? TaskMetadata(parsing: grouped.metadata)) != nil else { return grouped }
        if grouped.offset > stored.offset { throw StaleState(stored: stored.offset, committed: grouped.offset) }
        return stored
    }

    /// A state that is older than the group's commit.
    struct StaleState: Error {
        let stored: Offset
        let committed: Offset
    }

    /// The parts of a writer's state.
    struct Parts {
        var committed: CommittedOffset?
        var retries: RetryOffset?
        var operators: [StateEntry]
    }

    /// Parts what a writer's state holds into the offsets and the operators' state.
    static func split(_ state: [StateEntry]) -> Parts {
        let own = state.first { $0.key == self.key }.map { String(decoding: $0.value, as: UTF8.self) }
        let parts = own?.split(separator: " ", maxSplits: 1) ?? []
        let committed =
            parts.count == 2 ? Offset(parts[0]).map { CommittedOffset($0, metadata: String(parts[1])) } : nil
        return Parts(
            committed: committed, retries: state.first { $0.key == RetryOffset.key }.flatMap { RetryOffset($0.value) },
            operators: state.filter { $0.key != self.key && $0.key != RetryOffset.key })
    }
}
