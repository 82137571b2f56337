// SPDX-License-Identifier: Apache-2.0

/// The file that `torch.save(tensor, path)` writes for a two-dimensional float32 tensor: a zip archive without
/// compression that holds a pickle of the tensor's shape, its numbers, and a version, each 64-byte aligned.
/// Layout as in PyTorch's `caffe2/serialize/inline_container.cc` and `torch/serialization.py`.
enum TorchArchive {
    /// All bytes of the file. `values` are row-major, `rows * columns` of them.
    static func bytes(of values: [Float], rows: Int, columns: Int) -> [UInt8] {
        var archive = StoredZip(capacity: values.count * 4 + 1_024)
        archive.add("archive/data.pkl", Self.pickle(rows: rows, columns: columns))
        archive.add("archive/data/0", Self.littleEndian(values))
        archive.add("archive/version", Array("3\n".utf8))
        return archive.finish()
    }

    private static func littleEndian(_ values: [Float]) -> [UInt8] {
        let words = values.map { $0.bitPattern.littleEndian }
        return words.withUnsafeBytes { Array($0) }
    }

    /// The protocol 2 pickle of `torch._utils._rebuild_tensor_v2(storage, 0, (rows, columns), (columns, 1), False,
    /// OrderedDict())`, where the storage is the persistent id `("storage", torch.FloatStorage, "0", "cpu", count)`.
    private static func pickle(rows: Int, columns: Int) -> [UInt8] {
        var bytes: [UInt8] = [0x80, 2]  // PROTO 2
        var memo: UInt8 = 0
        func put() {  // BINPUT: keeps the top of the stack under the next number
            bytes += [UInt8(ascii: "q"), memo]
            memo += 1
        }
        func global(_ module: String, _ name: String) {  // GLOBAL
            bytes += Array("c\(module)\n\(name)\n".utf8)
            put()
        }
        func text(_ text: String) {  // BINUNICODE
            bytes.append(UInt8(ascii: "X"))
            bytes.appendLittleEndian(UInt32(text.utf8.count))
            bytes += Array(text.utf8)
            put()
        }
        func integer(_ value: Int) {  // BININT
            bytes.append(UInt8(ascii: "J"))
            bytes.appendLittleEndian(UInt32(bitPattern: Int32(clamping: value)))
        }
        func pair(_ first: Int, _ second: Int) {
            integer(first)
            integer(second)
            bytes.append(0x86)  // TUPLE2
            put()
        }
        global("torch._utils", "_rebuild_tensor_v2")
        bytes += Array("((".utf8)  // MARK MARK
        text("storage")
        global("torch", "FloatStorage")
        text("0")
        text("cpu")
        integer(rows * columns)
        bytes.append(UInt8(ascii: "t"))  // TUPLE
        put()
        bytes.append(UInt8(ascii: "Q"))  // BINPERSID
        integer(0)
        pair(rows, columns)
        pair(columns, 1)
        bytes.append(0x89)  // NEWFALSE
        global("collections", "OrderedDict")
        bytes += Array(")R".utf8)  // EMPTY_TUPLE REDUCE
        put()
        bytes.append(UInt8(ascii: "t"))
        put()
        bytes.append(UInt8(ascii: "R"))
        put()
        bytes.append(UInt8(ascii: "."))  // STOP
        return bytes
    }
}

/// A zip archive without compression, each entry's data 64-byte aligned by an extra field, as PyTorch's writer does.
struct StoredZip {
    private struct Entry {
        let name: [UInt8]
        let checksum: UInt32
        let size: UInt32
        let offset: UInt32
    }

    private static let alignment = 64
    private var bytes: [UInt8] = []
    private var entries: [Entry] = []

    init(capacity: Int) {
        self.bytes.reserveCapacity(capacity)
    }

    /// Appends an entry. The archive must stay under 4 GiB: zip64 is not written. A video of the longest kind here has
    /// 3 MB.
    mutating func add(_ name: String, _ data: [UInt8]) {
        let entry = Entry(
            name: Array(name.utf8), checksum: CRC32.checksum(data), size: UInt32(data.count),
            offset: UInt32(self.bytes.count))
        self.entries.append(entry)
        // Signature, fields up to the name length, the name, and the extra field's own four bytes.
        let unpadded = self.bytes.count + 30 + entry.name.count + 4
        let padding = (Self.alignment - unpadded % Self.alignment) % Self.alignment
        self.bytes.appendLittleEndian(UInt32(0x0403_4B50))
        self.appendCommonFields(entry)
        self.bytes.appendLittleEndian(UInt16(4 + padding))
        self.bytes += entry.name
        self.bytes += Array("FB".utf8)
        self.bytes.appendLittleEndian(UInt16(padding))
        self.bytes += [UInt8](repeating: UInt8(ascii: "Z"), count: padding)
        self.bytes += data
    }

    /// The archive with its directory.
    consuming func finish() -> [UInt8] {
        let directory = self.bytes.count
        for entry in self.entries {
            self.bytes.appendLittleEndian(UInt32(0x0201_4B50))
            self.bytes.appendLittleEndian(UInt16(20))  // made by version 2.0
            self.appendCommonFields(entry)
            // No extra field, no comment, disk 0, no attributes.
            self.bytes += [UInt8](repeating: 0, count: 12)
            self.bytes.appendLittleEndian(entry.offset)
            self.bytes += entry.name
        }
        let size = self.bytes.count - directory
        self.bytes.appendLittleEndian(UInt32(0x0605_4B50))
        self.bytes += [0, 0, 0, 0]
        self.bytes.appendLittleEndian(UInt16(self.entries.count))
        self.bytes.appendLittleEndian(UInt16(self.entries.count))
        self.bytes.appendLittleEndian(UInt32(size))
        self.bytes.appendLittleEndian(UInt32(directory))
        self.bytes += [0, 0]
        return self.bytes
    }

    /// The fields from "version needed" to "name length", which stand alike before the data and in the directory.
    private mutating func appendCommonFields(_ entry: Entry) {
        self.bytes.appendLittleEndian(UInt16(20))  // version needed
        self.bytes.appendLittleEndian(UInt16(0))  // flags
        self.bytes.appendLittleEndian(UInt16(0))  // stored
        self.bytes.appendLittleEndian(UInt16(0))  // midnight
        self.bytes.appendLittleEndian(UInt16(0x21))  // 1 January 1980: no clock time in the bytes
        self.bytes.appendLittleEndian(entry.checksum)
        self.bytes.appendLittleEndian(entry.size)
        self.bytes.appendLittleEndian(entry.size)
        self.bytes.appendLittleEndian(UInt16(entry.name.count))
    }
}

/// CRC-32 as in zip and gzip (polynomial 0xEDB88320), eight bytes at a time.
enum CRC32 {
    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 8 * 256)
        for byte in 0..<256 {
            var value = UInt32(byte)
            for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
            tables[byte] = value
        }
        for index in 256..<tables.count {
            let previous = tables[index - 256]
            tables[index] = previous >> 8 ^ tables[Int(previous & 0xFF)]
        }
        return tables
    }()

    static func checksum(_ bytes: [UInt8]) -> UInt32 {
        let tables = Self.tables
        var value: UInt32 = 0xFFFF_FFFF
        var position = 0
        while position + 8 <= bytes.count {
            var next: UInt32 = 0
            for offset in 0..<4 {
                let low = UInt8(truncatingIfNeeded: value >> UInt32(8 * offset)) ^ bytes[position + offset]
                next ^= tables[(7 - offset) * 256 + Int(low)]
                next ^= tables[(3 - offset) * 256 + Int(bytes[position + 4 + offset])]
            }
            value = next
            position += 8
        }
        while position < bytes.count {
            value = value >> 8 ^ tables[Int(UInt8(truncatingIfNeeded: value) ^ bytes[position])]
            position += 1
        }
        return ~value
    }
}

extension [UInt8] {
    mutating func appendLittleEndian<Word: FixedWidthInteger & UnsignedInteger>(_ value: Word) {
        for shift in stride(from: 0, to: Word.bitWidth, by: 8) {
            self.append(UInt8(truncatingIfNeeded: value >> Word(shift)))
        }
    }
}
