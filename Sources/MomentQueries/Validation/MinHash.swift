// SPDX-License-Identifier: Apache-2.0

import VideoAnnotations

/// A short signature of a text's set of character 3-grams, from which the Jaccard similarity of two texts can be
/// estimated: the share of grams that they have in common.
///
/// Of 64 hash functions each keeps the smallest value over the grams (Broder, "On the resemblance and containment of
/// documents", 1997), and of that value 8 bits (Li and König, "b-Bit minwise hashing", 2010). Two signatures agree in a
/// lane with the probability J + (1 − J) / 256, so the standard error of an estimate is √(J (1 − J) / 64): 0.05 at
/// J = 0.8. The functions are constants, so equal texts have equal signatures on every run and machine.
///
/// Queries have 7 words on average: of their words there would be three 5-grams, of their characters there are dozens.
struct MinHash: Hashable, Sendable {
    /// The number of hash functions.
    static let lanes = 64
    /// Lanes that are looked up together; two signatures that share no band are not compared.
    static let bands = 16

    /// Four bytes, the lanes of a band, in either half of a word.
    private let words: SIMD8<UInt64>

    /// The signature of a text in UTF-8, with a blank before and behind it, so that words count whole. A text without a
    /// gram has the signature of none.
    init(of text: some Collection<UInt8>) {
        // Uninitialized memory of this function's own: all of it is set at once, and it does not escape.
        self.words = withUnsafeTemporaryAllocation(of: UInt32.self, capacity: Self.lanes) { minima in
            minima.initialize(repeating: .max)
            Self.forEachGram(of: text) { Self.take($0, into: minima) }
            var words = SIMD8<UInt64>()
            for lane in 0..<Self.lanes {
                // The low bits of a product depend on few of its factors' bits, the high bits of a minimum are zero.
                let bits = UInt64((minima[lane] &* 0x9e37_79b1) >> 24)
                words[lane / 8] |= bits << UInt64(lane % 8 * 8)
            }
            return words
        }
    }

    /// The 3-grams that a signature is made of, each as its three bytes.
    static func grams(of text: some Collection<UInt8>) -> Set<UInt32> {
        var grams: Set<UInt32> = []
        self.forEachGram(of: text) { grams.insert($0) }
        return grams
    }

    private static func forEachGram(of text: some Collection<UInt8>, _ body: (UInt32) -> Void) {
        var gram: UInt32 = 0x20
        var count = 1
        for byte in text {
            gram = (gram << 8 | UInt32(byte)) & 0xff_ffff
            count += 1
            if count >= 3 { body(gram) }
        }
        if count > 1 { body((gram << 8 | 0x20) & 0xff_ffff) }
    }

    private static func take(_ gram: UInt32, into minima: UnsafeMutableBufferPointer<UInt32>) {
        // Grams of letters are alike; the multipliers want all bits to differ (the finalizer of MurmurHash3).
        var hash = gram
        hash = (hash ^ (hash >> 16)) &* 0x85eb_ca6b
        hash = (hash ^ (hash >> 13)) &* 0xc2b2_ae35
        hash ^= hash >> 16
        Self.functions.withUnsafeBufferPointer { functions in
            for lane in 0..<Self.lanes {
                let value = functions[lane] &* hash &+ functions[Self.lanes + lane]
                minima[lane] = min(minima[lane], value)
            }
        }
    }

    /// The multipliers, odd, and then what is added.
    private static let functions: [UInt32] = {
        var hash = StableHash("millrace minhash")
        let multipliers = (0..<MinHash.lanes).map { _ in UInt32(truncatingIfNeeded: hash.next() >> 16) | 1 }
        return multipliers + (0..<MinHash.lanes).map { _ in UInt32(truncatingIfNeeded: hash.next() >> 16) }
    }()

    /// The estimated similarity, 0…1.
    func similarity(to other: MinHash) -> Double {
        let difference = self.words ^ other.words
        var equal = 0
        for index in 0..<8 {
            // A byte that is not zero ends with its high bit set.
            let word = difference[index]
            let low: UInt64 = 0x7f7f_7f7f_7f7f_7f7f
            let nonzero = (((word & low) &+ low) | word) & ~low
            equal += 8 - nonzero.nonzeroBitCount
        }
        let share = Double(equal) / Double(Self.lanes)
        return max(0, (share - 1 / 256) / (1 - 1 / 256))
    }

    /// The lanes of a band, as a key to look them up by.
    func band(_ index: Int) -> UInt32 {
        UInt32(truncatingIfNeeded: self.words[index / 2] >> (index % 2 == 0 ? 0 : 32))
    }
}
