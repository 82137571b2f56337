// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import Records

/// Files as `torch.save` of PyTorch 2 writes them, byte for byte where it matters, made by hand: with a folder named
/// after the file, 64-byte alignment, and entries for version and byte order.
struct TorchFixture {
    var storage = "FloatStorage"
    var shape = [2, 3]
    var strides: [Int]?
    var offset = 0
    var data: Bytes = []
    var byteOrder = "little"
    var zip64 = false
    /// Tells whether the archive has the checksums of its entries.
    var checksums = false
    /// Replaces the pickle.
    var pickle: Bytes?

    static func words(_ words: [UInt16]) -> Bytes { words.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] } }

    static func floats(_ values: [Float]) -> Bytes {
        values.flatMap { value in withUnsafeBytes(of: value.bitPattern.littleEndian) { Bytes($0) } }
    }

    var bytes: Bytes {
        var zip = FixtureZip(zip64: self.zip64, checksums: self.checksums)
        zip.add("clip/data.pkl", self.pickle ?? self.tensorPickle)
        zip.add("clip/byteorder", Bytes(self.byteOrder.utf8))
        zip.add("clip/data/0", self.data)
        zip.add("clip/version", Bytes("3\n".utf8))
        zip.add("clip/.data/serialization_id", Bytes("0123456789".utf8))
        return zip.finish()
    }

    /// The pickle of a saved tensor, as `pickletools.dis` shows it.
    var tensorPickle: Bytes {
        let strides = self.strides ?? self.shape.indices.map { self.shape[($0 + 1)...].reduce(1, *) }
        var pickle: Bytes = [0x80, 2] + Bytes("ctorch._utils\n_rebuild_tensor_v2\nq\u{0}((".utf8)
        pickle += Self.text("storage") + [0x71, 1] + Bytes("ctorch\n\(self.storage)\nq\u{2}".utf8)
        pickle += Self.text("0") + [0x71, 3] + Self.text("cpu") + [0x71, 4]
        pickle += Self.number(self.data.count / 2) + Bytes("tq\u{5}Q".utf8) + Self.number(self.offset)
        pickle += Self.tuple(self.shape) + [0x71, 6] + Self.tuple(strides) + [0x71, 7]
        return pickle + [0x89] + Bytes("ccollections\nOrderedDict\nq\u{8})Rq\u{9}tq\nRq\u{b}.".utf8)
    }

    static func text(_ text: String) -> Bytes { [0x58, UInt8(text.utf8.count), 0, 0, 0] + Bytes(text.utf8) }

    static func number(_ number: Int) -> Bytes {
        if number < 256 { return [0x4b, UInt8(number)] }
        if number < 65536 { return [0x4d, UInt8(number & 255), UInt8(number >> 8)] }
        return [0x8a, 6] + (0..<6).map { UInt8(number >> (8 * $0) & 255) }
    }

    private static func tuple(_ numbers: [Int]) -> Bytes {
        let items = numbers.flatMap { self.number($0) }
        switch numbers.count {
        case 1...3: return items + [UInt8(0x84 + numbers.count)]
        default: return [0x28] + items + [0x74]
        }
    }
}

/// A zip archive of stored entries.
struct FixtureZip {
    let zip64: Bool
    let checksums: Bool
    private var bytes: Bytes = []
    private var directory: Bytes = []
    private var count = 0

    init(zip64: Bool, checksums: Bool) {
        self.zip64 = zip64
        self.checksums = checksums
    }

    /// CRC-32, a bit at a time.
    private static func checksum(_ data: Bytes) -> Int {
        var value = UInt32.max
        for byte in data {
            value ^= UInt32(byte)
            for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ 0xedb8_8320 : value >> 1 }
        }
        return Int(~value)
    }

    private static func little(_ value: Int, _ size: Int) -> Bytes { (0..<size).map { UInt8(value >> (8 * $0) & 255) } }

    mutating func add(_ name: String, _ data: Bytes) {
        let offset = self.bytes.count
        let padding = (64 - (offset + 30 + name.utf8.count + 4) % 64) % 64
        let sizes = Self.little(data.count, 4) + Self.little(data.count, 4)
        let fixed =
            Self.little(0x0800, 2) + Self.little(0, 2) + Self.little(0, 4)
            + Self.little(self.checksums ? Self.checksum(data) : 0, 4)
        self.bytes += Bytes("PK\u{3}\u{4}".utf8) + Self.little(0, 2) + fixed + sizes
        self.bytes += Self.little(name.utf8.count, 2) + Self.little(4 + padding, 2) + Bytes(name.utf8)
        self.bytes += Bytes("FB".utf8) + Self.little(padding, 2) + Bytes(repeating: 0x5a, count: padding) + data
        let all = Bytes(repeating: 0xff, count: 4)
        let extra =
            self.zip64
            ? Self.little(1, 2) + Self.little(24, 2) + Self.little(data.count, 8) + Self.little(data.count, 8)
                + Self.little(offset, 8) : []
        self.directory += Bytes("PK\u{1}\u{2}".utf8) + Self.little(0, 4) + fixed + (self.zip64 ? all + all : sizes)
        self.directory += Self.little(name.utf8.count, 2) + Self.little(extra.count, 2) + Self.little(0, 10)
        self.directory += (self.zip64 ? all : Self.little(offset, 4)) + Bytes(name.utf8) + extra
        self.count += 1
    }

    consuming func finish() -> Bytes {
        let start = self.bytes.count
        var bytes = self.bytes + self.directory
        if self.zip64 {
            let record = bytes.count
            bytes += Bytes("PK\u{6}\u{6}".utf8) + Self.little(44, 8) + Self.little(0, 12)
            bytes += Self.little(self.count, 8) + Self.little(self.count, 8) + Self.little(self.directory.count, 8)
            bytes += Self.little(start, 8) + Bytes("PK\u{6}\u{7}".utf8) + Self.little(0, 4) + Self.little(record, 8)
            bytes += Self.little(1, 4)
        }
        let all = Bytes(repeating: 0xff, count: 4)
        bytes +=
            Bytes("PK\u{5}\u{6}".utf8) + Self.little(0, 4) + Self.little(self.count, 2) + Self.little(self.count, 2)
        bytes += self.zip64 ? all + all : Self.little(self.directory.count, 4) + Self.little(start, 4)
        return bytes + Self.little(0, 2)
    }
}
