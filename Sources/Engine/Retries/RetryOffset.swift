// SPDX-License-Identifier: Apache-2.0

import Codecs
public import RecordLog
public import Records

/// The offset up to which a stage's task has taken retries, kept with the task's state, in the commits of their output.
///
/// A topic of retries may be deleted, with whatever waits in it, and made anew, with the same offsets: so the offset
/// holds as long as the record that was taken last is where it was.
public struct RetryOffset: Hashable, Sendable {
    /// The next offset to read.
    var next: Offset
    /// The record that was taken last.
    var last: Offset
    /// The time of that record.
    var lastTime: Timestamp

    /// No operator's state has such a key: those begin with the operator's position.
    static let key = Bytes("retries".utf8)

    init(next: Offset, last: Offset, lastTime: Timestamp) {
        self.next = next
        self.last = last
        self.lastTime = lastTime
    }

    init?(_ bytes: Bytes) {
        let parts = String(decoding: bytes, as: UTF8.self).split(separator: " ").map { Int64($0) }
        guard parts.count == 3, let next = parts[0], let last = parts[1], let time = parts[2] else { return nil }
        self.init(next: next, last: last, lastTime: time)
    }

    var change: StateChange {
        StateChange(key: Self.key, value: Bytes("\(self.next) \(self.last) \(self.lastTime)".utf8))
    }

    /// The offset of a partition of retries at which to go on.
    static func start(
        of partition: TopicPartition, after stored: RetryOffset?, in log: any RecordLog
    ) throws(LogError) -> Offset {
        let retained = try log.offsets(of: partition)
        guard let stored, stored.next <= retained.upperBound else { return retained.lowerBound }
        // Records that were taken may be removed at any time.
        if stored.last < retained.lowerBound { return max(stored.next, retained.lowerBound) }
        let found = try log.makeReader(of: partition, from: stored.last).read(recordsMax: 1, bytesMax: 1)
        let isThere = found.offsets.first == stored.last && found.timestamps.first == stored.lastTime
        return isThere ? stored.next : retained.lowerBound
    }

    /// The offset up to which retries of a partition have been taken, for those who only look.
    public static func taken(_ partition: TopicPartition, in log: any RecordLog) throws(LogError) -> Offset {
        guard let group = ReservedTopics.group(ofRetries: partition.topic) else { return 0 }
        let state = try log.state(ofWriter: "\(group).\(partition.partition)")
        return try self.start(
            of: partition, after: state.first { $0.key == self.key }.flatMap { RetryOffset($0.value) }, in: log)
    }
}
