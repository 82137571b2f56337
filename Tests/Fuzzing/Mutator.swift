// SPDX-License-Identifier: Apache-2.0

/// Makes bytes of almost the right form out of bytes of the right form.
public struct Mutator: Sendable {
    let seeds: [[UInt8]]
    private let tokens: FuzzTokens
    private let bytesMax: Int

    /// Creates a mutator.
    ///
    /// - Parameters:
    ///   - seeds: well-formed inputs, at least one.
    ///   - tokens: what is spliced in beside bytes of the seeds.
    ///   - bytesMax: no result is longer.
    public init(seeds: [[UInt8]], tokens: FuzzTokens, bytesMax: Int = 64 << 10) {
        self.seeds = seeds.isEmpty ? [[]] : seeds
        self.tokens = tokens
        self.bytesMax = bytesMax
    }

    /// Makes the input of one case: first the seeds as they are, then one of them with one to six changes.
    public func input(seed: UInt64, case number: Int) -> [UInt8] {
        if number < self.seeds.count { return self.seeds[number] }
        var random = FuzzGenerator(seed: seed, case: number)
        var bytes = self.seeds[random.below(self.seeds.count)]
        for _ in 0...random.below(6) {
            self.change(&bytes, &random)
            if bytes.count > self.bytesMax { bytes.removeLast(bytes.count - self.bytesMax) }
        }
        return bytes
    }

    private func change(_ bytes: inout [UInt8], _ random: inout FuzzGenerator) {
        switch random.below(18) {
        case 0: self.flip(&bytes, &random)
        case 1: self.replace(random.range(of: bytes.count), in: &bytes, [UInt8(truncatingIfNeeded: random.next())])
        case 2: bytes.removeSubrange(random.range(of: bytes.count))
        case 3: bytes.removeLast(random.below(bytes.count))
        case 4: self.duplicate(&bytes, &random)
        case 5: self.exchange(&bytes, &random)
        case 6: self.splice(&bytes, &random)
        case 7, 8: self.insert(self.token(&random), in: &bytes, &random)
        case 9: self.replace(random.range(of: bytes.count), in: &bytes, self.token(&random))
        case 10, 11, 12: self.replaceNumber(&bytes, &random)
        case 13: self.replaceString(&bytes, &random)
        case 14: self.nest(&bytes, &random)
        case 15: self.binaryLength(&bytes, &random)
        case 16: bytes.insert(contentsOf: [0xef, 0xbb, 0xbf], at: 0)
        default: bytes = bytes.flatMap { $0 == 0x0a ? [0x0d, 0x0a] : [$0] }
        }
    }

    // MARK: Bytes

    private func flip(_ bytes: inout [UInt8], _ random: inout FuzzGenerator) {
        guard !bytes.isEmpty else { return }
        bytes[random.below(bytes.count)] ^= 1 << UInt8(random.below(8))
    }

    private func replace(_ range: Range<Int>, in bytes: inout [UInt8], _ new: [UInt8]) {
        bytes.replaceSubrange(range, with: new)
    }

    private func insert(_ new: [UInt8], in bytes: inout [UInt8], _ random: inout FuzzGenerator) {
        bytes.insert(contentsOf: new, at: random.below(bytes.count + 1))
    }

    /// Writes a part again behind itself: mostly once, sometimes very often.
    private func duplicate(_ bytes: inout [UInt8], _ random: inout FuzzGenerator) {
        let range = random.range(of: bytes.count)
        let times = random.below(8) == 0 ? 1 << random.below(12) : 1
        let part = Array(bytes[range])
        let room = max(0, self.bytesMax - bytes.count) / max(1, part.count)
        bytes.insert(contentsOf: repeatElement(part, count: min(times, room)).joined(), at: range.upperBound)
    }

    private func exchange(_ bytes: inout [UInt8], _ random: inout FuzzGenerator) {
        let part = Array(bytes[random.range(of: bytes.count)])
        bytes.replaceSubrange(random.range(of: bytes.count), with: part)
    }

    private func splice(_ bytes: inout [UInt8], _ random: inout FuzzGenerator) {
        let other = self.seeds[random.below(self.seeds.count)]
        self.insert(Array(other[random.range(of: other.count)]), in: &bytes, &random)
    }

    private func token(_ random: inout FuzzGenerator) -> [UInt8] {
        self.tokens.words.isEmpty ? [0] : self.tokens.words[random.below(self.tokens.words.count)]
    }

    // MARK: Structure

    private func replaceNumber(_ bytes: inout [UInt8], _ random: inout FuzzGenerator) {
        let number = FuzzTokens.numbers.words[random.below(FuzzTokens.numbers.words.count)]
        let isNumber = { (byte: UInt8) in byte &- 0x30 < 10 || byte == 0x2d || byte == 0x2e }
        guard let range = self.run(in: bytes, &random, isNumber) else { return }
        self.replace(range, in: &bytes, number)
    }

    private func replaceString(_ bytes: inout [UInt8], _ random: inout FuzzGenerator) {
        guard let range = self.run(in: bytes, &random, { $0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7a }) else { return }
        let other = self.seeds[random.below(self.seeds.count)]
        let isToken = random.below(2) == 0
        self.replace(range, in: &bytes, isToken ? self.token(&random) : Array(other[random.range(of: other.count)]))
    }

    /// The first unbroken run of bytes of a kind behind a random place.
    private func run(
        in bytes: [UInt8], _ random: inout FuzzGenerator, _ isOfKind: (UInt8) -> Bool
    ) -> Range<Int>? {
        let from = random.below(bytes.count)
        guard let start = bytes[from...].firstIndex(where: isOfKind) else { return nil }
        let end = bytes[start...].firstIndex { !isOfKind($0) } ?? bytes.count
        return start..<end
    }

    /// Puts a part into brackets, or opens them without an end: up to some thousands of them.
    private func nest(_ bytes: inout [UInt8], _ random: inout FuzzGenerator) {
        let pairs: [(String, String)] = [
            ("[", "]"), ("{\"a\":", "}"), ("(", ")"), ("- ", ""), ("{\"segments\":[", "]}"), ("\"", "\""),
            ("<think>", ""),
        ]
        let (open, close) = pairs[random.below(pairs.count)]
        let depth = 1 << random.below(13)
        let room = max(0, self.bytesMax - bytes.count) / (open.utf8.count + close.utf8.count)
        let count = min(depth, room)
        let range = random.range(of: bytes.count)
        let isClosed = random.below(4) > 0
        bytes.insert(
            contentsOf: isClosed ? Array(repeatElement(close.utf8, count: count).joined()) : [], at: range.upperBound)
        bytes.insert(contentsOf: repeatElement(open.utf8, count: count).joined(), at: range.lowerBound)
    }

    /// Overwrites two, four or eight bytes by a number at the edge of what they hold, little or big end first.
    private func binaryLength(_ bytes: inout [UInt8], _ random: inout FuzzGenerator) {
        let edges: [UInt64] = [
            0, 1, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 1 << 32, 1 << 47, 1 << 62,
            1 << 63 - 1, 1 << 63, .max - 7, .max,
        ]
        let edge = edges[random.below(edges.count)]
        let width = [2, 4, 8][random.below(3)]
        guard bytes.count >= width else { return }
        let place = random.below(bytes.count - width + 1)
        let isBigEndian = random.below(4) == 0
        for index in 0..<width {
            let shift = UInt64(8 * (isBigEndian ? width - 1 - index : index))
            bytes[place + index] = UInt8(truncatingIfNeeded: edge >> shift)
        }
    }
}
