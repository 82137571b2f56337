// SPDX-License-Identifier: Apache-2.0

import Dataflow
import RecordLog
import Records
import Topologies

/// Commits: output, offsets, state and dead letters in one transaction, which is tried again while the log is away.
extension StageTask {
    /// A transaction, with the offsets that it commits.
    struct Commit {
        var transaction: Transaction
        var position: Offset
        /// The offset of the retries, where any were taken.
        var retried: Offset?
        /// The reason why it closes the sink, if it does.
        var rotation: RotationReason?
    }

    /// The work that is tried again while the log is away.
    struct Unfinished {
        /// The commit, exactly as it was; `nil`: a read.
        var commit: Commit?
        var attempts = 0
        var due: Timestamp
    }

    func commit(_ reason: RotationReason?) throws -> Outcome {
        guard self.limit.commit(&self.limitShare) else {
            self.end()
            return .stopped
        }
        self.measure.begin()
        var transaction = Transaction()
        let position = self.prefix.position
        self.keep(self.chain.takeNotes().counts)
        if let reason, let sink = self.sink { transaction.outputs += try sink.prepare(reason) }
        if case .topic(let topic) = self.stage.destination, self.chain.outputCount > 0 {
            self.add(self.chain.takeOutput(), to: topic, &transaction)
        }
        if let rejects = self.stage.rejects { self.add(self.rejects, to: rejects, &transaction) }
        self.add(self.deadLetters, to: self.surroundings.topology.deadLetterTopic, &transaction)
        self.metadata.committedAt = self.now
        self.metadata.open = self.chain.openCounts
        self.metadata.callsToCome = self.chain.callsToCome
        transaction.group = self.surroundings.group(of: self.stage)
        transaction.offsets[self.source] = CommittedOffset(position, metadata: self.metadata.text)
        transaction.state = self.chain.stateChanges()
        transaction.state.append(StoredOffset.change(position, self.metadata))
        let retried = self.retries?.uncommitted
        if let retried { transaction.state.append(retried.change) }
        return try self.finish(
            Commit(transaction: transaction, position: position, retried: retried?.next, rotation: reason))
    }

    /// Commits; where the log cannot take it now, the same again later.
    func finish(_ commit: Commit) throws(LogError) -> Outcome {
        do throws(LogError) {
            try self.writer.commit(commit.transaction)
        } catch  where error.isRetriable {
            return .waiting(until: self.putOff(commit, error))
        }
        self.unfinished = nil
        self.sink?.committed()
        self.rejects.removeAll()
        self.deadLetters.removeAll()
        self.prefix.commit(commit.position)
        if let retried = commit.retried { self.retries?.commit(retried) }
        let now = self.surroundings.clock()
        self.meters.committed(
            self.measure.commit(
                commit.position, readTo: self.nextOffset, self.metadata, state: commit.transaction.state,
                rotation: commit.rotation, now: now),
            now: now)
        self.surroundings.wake()
        return .progressed
    }

    /// Notes what could not be done, to be tried again after a pause that doubles up to two seconds.
    func putOff(_ commit: Commit?, _ error: LogError) -> Timestamp {
        self.meters.refused(commit == nil ? .read : .commit, error.code)
        let attempts = (self.unfinished?.attempts ?? 0) + 1
        // At first, and then each half minute or so: an outage is news once.
        if attempts == 3 || attempts % 16 == 0 {
            self.surroundings.warn("stage `\(self.stage.name)`, \(self.source): waiting for the log: \(error.message)")
        }
        let due = self.surroundings.clock() + min(2 << Timestamp(min(attempts, 10)), 2_000)
        self.unfinished = Unfinished(commit: commit, attempts: attempts, due: due)
        return due
    }

    private func add(_ records: RecordBatch, to topic: String, _ transaction: inout Transaction) {
        guard !records.isEmpty else { return }
        if case .topic(topic) = self.stage.destination { self.measure.bytesOut += records.byteCount }
        // All topics have the same partitions and steps keep the key, so output stays in the input's partition.
        transaction.outputs.append(.init(topic: topic, partition: self.source.partition, records: records))
    }
}
