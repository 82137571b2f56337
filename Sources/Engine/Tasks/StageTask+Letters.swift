// SPDX-License-Identifier: Apache-2.0

import Dataflow
import RecordLog
import Records
import Topologies

/// Dead letters and rejects: of which record, written where, and how many in a row end the stage.
extension StageTask {
    /// The size of the chain's output before a record.
    struct OutputMark {
        let count: Int
        let bytes: Int

        init(_ chain: Chain) {
            self.count = chain.outputCount
            self.bytes = chain.outputByteCount
        }
    }

    /// Outputs that no topic would take become dead letters of their input: a commit that cannot succeed would be
    /// tried for ever.
    func oversizedOutputs(since mark: OutputMark, origin: Offset) -> [Letter] {
        let bytesMax = TopicSpecification.recordBytesMaxDefault
        guard self.sink == nil, self.chain.outputByteCount - mark.bytes > bytesMax else { return [] }
        return self.chain.dropOutputs(from: mark.count, largerThan: bytesMax).map { size in
            Letter(
                kind: .dead, step: self.stage.steps.last?.name ?? "", reason: "too-large",
                message: "an output of \(size) bytes, where a record may have \(bytesMax)", origin: origin, value: nil)
        }
    }

    /// Keeps what the steps have noted of a record.
    /// - Parameter outputs: the number of outputs that it gave.
    func keep(_ notes: ChainNotes, batch: FetchedBatch, outputs: Int) throws {
        if let refusal = notes.letters.first(where: { $0.kind == .refused }) {
            throw Self.refusal(refusal, of: self.stage, batch.partition)
        }
        self.keep(notes.counts)
        let isPartial = outputs > 0 || notes.letters.contains { $0.kind == .rejected }
        let retry: DeadLetterEnvelope.Retry = self.stage.gathers ? .gathered : isPartial ? .partial : .whole
        let retries = batch.partition == self.source ? nil : self.retries
        for letter in notes.letters {
            self.metadata.counts["\(letter.step).\(letter.reason)", default: 0] += 1
            let record = try self.sourceRecord(at: letter.origin, batch: batch)
            let known = letter.kind == .dead ? retry : nil
            let written =
                retries.map { self.written(letter, record, of: $0, retry: known) }
                ?? self.envelope.write(
                    letter, source: self.source, record: record,
                    recordBytesMax: TopicSpecification.recordBytesMaxDefault, retry: known)
            self.measure.note(letter)
            if letter.kind == .dead { self.metadata.deadLetters += 1 } else { self.metadata.rejected += 1 }
            // In one topic they keep the order in which they came, wherever commits fall.
            if letter.kind == .rejected, self.stage.rejects != nil {
                self.rejects.append(written)
            } else {
                self.deadLetters.append(written)
            }
        }
        // A record that fails once more says nothing of the stream, and must not keep it from going on.
        if retries == nil { try self.count(notes.letters.first { $0.kind == .dead }) }
    }

    func keep(_ counts: [String: Int]) {
        for (reason, count) in counts { self.metadata.counts[reason, default: 0] += count }
    }

    /// Counts an input record in the stage's row of dead letters, if there is one.
    func count(_ dead: Letter?) throws(EngineError) {
        guard dead != nil || self.limit.hasRow else { return }
        guard let row = self.limit.take(isDeadLetter: dead != nil, &self.limitShare) else { return }
        throw Self.stop(row, last: dead, of: self.stage, self.source, in: self.surroundings.topology)
    }

    /// The end of a run by a step that refuses to go on.
    static func refusal(_ letter: Letter, of stage: Stage, _ source: TopicPartition) -> EngineError {
        EngineError(
            .failed,
            "stage `\(stage.name)`: \(letter.step): \(letter.reason): \(letter.message). Nothing from offset \(letter.origin) of "
                + "\(source) on was committed")
    }

    /// The end of a run by too many dead letters in a row.
    static func stop(
        _ row: DeadLetterLimit, last: Letter?, of stage: Stage, _ source: TopicPartition, in topology: Topology
    ) -> EngineError {
        let place = last.map {
            ", the last at offset \($0.origin) of \(source): \($0.step): \($0.reason): \($0.message)"
        }
        let committed =
            row.committed == 0
            ? "Nothing of them was committed"
            : "\(row.committed) of them were committed, to `\(topology.deadLetterTopic)`, where a replay takes them up, or `millrace dead-letters retry`"
        return EngineError(
            .failed,
            "stage `\(stage.name)`: \(row.inARow) records in a row ended as dead letters\(place ?? ""). \(committed): mend the "
                + "topology or the data, or raise `max-consecutive-dead-letters`, and run again")
    }

    /// The input record that a letter is about: at hand most often, else read again from the log.
    private func sourceRecord(at offset: Offset, batch: FetchedBatch) throws(LogError) -> Record? {
        if let index = batch.index(of: offset) { return batch.records[index] }
        guard batch.partition == self.source else { return nil }
        let found = try self.surroundings.log.makeReader(of: self.source, from: offset)
            .read(recordsMax: 1, bytesMax: Self.bytesMax)
        return found.offsets.first == offset ? found.records[0] : nil
    }
}
