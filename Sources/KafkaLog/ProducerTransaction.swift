// SPDX-License-Identifier: Apache-2.0

import CRdKafka
import RecordLog
import Records

/// The reason why a transaction failed, and what is known of it.
struct TransactionFailure: Error {
    /// The state that a failure leaves behind.
    enum Outcome {
        /// The transaction was aborted and its producer can go on.
        case aborted
        /// Nothing will ever be visible, and the producer cannot go on.
        case broken
        /// It may have been committed, and the producer cannot go on.
        case unknown
    }

    var error: LogError
    var outcome: Outcome
}

/// One transaction on a producer: begin, produce, send offsets, commit, or abort.
struct ProducerTransaction {
    let writer: String
    let client: Client
    let stateTopic: String
    var timeout = CallTimeout()

    func run(
        _ transaction: Transaction, _ outputs: [CommitPlanner.Output], _ marker: WriterState.Marker
    ) throws(TransactionFailure) {
        var failure: TransactionFailure?
        do throws(LogError) {
            try self.client.use { client throws(LogError) in
                do throws(LogError) {
                    try self.call("beginning", client) { rd_kafka_begin_transaction(client) }
                    try self.produce(transaction, outputs, marker, on: client)
                    try self.sendOffsets(of: transaction, on: client)
                } catch {
                    failure = TransactionFailure(error: error, outcome: self.abort(client) ? .aborted : .broken)
                    return
                }
                do throws(LogError) {
                    try self.call("committing", client) {
                        rd_kafka_commit_transaction(client, self.timeout.milliseconds)
                    }
                } catch {
                    // Aborting is possible only if the commit has not begun to take effect.
                    failure = TransactionFailure(error: error, outcome: self.abort(client) ? .aborted : .unknown)
                }
            }
        } catch {
            throw TransactionFailure(error: error, outcome: .broken)
        }
        if let failure { throw failure }
    }

    /// Makes a call, and again with the same arguments as long as it says that this may help.
    private func call(
        _ what: String, _ client: OpaquePointer, _ body: () -> OpaquePointer?
    ) throws(LogError) {
        let deadline = ContinuousClock.now + self.timeout.patience
        while let error = body() {
            defer { rd_kafka_error_destroy(error) }
            if rd_kafka_error_is_retriable(error) != 0, rd_kafka_error_txn_requires_abort(error) == 0,
                ContinuousClock.now < deadline
            {
                continue
            }
            var code = rd_kafka_error_code(error)
            var detail = rd_kafka_error_string(error).map { String(cString: $0) } ?? ""
            // A transaction that has failed says only that it has; asked to begin another it says why, and stays.
            if code == RD_KAFKA_RESP_ERR__STATE, let cause = rd_kafka_begin_transaction(client) {
                defer { rd_kafka_error_destroy(cause) }
                if rd_kafka_error_code(cause) != RD_KAFKA_RESP_ERR__STATE {
                    code = rd_kafka_error_code(cause)
                    detail = rd_kafka_error_string(cause).map { String(cString: $0) } ?? detail
                }
            }
            if rd_kafka_error_is_fatal(error) != 0 {
                var reason = [CChar](repeating: 0, count: 512)
                let fatal = rd_kafka_fatal_error(client, &reason, reason.count)
                if fatal != RD_KAFKA_RESP_ERR_NO_ERROR { code = fatal }
                detail += ": " + text(reason)
            }
            throw LogError(code, "\(what) a transaction of writer \(self.writer)", detail: detail)
        }
    }

    /// Answers whether the transaction is over and the producer can go on.
    private func abort(_ client: OpaquePointer) -> Bool {
        var reason = [CChar](repeating: 0, count: 1)
        guard rd_kafka_fatal_error(client, &reason, 1) == RD_KAFKA_RESP_ERR_NO_ERROR else { return false }
        do throws(LogError) {
            try self.call("aborting", client) { rd_kafka_abort_transaction(client, self.timeout.milliseconds) }
            return true
        } catch {
            return false
        }
    }

    private func sendOffsets(of transaction: Transaction, on client: OpaquePointer) throws(LogError) {
        guard let group = transaction.group, !transaction.offsets.isEmpty else { return }
        let list = try PartitionList(commits: transaction.offsets)
        let metadata = rd_kafka_consumer_group_metadata_new(group)
        defer { rd_kafka_consumer_group_metadata_destroy(metadata) }
        try self.call("sending the offsets of", client) {
            rd_kafka_send_offsets_to_transaction(client, list.pointer, metadata, self.timeout.milliseconds)
        }
    }

    private func produce(
        _ transaction: Transaction, _ outputs: [CommitPlanner.Output], _ marker: WriterState.Marker,
        on client: OpaquePointer
    ) throws(LogError) {
        for output in outputs where !output.records.isEmpty { try self.produce(output, on: client) }
        var state = RecordBatch()
        for change in transaction.state { state.append(key: WriterState.key(of: change.key), value: change.value) }
        state.append(key: WriterState.Marker.key, value: marker.bytes)
        let zeros = [Int32](repeating: 0, count: state.count)
        try self.produce(.init(topic: self.stateTopic, partitions: zeros, records: state), on: client)
    }

    func produce(_ output: CommitPlanner.Output, on client: OpaquePointer) throws(LogError) {
        guard let topic = rd_kafka_topic_new(client, output.topic, nil) else {
            throw LogError(rd_kafka_last_error(), "topic \(output.topic)")
        }
        defer { rd_kafka_topic_destroy(topic) }
        let records = output.records
        // An empty key or value is not NULL, and an empty array may have no address.
        var nothing: UInt8 = 0
        try withUnsafePointer(to: &nothing) { nothing throws(LogError) in
            try records.storage.withUnsafeBufferPointer { storage throws(LogError) in
                func start(_ offset: Int, _ count: Int) -> UnsafePointer<UInt8>? {
                    if count < 0 { return nil }
                    return count == 0 ? nothing : storage.baseAddress.map { $0 + offset }
                }
                let deadline = ContinuousClock.now + self.timeout.patience
                for (entry, partition) in zip(records.entries, output.partitions) {
                    let key = start(entry.keyStart, entry.keyCount)
                    let value = start(entry.valueStart, entry.valueCount)
                    while true {
                        let headers = Self.headers(records.headerLists[entry.headerList])
                        let error = crdkafka_produce(
                            client, topic, partition, key, max(0, entry.keyCount), value, max(0, entry.valueCount),
                            headers)
                        if error == RD_KAFKA_RESP_ERR_NO_ERROR { break }
                        if let headers { rd_kafka_headers_destroy(headers) }
                        guard error == RD_KAFKA_RESP_ERR__QUEUE_FULL, ContinuousClock.now < deadline else {
                            throw self.producing(error, output.topic, client)
                        }
                        _ = rd_kafka_poll(client, 50)
                    }
                }
            }
        }
    }

    private func producing(_ error: rd_kafka_resp_err_t, _ topic: String, _ client: OpaquePointer) -> LogError {
        var reason = [CChar](repeating: 0, count: 512)
        let fatal = rd_kafka_fatal_error(client, &reason, reason.count)
        if fatal != RD_KAFKA_RESP_ERR_NO_ERROR {
            return LogError(fatal, "writing to topic \(topic)", detail: text(reason))
        }
        return LogError(error, "writing to topic \(topic)")
    }

    /// Headers as librdkafka takes them; `nil` for none.
    private static func headers(_ list: [Header]) -> OpaquePointer? {
        if list.isEmpty { return nil }
        let headers = rd_kafka_headers_new(list.count)
        for header in list {
            // The array's pointer is not NULL inside the closure's buffer only where it has elements.
            header.value.withUnsafeBufferPointer { value in
                var nothing: UInt8 = 0
                if let start = value.baseAddress, !value.isEmpty {
                    rd_kafka_header_add(headers, header.name, header.name.utf8.count, start, value.count)
                } else {
                    rd_kafka_header_add(headers, header.name, header.name.utf8.count, &nothing, 0)
                }
            }
        }
        return headers
    }
}
