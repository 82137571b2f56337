// SPDX-License-Identifier: Apache-2.0

/// The 64-bit xxHash, the checksum of stored rows: several gigabytes a second, no table.
///
/// Source: the xxHash fast digest algorithm, specification version 0.2.0, section "XXH64".
enum XXH64 {
    private static let prime1: UInt64 = 0x9e37_79b1_85eb_ca87
    private static let prime2: UInt64 = 0xc2b2_ae3d_27d4_eb4f
    private static let prime3: UInt64 = 0x1656_67b1_9e37_79f9
    private static let prime4: UInt64 = 0x85eb_ca77_c2b2_ae63
    private static let prime5: UInt64 = 0x27d4_eb2f_1656_67c5

    /// The hash of some bytes.
    static func hash(_ bytes: UnsafeRawBufferPointer, seed: UInt64 = 0) -> UInt64 {
        var index = 0
        var hash: UInt64
        if bytes.count >= 32 {
            var lane1 = seed &+ self.prime1 &+ self.prime2
            var lane2 = seed &+ self.prime2
            var lane3 = seed
            var lane4 = seed &- self.prime1
            while index + 32 <= bytes.count {
                lane1 = self.round(lane1, self.word(bytes, index))
                lane2 = self.round(lane2, self.word(bytes, index + 8))
                lane3 = self.round(lane3, self.word(bytes, index + 16))
                lane4 = self.round(lane4, self.word(bytes, index + 24))
                index += 32
            }
            hash = self.rotate(lane1, 1) &+ self.rotate(lane2, 7) &+ self.rotate(lane3, 12) &+ self.rotate(lane4, 18)
            for lane in [lane1, lane2, lane3, lane4] {
                hash = (hash ^ self.round(0, lane)) &* self.prime1 &+ self.prime4
            }
        } else {
            hash = seed &+ self.prime5
        }
        hash = hash &+ UInt64(bytes.count)
        while index + 8 <= bytes.count {
            hash ^= self.round(0, self.word(bytes, index))
            hash = self.rotate(hash, 27) &* self.prime1 &+ self.prime4
            index += 8
        }
        if index + 4 <= bytes.count {
            let half = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt32.self))
            hash ^= UInt64(half) &* self.prime1
            hash = self.rotate(hash, 23) &* self.prime2 &+ self.prime3
            index += 4
        }
        while index < bytes.count {
            hash ^= UInt64(bytes[index]) &* self.prime5
            hash = self.rotate(hash, 11) &* self.prime1
            index += 1
        }
        return self.avalanche(hash)
    }

    /// The hash of a few integers, in order.
    static func hash(_ words: [UInt64]) -> UInt64 {
        words.map(\.littleEndian).withUnsafeBytes { self.hash($0) }
    }

    private static func avalanche(_ value: UInt64) -> UInt64 {
        var hash = value
        hash ^= hash >> 33
        hash = hash &* self.prime2
        hash ^= hash >> 29
        hash = hash &* self.prime3
        return hash ^ (hash >> 32)
    }

    private static func word(_ bytes: UnsafeRawBufferPointer, _ index: Int) -> UInt64 {
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
    }

    private static func round(_ lane: UInt64, _ word: UInt64) -> UInt64 {
        self.rotate(lane &+ word &* self.prime2, 31) &* self.prime1
    }

    private static func rotate(_ value: UInt64, _ bits: UInt64) -> UInt64 { value << bits | value >> (64 - bits) }
}
