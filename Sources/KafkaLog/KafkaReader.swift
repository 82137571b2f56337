// SPDX-License-Identifier: Apache-2.0

import CRdKafka
import RecordLog
import Records

/// Reads one partition by a consumer of its own.
///
/// librdkafka fetches ahead a bounded amount (`queued.max.messages.kbytes`). A seek starts a new consumer instead of
/// moving the old one: librdkafka 2.0.2 may deliver a batch that was fetched before a seek.
///
/// `@unchecked Sendable`: the contract has a reader used from one thread at a time, and closing the log touches only
/// the `Client`, which is safe from any.
final class KafkaReader: PartitionReader, @unchecked Sendable {
    private static let batchMax = 1000
    /// Distances before its position at which a reader of a broker with quirks begins to fetch: the usual one, and the
    /// one for when records seem to be missing there still. Records before the position are dropped.
    ///
    /// Kafka names with each fetch the aborted transactions that reach into it. noida-db 0.2.3 names earlier ones too,
    /// and a consumer that does not get their end with the same answer takes what the same producer wrote next for
    /// aborted: records that are committed are passed over. An answer that reaches back to the end of the abort is
    /// right, and only the first answer to a consumer reaches back.
    private static let lookBacks: [Offset] = [4_096, 65_536]
    /// Time that a read waits for records it knows to be there.
    private static let patience = Duration.seconds(10)

    private let partition: TopicPartition
    private let log: KafkaLog
    /// The offset at which the next record to hand out is looked for.
    private var position: Offset
    /// Records fetched and not handed out: a consumer's messages must not outlive it, so they are copied at once.
    private var pending: FetchedBatch
    private var handedOut = 0
    private var consumer: Consumer?
    private var isAtEnd = false
    /// Records that seem to be missing from a position on, and how far back has been looked for them.
    private var suspicion: (position: Offset, step: Int)?
    /// Offset at which the consumer began.
    private var first: Offset = 0

    init(of partition: TopicPartition, from offset: Offset, in log: KafkaLog) {
        self.partition = partition
        self.log = log
        self.position = offset
        self.pending = FetchedBatch(partition: partition, nextOffset: offset)
    }

    deinit { self.stop() }

    func read(recordsMax: Int, bytesMax: Int) throws(LogError) -> FetchedBatch {
        try self.read(recordsMax, bytesMax, waits: true)
    }

    func readArrived(recordsMax: Int, bytesMax: Int) throws(LogError) -> FetchedBatch {
        try self.read(recordsMax, bytesMax, waits: false)
    }

    private func read(_ recordsMax: Int, _ bytesMax: Int, waits: Bool) throws(LogError) -> FetchedBatch {
        if self.log.admin.isClosed { throw .logClosed }
        if recordsMax <= 0 { return FetchedBatch(partition: self.partition, nextOffset: self.position) }
        if self.handedOut >= self.pending.count {
            self.pending = try self.next(waits: waits)
            self.handedOut = 0
        }
        return self.handOut(recordsMax, bytesMax)
    }

    func seek(to offset: Offset) {
        self.stop()
        self.position = offset
        self.pending = FetchedBatch(partition: self.partition, nextOffset: offset)
        self.handedOut = 0
    }

    private func stop() {
        if let consumer { self.log.close(consumer.client) }
        self.consumer = nil
        self.isAtEnd = false
    }

    private func next(waits: Bool) throws(LogError) -> FetchedBatch {
        while true {
            let consumer: Consumer
            if let running = self.consumer { consumer = running } else { consumer = try self.makeConsumer() }
            if let batch = try self.fetch(from: consumer, waits: waits) { return batch }
            if !waits { return FetchedBatch(partition: self.partition, nextOffset: self.position) }
        }
    }

    /// Checks the position, then starts to fetch from it.
    private func makeConsumer() throws(LogError) -> Consumer {
        let range = try self.log.offsets(of: self.partition)
        guard range.contains(self.position) || self.position == range.upperBound else {
            throw LogError(
                .offsetOutOfRange(range),
                "offset \(self.position) of \(self.partition) is not retained, \(range) is: start from one of these")
        }
        let lookBack = self.log.configuration.hasQuirks ? Self.lookBacks[self.suspicion?.step ?? 0] : 0
        self.first = max(range.lowerBound, self.position - lookBack)
        let consumer = try Consumer(of: self.partition, from: self.first, in: self.log)
        self.consumer = consumer
        return consumer
    }

    /// Returns the records fetched; if there are none and the end has not been reached, waits for an answer if it may.
    /// - Returns: `nil` if it has to be done again by another consumer.
    private func fetch(from consumer: Consumer, waits: Bool) throws(LogError) -> FetchedBatch? {
        var decoder = MessageDecoder()
        var hasGap = false
        var next = self.position
        var failure: LogError?
        try consumer.client.use { client throws(LogError) in
            // Serves statistics; messages come by the queue.
            _ = rd_kafka_poll(client, 0)
            let deadline = ContinuousClock.now + Self.patience
            while failure == nil {
                var messages = [UnsafeMutablePointer<rd_kafka_message_t>?](repeating: nil, count: Self.batchMax)
                let count = rd_kafka_consume_batch_queue(consumer.queue, 0, &messages, messages.count)
                for case let message? in messages.prefix(max(0, count)) {
                    failure = self.take(message, into: &decoder, &next, &hasGap) ?? failure
                }
                if !decoder.isEmpty || self.isAtEnd { break }
                if count > 0 { continue }
                if !waits { break }
                guard ContinuousClock.now < deadline else {
                    let reason = self.log.configuration.events.lastProblem.map { ": \($0)" } ?? ""
                    failure = LogError(.unavailable, "\(self.partition) did not answer at offset \(next)\(reason)")
                    break
                }
                if let message = rd_kafka_consume_queue(consumer.queue, 100) {
                    failure = self.take(message, into: &decoder, &next, &hasGap)
                }
            }
        }
        if failure == nil, hasGap, self.looksBackFurther() { return nil }
        if let failure {
            // Records from before the failure count; a new consumer meets the failure again.
            self.stop()
            if decoder.isEmpty {
                // A topic that was deleted meanwhile is gone, not silent: nobody should wait for it.
                if failure.code == .unavailable { try self.log.checkExists(self.partition) }
                guard case .offsetOutOfRange = failure.code else { throw failure }
                _ = try self.makeConsumer()
            }
        }
        return decoder.batch(of: self.partition, nextOffset: next)
    }

    /// Tells whether records may be missing only because of where the consumer began: then another begins.
    ///
    /// A gap is believed once a consumer that was started because of it has met it again, as far back as there is
    /// something. It is an aborted transaction's then, or compaction has removed its records. The consumer that met it
    /// first does not count: the gap may have come with a later answer of its.
    private func looksBackFurther() -> Bool {
        guard self.log.configuration.hasQuirks else { return false }
        var next = 0
        if let suspicion, suspicion.position == self.position {
            next = suspicion.step + 1
            let isFromBeginning = self.first > self.position - Self.lookBacks[suspicion.step]
            if isFromBeginning || next == Self.lookBacks.count {
                self.suspicion = nil
                return false
            }
        }
        self.stop()
        self.suspicion = (self.position, next)
        return true
    }

    /// Takes in a message, or what else came as one, and frees it.
    private func take(
        _ message: UnsafeMutablePointer<rd_kafka_message_t>, into decoder: inout MessageDecoder, _ next: inout Offset,
        _ hasGap: inout Bool
    ) -> LogError? {
        defer { rd_kafka_message_destroy(message) }
        switch message.pointee.err {
        case RD_KAFKA_RESP_ERR_NO_ERROR:
            guard message.pointee.offset >= next else { return nil }
            // One offset may be the mark at a transaction's end.
            if message.pointee.offset > next + 1 { hasGap = true }
            decoder.append(message)
            next = message.pointee.offset + 1
            self.isAtEnd = false
            return nil
        case RD_KAFKA_RESP_ERR__PARTITION_EOF:
            if message.pointee.offset > next + 1 { hasGap = true }
            next = max(next, message.pointee.offset)
            self.isAtEnd = true
            return nil
        case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET, RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
            return LogError(.offsetOutOfRange(0..<0), "\(self.partition): offset \(next) is not retained")
        default:
            let error = LogError(message.pointee.err, "reading \(self.partition)")
            // The library tries again by itself.
            return error.isRetriable ? nil : error
        }
    }

    /// The next part of what is pending.
    private func handOut(_ recordsMax: Int, _ bytesMax: Int) -> FetchedBatch {
        let first = self.handedOut
        var end = first
        var bytes = 0
        while end < self.pending.count, end - first < recordsMax, end == first || bytes < bytesMax {
            let entry = self.pending.records.entries[end]
            bytes += max(0, entry.keyCount) + max(0, entry.valueCount)
            end += 1
        }
        self.handedOut = end
        if first == 0, end == self.pending.count {
            self.position = self.pending.nextOffset
            defer { self.pending = FetchedBatch(partition: self.partition, nextOffset: self.position) }
            return self.pending
        }
        var records = RecordBatch()
        records.append(contentsOf: self.pending.records, first..<end)
        let offsets = Array(self.pending.offsets[first..<end])
        self.position = end == self.pending.count ? self.pending.nextOffset : (offsets.last ?? self.position - 1) + 1
        return FetchedBatch(
            partition: self.partition, records: records, offsets: offsets,
            timestamps: Array(self.pending.timestamps[first..<end]), nextOffset: self.position)
    }
}

/// A consumer of one partition, and the queue its messages come by.
private struct Consumer {
    let client: Client
    /// Belongs to the client: used inside `client.use` only.
    let queue: OpaquePointer

    init(of partition: TopicPartition, from offset: Offset, in log: KafkaLog) throws(LogError) {
        let pacing = FetchPacing()
        let pointer = try log.configuration.makeClient(
            RD_KAFKA_CONSUMER,
            defaults: [
                "queued.max.messages.kbytes": "16384", "fetch.wait.max.ms": "\(FetchPacing.waitMilliseconds)",
                "check.crcs": "true",
                // A broker was seen to answer with all there is, whatever limits a fetch names.
                "receive.message.max.bytes": "1000000000",
            ],
            required: [
                // Assigning needs a group's name, though nothing is joined and nothing committed.
                "group.id": "millrace-reader", "isolation.level": "read_committed", "enable.partition.eof": "true",
                "enable.auto.commit": "false", "enable.auto.offset.store": "false", "auto.offset.reset": "error",
                "allow.auto.create.topics": "false",
            ], pacing.attach)
        guard let queue = rd_kafka_queue_get_consumer(pointer) else {
            rd_kafka_destroy(pointer)
            throw LogError(.failed, "reading \(partition): no queue")
        }
        let signal = Unmanaged.passRetained(log.signal)
        rd_kafka_queue_cb_event_enable(
            queue,
            { _, context in
                if let context { Unmanaged<AppendSignal>.fromOpaque(context).takeUnretainedValue().raise() }
            }, signal.toOpaque())
        self.queue = queue
        let resources = ReaderResources(queue: queue, signal: signal, pacing: pacing)
        self.client = Client(owning: pointer) { _, pointer in resources.release(before: pointer) }
        try log.register(self.client)
        try self.client.use { client throws(LogError) in
            let list = try PartitionList([(partition, offset)])
            try rd_kafka_assign(client, list.pointer).check("reading \(partition)")
        }
    }
}

/// Resources that a reader's consumer holds beside itself.
///
/// `@unchecked Sendable`: constant, and used once, by whoever destroys the client.
private struct ReaderResources: @unchecked Sendable {
    let queue: OpaquePointer
    let signal: Unmanaged<AppendSignal>
    let pacing: FetchPacing

    func release(before client: OpaquePointer) {
        rd_kafka_queue_cb_event_enable(self.queue, nil, nil)
        rd_kafka_queue_destroy(self.queue)
        rd_kafka_destroy(client)
        // Only now can no thread of the client's raise it any more.
        self.signal.release()
    }
}
