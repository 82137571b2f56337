// SPDX-License-Identifier: Apache-2.0

import Dataflow
import RecordLog
import Records
import Topologies

/// Retries: records of dead letters that the stage takes again, one by one, between those of its input.
extension StageTask {
    /// Milliseconds between two looks for retries, and for a topic of retries where there is none yet.
    private static let (lookMilliseconds, searchMilliseconds): (Timestamp, Timestamp) = (200, 5_000)

    /// Reads retries, where it is time to look for them.
    /// - Returns: them, without their orders; `nil` where there are none now.
    func readRetries() throws(LogError) -> FetchedBatch? {
        let isDue = self.now >= self.retriesDue
        guard self.takesRetries, isDue || self.isClosing && self.retries != nil else { return nil }
        guard let retries else {
            self.retries = try RetrySource.open(
                self.stage, partition: self.source.partition, after: nil, in: self.surroundings)
            if self.retries == nil { self.retriesDue = self.now + Self.searchMilliseconds }
            return self.retries == nil ? nil : try self.readRetries()
        }
        let batch: FetchedBatch
        do throws(LogError) {
            batch = try retries.read(recordsMax: Self.recordsMax, bytesMax: Self.bytesMax)
        } catch  where error.code == .unknownTopic {
            // Deleted, with whatever waited there; what is in hand goes on.
            self.retriesDue = self.now + Self.lookMilliseconds
            if self.questions?.isEmpty ?? true, retries.uncommitted == nil { self.retries = nil }
            return nil
        }
        if batch.isEmpty {
            self.retriesDue = self.now + Self.lookMilliseconds
            if self.questions?.isEmpty ?? true { retries.pass(to: batch.nextOffset) }
            return nil
        }
        guard self.stage.gathers else { return batch }
        // The letters said that they could be taken again, and the stage has changed since.
        for index in 0..<batch.count {
            let letter = Letter(
                kind: .dead, step: "read", reason: "retry-out-of-order", message: Self.outOfOrder,
                origin: batch.offsets[index], value: nil)
            self.metadata.counts["read.\(letter.reason)", default: 0] += 1
            self.metadata.deadLetters += 1
            self.deadLetters.append(self.written(letter, batch.records[index], of: retries, retry: .gathered))
            self.finishRetry(in: batch, at: index)
        }
        return nil
    }

    private static let outOfOrder =
        "a step of the stage gathers records and cannot take one out of its order; `millrace ingest … --replace` brings "
        + "its video again, and `millrace replay` makes a set of all"

    /// A letter about a record that was taken again: it is where it was, and was tried once more.
    func written(
        _ letter: Letter, _ record: Record?, of retries: RetrySource, retry: DeadLetterEnvelope.Retry?
    ) -> Record {
        let order = retries.order(at: letter.origin)
        var letter = letter
        letter.origin = order.sourceOffset
        return self.envelope.write(
            letter, source: order.source, record: record, recordBytesMax: TopicSpecification.recordBytesMaxDefault,
            retry: retry, order: order)
    }

    /// Moves the finished prefix of the retries past a record.
    func finishRetry(in batch: FetchedBatch, at index: Int) {
        let isLast = index == batch.count - 1
        self.metadata.counts["read.retried", default: 0] += 1
        self.retries?.finish(
            batch.offsets[index], at: batch.timestamps[index],
            next: isLast ? batch.nextOffset : batch.offsets[index] + 1, now: self.now)
    }
}
