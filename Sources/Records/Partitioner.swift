// SPDX-License-Identifier: Apache-2.0

/// Assigns keys to partitions: murmur2 as Kafka's Java client has it, so that other clients agree.
public enum Partitioner {
    /// The partition of a key among `count` partitions.
    ///
    /// Kafka's `DefaultPartitioner`: `toPositive(murmur2(key)) % count`.
    public static func partition(forKey key: some Collection<UInt8>, count: Int) -> Int {
        precondition(count > 0, "a topic has at least one partition")
        return Int(self.murmur2(key) & 0x7fff_ffff) % count
    }

    /// 32-bit murmur2 with Kafka's seed (`org.apache.kafka.common.utils.Utils.murmur2`).
    public static func murmur2(_ data: some Collection<UInt8>) -> UInt32 {
        let hash = data.withContiguousStorageIfAvailable { bytes in self.murmur2(of: bytes) }
        return hash ?? Array(data).withUnsafeBufferPointer { bytes in self.murmur2(of: bytes) }
    }

    private static func murmur2(of bytes: UnsafeBufferPointer<UInt8>) -> UInt32 {
        let multiplier: UInt32 = 0x5bd1_e995
        var hash: UInt32 = 0x9747_b28c ^ UInt32(truncatingIfNeeded: bytes.count)
        var index = 0
        while index + 4 <= bytes.count {
            var word =
                UInt32(bytes[index]) | UInt32(bytes[index + 1]) << 8 | UInt32(bytes[index + 2]) << 16
                | UInt32(bytes[index + 3]) << 24
            word = word &* multiplier
            word ^= word >> 24
            word = word &* multiplier
            hash = (hash &* multiplier) ^ word
            index += 4
        }
        let rest = bytes.count - index
        if rest == 3 { hash ^= UInt32(bytes[index + 2]) << 16 }
        if rest >= 2 { hash ^= UInt32(bytes[index + 1]) << 8 }
        if rest >= 1 {
            hash ^= UInt32(bytes[index])
            hash = hash &* multiplier
        }
        hash ^= hash >> 13
        hash = hash &* multiplier
        hash ^= hash >> 15
        return hash
    }
}
