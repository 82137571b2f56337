// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Counts the rows of files in Arrow's stream format, in which ProAssist keeps frames and features: a row a frame.
///
/// A stream is a list of messages: `ff ff ff ff`, the length of a table that describes the message (FlatBuffers), the
/// table, and a body that the table gives the length of. An empty one ends it, so that a half-written file is known.
enum ArrowRows {
    /// The reasons why the rows of a file cannot be told.
    enum Fault: Error, Hashable {
        /// It is no stream of Arrow's.
        case notArrow
        /// It stops before its end.
        case cut
    }

    /// The greatest length of a message's table.
    private static let tableBytesMax = 16 << 20
    /// The number by which the table of a message says that it is a batch of rows.
    private static let recordBatch = 3

    /// Counts the rows of a file.
    static func count(in file: FileHandle) throws(Fault) -> Int {
        do {
            let end = try file.seekToEnd()
            try file.seek(toOffset: 0)
            return try self.count(in: file, end)
        } catch let fault as Fault {
            throw fault
        } catch {
            throw .notArrow
        }
    }

    private static func count(in file: FileHandle, _ end: UInt64) throws -> Int {
        var rows = 0
        var isFirst = true
        while true {
            let head = try self.read(8, of: file)
            if head.isEmpty { throw isFirst ? Fault.notArrow : Fault.cut }
            guard head.count == 8 else { throw isFirst ? Fault.notArrow : Fault.cut }
            guard head[0..<4] == [0xff, 0xff, 0xff, 0xff] else { throw Fault.notArrow }
            let length = Int(FlatTable.number(head, 4, bytes: 4) ?? 0)
            if length == 0 { return rows }
            guard 8...self.tableBytesMax ~= length else { throw Fault.notArrow }
            let bytes = try self.read(length, of: file)
            guard bytes.count == length else { throw Fault.cut }
            guard let message = FlatTable(root: bytes) else { throw Fault.notArrow }
            if message.number(1, bytes: 1) == UInt64(self.recordBatch) {
                guard let batch = message.table(2), let count = batch.number(0, bytes: 8), count <= UInt64(Int32.max)
                else { throw Fault.notArrow }
                rows += Int(count)
            }
            let (next, overflow) = try file.offset().addingReportingOverflow(message.number(3, bytes: 8) ?? 0)
            guard !overflow, next <= end else { throw Fault.cut }
            try file.seek(toOffset: next)
            isFirst = false
        }
    }

    private static func read(_ count: Int, of file: FileHandle) throws -> [UInt8] {
        [UInt8](try file.read(upToCount: count) ?? Data())
    }
}

/// A table of FlatBuffers: numbers and tables by the number of their field.
private struct FlatTable {
    let bytes: [UInt8]
    let place: Int
    private let fields: Int
    private let fieldsEnd: Int

    init?(root bytes: [UInt8]) {
        guard let root = Self.number(bytes, 0, bytes: 4) else { return nil }
        self.init(bytes, at: Int(root))
    }

    private init?(_ bytes: [UInt8], at place: Int) {
        guard let back = Self.number(bytes, place, bytes: 4) else { return nil }
        let fields = place - Int(Int32(truncatingIfNeeded: back))
        guard let length = Self.number(bytes, fields, bytes: 2) else { return nil }
        self.bytes = bytes
        self.place = place
        self.fields = fields
        self.fieldsEnd = fields + Int(length)
    }

    /// A number of so many bytes, without sign; 0 where the field is not given, which is the default.
    func number(_ field: Int, bytes count: Int) -> UInt64? {
        guard let place = self.place(of: field) else { return 0 }
        return Self.number(self.bytes, place, bytes: count)
    }

    func table(_ field: Int) -> FlatTable? {
        guard let place = self.place(of: field), let offset = Self.number(self.bytes, place, bytes: 4) else {
            return nil
        }
        return FlatTable(self.bytes, at: place + Int(offset))
    }

    private func place(of field: Int) -> Int? {
        let entry = self.fields + 4 + 2 * field
        guard entry + 2 <= self.fieldsEnd, let offset = Self.number(self.bytes, entry, bytes: 2), offset > 0 else {
            return nil
        }
        return self.place + Int(offset)
    }

    /// The little-endian number at a place; `nil` where it is not within the bytes.
    static func number(_ bytes: [UInt8], _ place: Int, bytes count: Int) -> UInt64? {
        guard place >= 0, place <= bytes.count - count else { return nil }
        return (0..<count).reduce(0) { $0 | UInt64(bytes[place + $1]) << UInt64(8 * $1) }
    }
}
