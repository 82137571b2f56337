// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records

/// CRC-32 as in zip and gzip (polynomial 0xEDB88320, reflected), eight bytes at a time.
struct CRC32 {
    private var state = UInt32.max

    /// The checksum of what has been taken in.
    var value: UInt32 { ~self.state }

    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 8 * 256)
        for byte in 0..<256 {
            tables[byte] = (0..<8).reduce(UInt32(byte)) { value, _ in
                value & 1 == 1 ? value >> 1 ^ 0xedb8_8320 : value >> 1
            }
        }
        for index in 256..<tables.count {
            tables[index] = tables[index - 256] >> 8 ^ tables[Int(tables[index - 256] & 255)]
        }
        return tables
    }()

    /// Takes bytes in.
    mutating func update(_ bytes: Bytes) {
        var state = self.state
        Self.tables.withUnsafeBufferPointer { tables in
            bytes.withUnsafeBytes { bytes in
                var position = 0
                while position + 8 <= bytes.count {
                    let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
                    let mixed = word ^ UInt64(state)
                    var next: UInt32 = 0
                    for byte in 0..<8 { next ^= tables[(7 - byte) * 256 + Int(mixed >> UInt64(8 * byte) & 255)] }
                    state = next
                    position += 8
                }
                while position < bytes.count {
                    state = state >> 8 ^ tables[Int(UInt8(truncatingIfNeeded: state) ^ bytes[position])]
                    position += 1
                }
            }
        }
        self.state = state
    }
}
