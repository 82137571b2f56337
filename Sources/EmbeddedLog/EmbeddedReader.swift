// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import GRDB
import RecordLog
import Records
import SharedDatabase
import Synchronization

/// Reads one partition, row by row.
///
/// A row is decoded once; what `read` has not handed out of it stays here. Whole rows go out without a copy.
final class EmbeddedReader: PartitionReader {
    /// A row as it was stored, decoded.
    private struct DecodedRow {
        var records: RecordBatch
        var baseOffset: Offset
        var time: Timestamp

        var endOffset: Offset { self.baseOffset + Offset(self.records.count) }
    }

    private struct State {
        var position: Offset
        var row: DecodedRow?
    }

    /// Above this many bytes a row goes out alone: joining it with others would cost more than another read.
    private static let aloneBytesMin = 128 << 10

    private let storage: LogStorage
    private let partition: TopicPartition
    private let id: Int64
    private let state: Mutex<State>
    private let decompressor = ZstdDecompressor()

    init(storage: LogStorage, partition: TopicPartition, id: Int64, from offset: Offset) throws(LogError) {
        self.storage = storage
        self.partition = partition
        self.id = id
        self.state = Mutex(State(position: offset, row: nil))
    }

    func seek(to offset: Offset) {
        self.state.withLock { state in
            state.position = offset
            state.row = nil
        }
    }

    func read(recordsMax: Int, bytesMax: Int) throws(LogError) -> FetchedBatch {
        try self.storage.checkOpen()
        return try self.state.withLock { (state) throws(LogError) -> FetchedBatch in
            var batch = BatchBuilder(recordsMax: max(1, recordsMax), bytesMax: max(1, bytesMax))
            if state.row == nil { try self.fetch(&state, &batch) } else { Self.take(&state, &batch) }
            return batch.finish(self.partition, nextOffset: state.position)
        }
    }

    /// Reads rows into the batch until it is full or the partition ends.
    private func fetch(_ state: inout State, _ batch: inout BatchBuilder) throws(LogError) {
        // The closure works on copies, so that a failure half-way leaves the position where it was.
        var position = state.position
        var rest: DecodedRow?
        var collected = batch
        try self.storage.read { db in
            guard let place = try PartitionPlace.load(id: self.id, db) else {
                throw LogError(.unknownTopic, "topic \(self.partition.topic) has been deleted")
            }
            try self.check(position, within: place)
            if position == place.nextOffset { return }
            let rows = try Row.fetchCursor(
                db.cachedStatement(sql: Self.query), arguments: [self.id, position, place.nextOffset])
            while !collected.isFull, let row = try rows.next() {
                let decoded = try self.decode(row, at: position)
                let isAlone = decoded.records.byteCount >= Self.aloneBytesMin
                rest = Self.take(decoded, &position, &collected)
                if isAlone { break }
            }
            if collected.count == 0 {
                throw LogError(.corrupt, "\(self.storage.path): \(self.partition) has no row for offset \(position)")
            }
        }
        state.position = position
        state.row = rest
        batch = collected
    }

    /// The row that holds an offset and those after it.
    private static let query = """
        SELECT base_offset, count, time, codec, raw_bytes, checksum, payload FROM batch
        WHERE partition_id = ?1 AND base_offset < ?3 AND base_offset >= (
            SELECT base_offset FROM batch WHERE partition_id = ?1 AND base_offset <= ?2
            ORDER BY base_offset DESC LIMIT 1)
        ORDER BY base_offset
        """

    private func check(_ position: Offset, within place: PartitionPlace) throws(LogError) {
        if position >= place.firstOffset, position <= place.nextOffset { return }
        throw LogError(
            .offsetOutOfRange(place.range),
            """
            offset \(position) of \(self.partition) is not retained: the log has \(place.firstOffset) to \
            \(place.nextOffset); continue from one of these, knowing what is skipped
            """)
    }

    private func decode(
        _ row: Row, at position: Offset
    ) throws -> DecodedRow {
        let base = try row.integer(0)
        let count = Int(try row.integer(1))
        let time = try row.integer(2)
        let codecNumber = Int(try row.integer(3))
        let rawBytes = Int(try row.integer(4))
        let checksum = try row.integer(5)
        let place = "\(self.storage.path): the row of \(self.partition) at offset \(base)"
        guard base >= 0, (1...RowEncoder.rowRecordsMax).contains(count), base <= position,
            position - base < Int64(count)
        else {
            throw LogError(.corrupt, "\(place) does not continue at offset \(position); put a copy of the file back")
        }
        let records: RecordBatch? = try row.withUnsafeData(atIndex: 6) { data -> RecordBatch? in
            guard let data, let codec = RowCodec(rawValue: codecNumber) else { return nil }
            return try data.withUnsafeBytes { (payload: UnsafeRawBufferPointer) -> RecordBatch? in
                let expected = Schema.rowChecksum(
                    payloadHash: XXH64.hash(payload), partitionID: self.id, baseOffset: base, count: count,
                    time: time, codec: codecNumber, rawBytes: rawBytes)
                guard expected == checksum else { return nil }
                do {
                    return try RowDecoder.decode(
                        payload, codec: codec, rawBytes: rawBytes, count: count, decompressor: self.decompressor)
                } catch let error as RowDecoder.Malformed {
                    throw LogError(.corrupt, "\(place) is damaged: it has \(error.reason); put a copy back")
                }
            }
        }
        guard let records else {
            throw LogError(.corrupt, "\(place) is damaged: its checksum differs; put a copy of the file back")
        }
        return DecodedRow(records: records, baseOffset: base, time: time)
    }

    private static func take(_ state: inout State, _ batch: inout BatchBuilder) {
        guard let row = state.row else { return }
        var position = state.position
        state.row = nil
        state.row = self.take(row, &position, &batch)
        state.position = position
    }

    /// Moves what fits from a row to the batch; answers the row where some of it stays.
    private static func take(_ row: DecodedRow, _ position: inout Offset, _ batch: inout BatchBuilder) -> DecodedRow? {
        let first = Int(position - row.baseOffset)
        let end = batch.append(row.records, from: first, baseOffset: row.baseOffset, time: row.time)
        position = row.baseOffset + Offset(end)
        return end < row.records.count ? row : nil
    }
}

/// Collects what one call of `read` answers.
private struct BatchBuilder {
    var recordsMax: Int
    var bytesMax: Int
    private var records = RecordBatch()
    private var offsets: [Offset] = []
    private var timestamps: [Timestamp] = []

    init(recordsMax: Int, bytesMax: Int) {
        self.recordsMax = recordsMax
        self.bytesMax = bytesMax
    }

    var count: Int { self.records.count }

    var isFull: Bool { self.records.count >= self.recordsMax || self.records.byteCount >= self.bytesMax }

    /// Appends as many of a row's records as fit.
    /// - Returns: the index of the first that was not appended.
    mutating func append(_ row: RecordBatch, from first: Int, baseOffset: Offset, time: Timestamp) -> Int {
        let end = self.end(in: row, from: first)
        self.records.append(contentsOf: row, first..<end)
        self.offsets.append(contentsOf: baseOffset + Offset(first)..<baseOffset + Offset(end))
        self.timestamps.append(contentsOf: repeatElement(time, count: end - first))
        return end
    }

    func finish(_ partition: TopicPartition, nextOffset: Offset) -> FetchedBatch {
        FetchedBatch(
            partition: partition, records: self.records, offsets: self.offsets, timestamps: self.timestamps,
            nextOffset: nextOffset)
    }

    /// The end of the records in a row that the limits allow: always past one record of an empty batch's first row.
    private func end(in row: RecordBatch, from first: Int) -> Int {
        let limit = min(row.count, first + self.recordsMax - self.records.count)
        var bytesLeft = self.bytesMax - self.records.byteCount
        if limit == row.count, row.byteCount <= bytesLeft { return limit }
        var index = first
        var keyStart = -1
        let entries = row.entries
        while index < limit, bytesLeft > 0 {
            let entry = entries[index]
            bytesLeft -= max(0, entry.valueCount)
            if entry.keyCount > 0, entry.keyStart != keyStart { bytesLeft -= entry.keyCount }
            keyStart = entry.keyStart
            index += 1
        }
        return index
    }
}
