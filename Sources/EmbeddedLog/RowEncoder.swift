// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import Records
import SharedDatabase

/// A run of records of one partition as it is stored: one row of the table `batch`.
struct EncodedRow: Sendable {
    /// The number of records.
    var count: Int
    /// The codec that made `payload`.
    var codec: RowCodec
    /// The size of the payload before compression, in bytes.
    var rawBytes: Int
    /// The bytes that are stored.
    var payload: Data
    /// The checksum of the payload alone.
    var payloadHash: UInt64
}

/// The form in which a row's payload is stored; the raw value is in the file, so a case keeps its number for ever.
enum RowCodec: Int, Sendable {
    /// As it is.
    case plain = 0
    /// One zstd frame.
    case zstd = 1
}

/// Packs records of one partition into rows.
///
/// A row, before compression, is
///
///     bytes of keys and values, in order │ header lists │ entries │ length of the two before it: UInt32, little-endian
///
/// The keys and values lead, so that a decoded row is a `RecordBatch` storage after cutting its tail off. Numbers are
/// LEB128. The header lists are a count (without the empty list, number 0) and, for each, a count of headers with
/// length and bytes of name and value. An entry is three numbers: the key (0 none, 1 the previous record's, else its
/// length plus 2), the value (0 tombstone, else its length plus 1), and the header list.
struct RowEncoder {
    /// A row is closed before a record that would take it past this size; a larger record has a row of its own.
    static let rowBytesMax = 1 << 20
    /// The zstd level that keeps up with the log's own speed.
    static let level = 1
    /// A bound on the entries a row needs in memory when it holds very small records.
    static let rowRecordsMax = 1 << 16
    /// Smaller rows are not worth a compressor's call.
    static let compressibleBytesMin = 128

    private(set) var rows: [EncodedRow] = []
    private var body: Bytes = []
    private var entries: Bytes = []
    private var headers: Bytes = []
    private var headerLists: [[Header]] = []
    private var count = 0
    /// The previous record's key within `body`; negative length: it had none.
    private var keyStart = 0
    private var keyCount = -1

    /// Appends some records of a batch.
    mutating func append(
        _ batch: RecordBatch, _ indices: some Sequence<Int>, compressor: borrowing ZstdCompressor
    ) {
        var lists = [Int](repeating: -1, count: batch.headerLists.count)
        let source = batch.entries
        batch.storage.withUnsafeBufferPointer { storage in
            for index in indices {
                let entry = source[index]
                let bytes = max(0, entry.keyCount) + max(0, entry.valueCount)
                if self.count > 0,
                    self.body.count + self.headers.count + bytes > Self.rowBytesMax || self.count >= Self.rowRecordsMax
                {
                    self.closeRow(compressor)
                    for list in lists.indices { lists[list] = -1 }
                }
                if entry.headerList != 0, lists[entry.headerList] < 0 {
                    lists[entry.headerList] = self.headerList(batch.headerLists[entry.headerList])
                }
                self.append(entry, of: storage, headerList: entry.headerList == 0 ? 0 : lists[entry.headerList])
            }
        }
    }

    /// Closes the last row and answers all.
    mutating func finish(_ compressor: borrowing ZstdCompressor) -> [EncodedRow] {
        if self.count > 0 { self.closeRow(compressor) }
        return self.rows
    }

    private mutating func append(
        _ entry: RecordBatch.Entry, of storage: UnsafeBufferPointer<UInt8>, headerList: Int
    ) {
        if entry.keyCount < 0 {
            Self.appendNumber(0, to: &self.entries)
        } else {
            let key = UnsafeBufferPointer(rebasing: storage[entry.keyStart..<entry.keyStart + entry.keyCount])
            if self.keyCount == entry.keyCount, self.previousKey(equals: key) {
                Self.appendNumber(1, to: &self.entries)
            } else {
                Self.appendNumber(entry.keyCount + 2, to: &self.entries)
                self.keyStart = self.body.count
                self.body.append(contentsOf: key)
            }
        }
        self.keyCount = entry.keyCount
        if entry.valueCount < 0 {
            Self.appendNumber(0, to: &self.entries)
        } else {
            Self.appendNumber(entry.valueCount + 1, to: &self.entries)
            self.body.append(
                contentsOf: UnsafeBufferPointer(
                    rebasing: storage[entry.valueStart..<entry.valueStart + entry.valueCount]))
        }
        Self.appendNumber(headerList, to: &self.entries)
        self.count += 1
    }

    private func previousKey(equals key: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let bytes = key.baseAddress, key.count > 0 else { return true }
        return self.body.withUnsafeBufferPointer { body in
            guard let start = body.baseAddress else { return false }
            return memcmp(start + self.keyStart, bytes, key.count) == 0
        }
    }

    private mutating func headerList(_ list: [Header]) -> Int {
        if let known = self.headerLists.suffix(8).lastIndex(of: list) { return known + 1 }
        self.headerLists.append(list)
        Self.appendNumber(list.count, to: &self.headers)
        for header in list {
            Self.appendNumber(header.name.utf8.count, to: &self.headers)
            self.headers.append(contentsOf: header.name.utf8)
            Self.appendNumber(header.value.count, to: &self.headers)
            self.headers.append(contentsOf: header.value)
        }
        return self.headerLists.count
    }

    private mutating func closeRow(_ compressor: borrowing ZstdCompressor) {
        let bodyCount = self.body.count
        Self.appendNumber(self.headerLists.count, to: &self.body)
        self.body.append(contentsOf: self.headers)
        self.body.append(contentsOf: self.entries)
        let tail = UInt32(self.body.count - bodyCount)
        withUnsafeBytes(of: tail.littleEndian) { self.body.append(contentsOf: $0) }
        var row = EncodedRow(
            count: self.count, codec: .plain, rawBytes: self.body.count, payload: Data(), payloadHash: 0)
        if self.body.count >= Self.compressibleBytesMin, let compressed = compressor.row(self.body) {
            row.codec = .zstd
            row.payload = compressed
        } else {
            row.payload = Data(self.body)
        }
        row.payloadHash = row.payload.withUnsafeBytes { XXH64.hash($0) }
        self.rows.append(row)
        self.body.removeAll(keepingCapacity: true)
        self.entries.removeAll(keepingCapacity: true)
        self.headers.removeAll(keepingCapacity: true)
        self.headerLists.removeAll(keepingCapacity: true)
        self.count = 0
        self.keyCount = -1
    }

    /// Unsigned LEB128.
    private static func appendNumber(_ number: Int, to bytes: inout Bytes) {
        var rest = UInt64(bitPattern: Int64(number))
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }
}
