// SPDX-License-Identifier: Apache-2.0

import Dataflow
import RecordLog
import Records
import Topologies

/// Commits: output, offsets, state and dead letters in one transaction, which is tried again while the log is away.
extension StageTask {
    func commit(_ reason: RotationReason?) throws -> Outcome {
        guard self.limit.commit(&self.limitShare) else {
            self.end()
            return .stopped
        }
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
        return try self.finish((transaction, position))
    }

    /// Commits; where the log cannot take it now, the same again later.
    func finish(_ commit: (transaction: Transaction, position: Offset)) throws(LogError) -> Outcome {
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
        self.surroundings.wake()
        return .progressed
    }

    private func add(_ records: RecordBatch, to topic: String, _ transaction: inout Transaction) {
        guard !records.isEmpty else { return }
        // All topics have the same partitions and steps keep the key, so output stays in the input's partition.
        transaction.outputs.append(.init(topic: topic, partition: self.source.partition, records: records))
    }
}
