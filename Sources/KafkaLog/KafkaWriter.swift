// SPDX-License-Identifier: Apache-2.0

import CRdKafka
import Codecs
import RecordLog
import Records

/// A transactional producer and the topic of its state.
///
/// `@unchecked Sendable`: the contract has a writer used from one thread at a time, and closing the log touches only
/// the `Client`, which is safe from any.
final class KafkaWriter: TransactionalWriter, @unchecked Sendable {
    let id: String
    let epoch: Int64
    private let log: KafkaLog
    private let stateTopic: String
    private var client: Client
    private var sequence: Int64 = 0
    /// The restored state, until the first commit changes it.
    private var restored: [Bytes: Bytes]?
    private var planner: CommitPlanner
    private var fence: LogError?
    private var isBroken = false
    private var isClosed = false

    init(id: String, log: KafkaLog) throws(LogError) {
        let stateTopic = try WriterState.topic(of: id)
        if try log.partitionCount(of: stateTopic) == nil {
            do throws(LogError) {
                try log.create(
                    stateTopic, partitions: 1,
                    [
                        "cleanup.policy": "compact", "max.message.bytes": "\(128 << 20)", "retention.ms": "-1",
                        // Each commit writes here and each assignment reads it all: compact early.
                        "segment.bytes": "\(64 << 20)", "segment.ms": "3600000", "min.cleanable.dirty.ratio": "0.1",
                    ])
            } catch  where error.code == .topicConflict {}
        }
        let client = try Self.makeProducer(id, log)
        do throws(LogError) {
            let state = try WriterState.readDecided(stateTopic, in: log)
            self.restored = state.entries
            self.epoch = state.marker.epoch + 1
        } catch {
            log.close(client)
            throw error
        }
        self.id = id
        self.log = log
        self.stateTopic = stateTopic
        self.client = client
        self.planner = CommitPlanner(log: log)
        // A writer that came after this one has fenced it by now, so no two ever commit the same epoch.
        do throws(LogError) { try self.attempt(Transaction(), []) } catch {
            self.close()
            throw error
        }
    }

    deinit { self.close() }

    func close() {
        self.isClosed = true
        self.log.close(self.client)
    }

    func state() throws(LogError) -> [StateEntry] {
        if self.restored == nil { self.restored = try WriterState.read(self.stateTopic, in: self.log).entries }
        return WriterState.sorted(self.restored ?? [:])
    }

    func commit(_ transaction: Transaction) throws(LogError) {
        if self.isClosed { throw LogError(.closed, "writer \(self.id) has been closed") }
        if self.log.admin.isClosed { throw .logClosed }
        if let fence { throw fence }
        if self.isBroken { _ = try self.recover() }
        // An empty commit can find out only who has the id.
        if transaction.isEmpty {
            return try self.checkOwned(try WriterState.read(self.stateTopic, in: self.log).marker)
        }
        let outputs = try self.planner.plan(transaction)
        self.sequence += 1
        do throws(LogError) { try self.attempt(transaction, outputs) } catch {
            self.planner.forget()
            throw error
        }
        self.restored = nil
    }

    /// Attempts one transaction; if it may or may not have taken place, finds out.
    private func attempt(
        _ transaction: Transaction, _ outputs: [CommitPlanner.Output], isLast: Bool = false
    ) throws(LogError) {
        let marker = WriterState.Marker(epoch: self.epoch, sequence: self.sequence)
        do throws(TransactionFailure) {
            let producer = ProducerTransaction(
                writer: self.id, client: self.client, stateTopic: self.stateTopic,
                timeout: self.log.configuration.callTimeout)
            try producer.run(transaction, outputs, marker)
        } catch {
            if error.error.code == .fenced { throw self.fenced(error.error) }
            // After an abort too: librdkafka 2.0.2 goes on with sequence numbers that follow those of a batch that the
            // broker refused, and keeps a topic's error until its next look at the topics.
            self.isBroken = true
            if error.outcome == .aborted { throw error.error }
            if error.error.code == .closed { throw error.error }
            if error.outcome == .broken {
                _ = try self.recover()
            } else if try self.decide(after: error.error) == marker {
                return
            }
            // Nothing was committed. A producer may have met a topic that was deleted and created again under it,
            // which only a new one gets over.
            if !isLast { return try self.attempt(transaction, outputs, isLast: true) }
            throw LogError(.unavailable, "\(error.error.message); the writer was restarted and nothing committed")
        }
    }

    /// Finds out from the last commit's marker what became of a commit.
    ///
    /// If that cannot be found out the writer ends, since a second try might write everything twice.
    private func decide(after failure: LogError) throws(LogError) -> WriterState.Marker {
        let deadline = ContinuousClock.now + self.log.configuration.callTimeout.decision
        while true {
            do throws(LogError) { return try self.recover() } catch {
                if error.isRetriable, ContinuousClock.now < deadline { continue }
                if error.code == .fenced || error.code == .closed { throw error }
                let end = LogError(
                    .failed,
                    "\(failure.message); whether it was committed is not known (\(error.message)): make a new writer"
                        + " and go on from the offsets that it finds")
                self.fence = end
                throw end
            }
        }
    }

    private func fenced(_ cause: LogError) -> LogError {
        let error = LogError(
            .fenced, "writer \(self.id) of epoch \(self.epoch) has been replaced: its task runs elsewhere (\(cause))")
        self.fence = error
        return error
    }

    /// Replaces a producer that cannot go on, unless another writer has the id; answers the last commit's marker.
    private func recover() throws(LogError) -> WriterState.Marker {
        self.log.close(self.client)
        // Looked at before the new producer fences whoever has the id.
        try self.checkOwned(try WriterState.read(self.stateTopic, in: self.log).marker)
        self.client = try Self.makeProducer(self.id, self.log)
        let marker = try WriterState.readDecided(self.stateTopic, in: self.log).marker
        try self.checkOwned(marker)
        self.isBroken = false
        return marker
    }

    private func checkOwned(_ marker: WriterState.Marker) throws(LogError) {
        if marker.epoch > self.epoch { throw self.fenced(LogError(.fenced, "epoch \(marker.epoch)")) }
    }

    /// A producer that is ready to begin, and has fenced those before it.
    private static func makeProducer(_ id: String, _ log: KafkaLog) throws(LogError) -> Client {
        let pointer = try log.configuration.makeClient(
            RD_KAFKA_PRODUCER,
            defaults: [
                "compression.type": "zstd", "message.max.bytes": "\(128 << 20)", "transaction.timeout.ms": "60000",
                "queue.buffering.max.messages": "1000000",
            ],
            required: ["transactional.id": id, "enable.idempotence": "true", "batch.size": "1000000"])
        let client = Client(owning: pointer)
        try log.register(client)
        let timeout = log.configuration.callTimeout
        let deadline = ContinuousClock.now + timeout.patience
        while true {
            do throws(LogError) {
                try client.use { client throws(LogError) in
                    guard let error = rd_kafka_init_transactions(client, timeout.milliseconds) else { return }
                    defer { rd_kafka_error_destroy(error) }
                    var failure = LogError(
                        rd_kafka_error_code(error), "initialising writer \(id)",
                        detail: String(cString: rd_kafka_error_string(error)))
                    if rd_kafka_error_is_retriable(error) != 0 { failure.code = .unavailable }
                    throw failure
                }
                return client
            } catch {
                if error.isRetriable, ContinuousClock.now < deadline { continue }
                log.close(client)
                throw error
            }
        }
    }
}
