// SPDX-License-Identifier: Apache-2.0

public import Codecs
import Records

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Reads comma- or tab-separated text row by row (RFC 4180): fields in double quotes hold delimiters, line ends and
/// doubled quotes; rows end in LF or CRLF; the first row is the header. Blank lines are passed over.
///
/// ```swift
/// var table = try DelimitedText(path: path, delimiter: UInt8(ascii: ","), requiring: ["id"], progress: progress)
/// guard let id = table.column("id") else { return }
/// while try table.next() { table.text(id) … }
/// ```
///
/// One row is in memory at a time. Of a row of more than `SourceLimits.lineBytesMax` bytes the first 64 KiB are kept.
/// `checkRow` says what is wrong with a row, `checkedText` with a field.
public struct DelimitedText {
    /// The file that rows are taken from.
    public let reader: FileReader
    private var delimiter: UInt8
    /// Tells whether the delimiter is still unknown: it is the first of `candidates` outside of quotes.
    private var isSniffing = false
    private static let candidates: [UInt8] = [UInt8(ascii: "\t"), UInt8(ascii: ","), UInt8(ascii: ";")]
    /// The names of the columns.
    public private(set) var header: [String] = []
    /// The fields of the row, without their quotes, one behind the other.
    @usableFromInline var row: Bytes = []
    /// The end of each field in `row`.
    @usableFromInline var ends: [Int] = []
    /// The line that the row begins on, from 1.
    public private(set) var line = 0
    /// The offset in the file at which the row begins.
    public private(set) var offset = 0
    /// Tells whether a line end follows the row: a last row without one may have been cut off.
    public private(set) var isEnded = true
    /// Tells whether a quoted field goes on behind its closing quote, as it does where a stray quote opened it.
    public private(set) var hasStrayQuote = false
    /// The number of bytes of the row's fields; more than are kept where the row is too long.
    private var byteCount = 0

    /// Opens a file and reads its header.
    ///
    /// - Throws: `SourceError` where the file cannot be read, or one of the required columns is missing; it names those
    ///   that are there.
    public init(path: String, delimiter: UInt8, requiring required: [String], progress: ProgressHandler? = nil)
        throws(SourceError)
    {
        self.reader = try FileReader.text(path: path, progress: progress)
        self.delimiter = delimiter
        guard try self.next() else { throw SourceError(file: path, "the file is empty: expected a header") }
        for index in 0..<self.ends.count {
            guard let name = self.text(index) else {
                throw SourceError(file: path, line: self.line, "the header is not UTF-8: write the file as UTF-8")
            }
            self.header.append(String(name.trimming()))
        }
        let missing = required.filter { !self.header.contains($0) }
        guard missing.isEmpty else {
            let names = missing.map { "`\($0)`" }.joined(separator: ", ")
            let columns = self.header.map { "`\($0.prefix(64))`" }.joined(separator: ", ")
            throw SourceError(
                file: path, line: self.line,
                "the header lacks \(names); it has \(columns). Is this the right file and delimiter?")
        }
    }

    /// Reads rows of which nothing is known, from where a reader is: there is no header, and the first comma, tab or
    /// semicolon outside of quotes is the delimiter.
    public init(sniffing reader: FileReader) {
        self.reader = reader
        self.delimiter = UInt8(ascii: "\t")
        self.isSniffing = true
    }

    /// The place of a column, if there is such a column.
    public func column(_ name: String) -> Int? { self.header.firstIndex(of: name) }

    /// The number of fields of the row.
    public var fieldCount: Int { self.ends.count }

    /// Tells whether the row is longer than `SourceLimits.lineBytesMax`, so that just its beginning is there.
    public var isTooLong: Bool { self.byteCount > SourceLimits.lineBytesMax }

    // MARK: Fields

    /// Calls a function with the bytes of a field, of none where there is no such field.
    @inlinable
    public func withField<Result>(_ index: Int, _ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        self.row.withUnsafeBufferPointer { row in
            guard index >= 0, index < self.ends.count else { return body(UnsafeBufferPointer(rebasing: row[0..<0])) }
            let start = index == 0 ? 0 : self.ends[index - 1]
            return body(UnsafeBufferPointer(rebasing: row[start..<self.ends[index]]))
        }
    }

    /// All fields as text, for small files.
    ///
    /// - Throws: `SourceError` where one of them is not UTF-8, or the row is too long.
    public func cells() throws(SourceError) -> [String] {
        let cells = (0..<self.fieldCount).compactMap { self.text($0) }
        guard !self.isTooLong, !cells.isEmpty, cells.count == self.fieldCount else {
            throw SourceError(
                file: self.reader.path, line: self.line, "is not text in UTF-8, or is too long: is it the right file?")
        }
        return cells
    }

    /// A field as text; `nil` where it is not UTF-8.
    public func text(_ index: Int) -> String? { self.withField(index) { String(validating: $0, as: UTF8.self) } }

    /// Tells whether a field is empty.
    public func isEmpty(_ index: Int) -> Bool { self.withField(index) { $0.isEmpty } }

    /// Tells whether a field equals a text.
    public func field(_ index: Int, is text: String) -> Bool { self.withField(index) { $0.elementsEqual(text.utf8) } }

    /// A field as a number; `nil` where it is none. `nan` is a number that is none.
    public func number(_ index: Int) -> Double? {
        self.withField(index) { bytes in
            var position = 0
            if let base = bytes.baseAddress, let number = DecimalNumber.scan(base, &position, bytes.count),
                position == bytes.count
            {
                return number
            }
            return Double(String(decoding: bytes, as: UTF8.self).trimming())
        }
    }

    /// The row as text, quoted again where it must be.
    public var raw: Bytes {
        var bytes: Bytes = []
        for index in 0..<self.ends.count {
            if index > 0 { bytes.append(self.delimiter) }
            self.withField(index) { field in
                let quoted = field.contains { $0 == self.delimiter || $0 == 0x22 || $0 == 0x0a || $0 == 0x0d }
                guard quoted else { return bytes.append(contentsOf: field) }
                bytes.append(0x22)
                for byte in field { bytes.append(contentsOf: repeatElement(byte, count: byte == 0x22 ? 2 : 1)) }
                bytes.append(0x22)
            }
        }
        return bytes
    }

    /// The row's length in bytes.
    public var rawByteCount: Int { max(self.byteCount, self.raw.count) }

    /// The place of the row.
    public var place: SourcePlace { SourcePlace(file: self.reader.path, line: self.line, offset: self.offset) }

    // MARK: Rows

    /// Moves to the next row; `false` at the end of the file.
    ///
    /// - Throws: `SourceError` where the file cannot be read on, a quote is not closed, or the last row breaks off.
    public mutating func next() throws(SourceError) -> Bool {
        while true {
            self.row.removeAll(keepingCapacity: self.row.capacity <= 1 << 20)
            self.ends.removeAll(keepingCapacity: true)
            self.byteCount = 0
            guard try self.reader.peek() != nil else { return false }
            self.isEnded = true
            self.hasStrayQuote = false
            self.line = self.reader.line
            self.offset = self.reader.offset
            while try self.field() {}
            let isBlank = self.ends.count == 1 && self.row.isEmpty
            if isBlank { continue }
            guard self.isEnded || self.isTooLong || self.fieldCount >= self.header.count else { throw self.cutOff }
            return true
        }
    }

    /// The number of lines in the row: more than one where quoted fields hold line ends.
    public var lineCount: Int { self.reader.line - self.line + (self.isEnded ? 0 : 1) }

    private var cutOff: SourceError {
        SourceError(
            file: self.reader.path, line: self.line, offset: self.offset,
            "the file breaks off within this row, which has \(self.fieldCount) fields of \(self.header.count) and no line "
                + "end. What was being read was not taken; get a whole copy and run it again")
    }

    /// Reads a field with the delimiter or line end behind it, and tells whether another follows in the row.
    private mutating func field() throws(SourceError) -> Bool {
        guard try self.reader.peek() == 0x22 else { return try self.unquoted() }
        try self.quoted()
        // Text between a closing quote and the delimiter belongs to the field; a carriage return does not.
        let end = self.row.count
        let isMore = try self.unquoted()
        if self.row.count > end { self.hasStrayQuote = true }
        return isMore
    }

    /// Takes bytes up to a delimiter or line end, and that as well.
    private mutating func unquoted() throws(SourceError) -> Bool {
        let fieldStart = self.row.count
        var isEnded = false
        while try self.reader.peek() != nil {
            let start = self.reader.position
            if self.isSniffing { self.sniff(from: start) }
            let end = self.delimiterOrNewline(from: start)
            self.keep(start..<end)
            guard end < self.reader.count else {
                self.reader.position = end
                continue
            }
            let byte = self.reader.buffer[end]
            self.reader.position = end + 1
            if byte == self.delimiter {
                // A delimiter takes room, too: a row of nothing else must not grow without end.
                self.count(1)
                self.endField()
                return true
            }
            isEnded = true
            break
        }
        self.isEnded = isEnded
        if self.row.count > fieldStart, self.row.last == 0x0d { self.row.removeLast() }
        self.endField()
        return false
    }

    /// Ends a field; of a row that is too long, only the fields in what is kept of it.
    private mutating func endField() {
        if self.isTooLong, self.ends.last == self.row.count { return }
        self.ends.append(self.row.count)
    }

    /// Looks for the delimiter in the rest of the line, as far as it has been read.
    private mutating func sniff(from start: Int) {
        for position in start..<self.reader.count {
            let byte = self.reader.buffer[position]
            if byte == 0x0a { return }
            guard Self.candidates.contains(byte) else { continue }
            self.delimiter = byte
            self.isSniffing = false
            return
        }
    }

    private func delimiterOrNewline(from start: Int) -> Int {
        let buffer = self.reader.buffer
        let end = self.reader.count
        let delimiters = JSONExtent.low &* UInt64(self.delimiter)
        var position = start
        while position + 8 <= end {
            let word = UnsafeRawPointer(buffer + position).loadUnaligned(as: UInt64.self)
            let found =
                JSONExtent.zeroBytes(word ^ delimiters) | JSONExtent.zeroBytes(word ^ (JSONExtent.low &* 0x0a))
            if found != 0 { return position + found.trailingZeroBitCount / 8 }
            position += 8
        }
        while position < end, buffer[position] != self.delimiter, buffer[position] != 0x0a { position += 1 }
        return position
    }

    /// Takes a quoted field up to its closing quote, and that as well.
    private mutating func quoted() throws(SourceError) {
        let (line, offset) = (self.reader.line, self.reader.offset)
        self.reader.position += 1
        while true {
            guard try self.reader.peek() != nil, !self.isTooLong else {
                throw SourceError(
                    file: self.reader.path, line: line, offset: offset,
                    "the double quote that opens a field here is not closed. The rows before it were read; close it, "
                        + "or double it and put the field in quotes.")
            }
            let start = self.reader.position
            let count = self.reader.count - start
            guard let quote = memchr(self.reader.buffer + start, 0x22, count) else {
                self.keep(start..<start + count)
                self.reader.position = start + count
                continue
            }
            let end = start + UnsafeRawPointer(self.reader.buffer + start).distance(to: quote)
            self.keep(start..<end)
            self.reader.position = end + 1
            guard try self.reader.peek() == 0x22 else { return }
            self.keep(self.reader.position..<self.reader.position + 1)
            self.reader.position += 1
        }
    }

    /// Counts bytes of the row; of one that has become too long, the beginning is kept.
    private mutating func count(_ bytes: Int) {
        let wasTooLong = self.isTooLong
        self.byteCount += bytes
        guard self.isTooLong, !wasTooLong else { return }
        self.row.removeSubrange(min(self.row.count, SourceProblem.rawBytesMax)...)
        self.ends.removeAll { $0 >= self.row.count }
    }

    private mutating func keep(_ range: Range<Int>) {
        self.count(range.count)
        if self.isTooLong { return }
        self.row.append(
            contentsOf: UnsafeBufferPointer(start: self.reader.buffer + range.lowerBound, count: range.count))
    }
}
