// SPDX-License-Identifier: Apache-2.0

/// Decompression of zlib's format (RFC 1950, RFC 1951), of bounded output.
enum Inflate {
    /// The decompressed bytes.
    /// - Parameter size: how many there must be.
    /// - Throws: `PictureFault` where the bytes are damaged, or give more or less.
    static func zlib(_ bytes: [UInt8], size: Int) throws(PictureFault) -> [UInt8] {
        guard bytes.count >= 6, bytes[0] & 15 == 8, (Int(bytes[0]) << 8 | Int(bytes[1])) % 31 == 0, bytes[1] & 32 == 0
        else { throw PictureFault("it holds data that zlib did not write") }
        var reader = BitReader(bytes: bytes, place: 2)
        var output: [UInt8] = []
        output.reserveCapacity(size)
        var isLast = false
        while !isLast {
            isLast = try reader.bits(1) == 1
            switch try reader.bits(2) {
            case 0: try Self.stored(&reader, &output, size)
            case 1: try Self.block(&reader, &output, size, Self.fixed, Self.fixedDistances)
            case 2:
                let (literals, distances) = try Self.tables(&reader)
                try Self.block(&reader, &output, size, literals, distances)
            default: throw PictureFault("it holds a block of no known kind")
            }
        }
        guard output.count == size else { throw PictureFault("it holds \(output.count) bytes where \(size) belong") }
        return output
    }

    private struct BitReader {
        let bytes: [UInt8]
        var place: Int
        private var held: UInt32 = 0
        private var count = 0

        init(bytes: [UInt8], place: Int) {
            self.bytes = bytes
            self.place = place
        }

        mutating func bits(_ wanted: Int) throws(PictureFault) -> Int {
            while self.count < wanted {
                guard self.place < self.bytes.count else { throw PictureFault("it is cut short") }
                self.held |= UInt32(self.bytes[self.place]) << UInt32(self.count)
                self.place += 1
                self.count += 8
            }
            defer {
                self.held >>= UInt32(wanted)
                self.count -= wanted
            }
            return Int(self.held & ((1 << UInt32(wanted)) - 1))
        }

        mutating func align() {
            self.held = 0
            self.count = 0
        }
    }

    /// A canonical Huffman code: how many codes there are of each length, and their symbols in order.
    private struct Code {
        var counts = [Int](repeating: 0, count: 16)
        var symbols: [Int] = []

        init(lengths: [Int]) throws(PictureFault) {
            for length in lengths where length > 0 { self.counts[length] += 1 }
            var left = 1
            for length in 1...15 {
                left = left * 2 - self.counts[length]
                guard left >= 0 else { throw PictureFault("it holds a code that cannot be") }
            }
            self.symbols = (1...15).flatMap { length in lengths.indices.filter { lengths[$0] == length } }
        }

        func symbol(_ reader: inout BitReader) throws(PictureFault) -> Int {
            var code = 0, first = 0, place = 0
            for length in 1...15 {
                code |= try reader.bits(1)
                if code - first < self.counts[length] { return self.symbols[place + code - first] }
                place += self.counts[length]
                first = (first + self.counts[length]) << 1
                code <<= 1
            }
            throw PictureFault("it holds a code that is not there")
        }
    }

    private static let lengths = [
        3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227,
        258,
    ]
    private static let lengthBits = [
        0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
    ]
    private static let distances = [
        1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097,
        6145, 8193, 12289, 16385, 24577,
    ]
    private static let order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
    private static let fixedLengths =
        Array(repeating: 8, count: 144) + Array(repeating: 9, count: 112) + Array(repeating: 7, count: 24)
        + Array(repeating: 8, count: 8)
    private static var fixed: Code { get throws(PictureFault) { try Code(lengths: self.fixedLengths) } }
    private static var fixedDistances: Code {
        get throws(PictureFault) { try Code(lengths: Array(repeating: 5, count: 30)) }
    }

    private static func stored(
        _ reader: inout BitReader, _ output: inout [UInt8], _ size: Int
    ) throws(PictureFault) {
        reader.align()
        guard reader.place + 4 <= reader.bytes.count else { throw PictureFault("it is cut short") }
        let bytes = reader.bytes, place = reader.place
        let count = Int(bytes[place]) | Int(bytes[place + 1]) << 8
        guard count ^ 0xffff == Int(bytes[place + 2]) | Int(bytes[place + 3]) << 8 else {
            throw PictureFault("it holds a block whose length is damaged")
        }
        guard place + 4 + count <= bytes.count else { throw PictureFault("it is cut short") }
        guard output.count + count <= size else { throw PictureFault("it holds more than its size") }
        output += bytes[place + 4..<place + 4 + count]
        reader.place = place + 4 + count
    }

    private static func tables(_ reader: inout BitReader) throws(PictureFault) -> (Code, Code) {
        let literals = try reader.bits(5) + 257, distances = try reader.bits(5) + 1, count = try reader.bits(4) + 4
        guard literals <= 286, distances <= 30 else { throw PictureFault("it holds a code that cannot be") }
        var short = [Int](repeating: 0, count: 19)
        for index in 0..<count { short[Self.order[index]] = try reader.bits(3) }
        let code = try Code(lengths: short)
        var lengths: [Int] = []
        while lengths.count < literals + distances {
            let symbol = try code.symbol(&reader)
            switch symbol {
            case 0..<16: lengths.append(symbol)
            case 16:
                guard let last = lengths.last else { throw PictureFault("it repeats what is not there") }
                lengths += Array(repeating: last, count: try reader.bits(2) + 3)
            case 17: lengths += Array(repeating: 0, count: try reader.bits(3) + 3)
            default: lengths += Array(repeating: 0, count: try reader.bits(7) + 11)
            }
        }
        guard lengths.count == literals + distances else { throw PictureFault("it repeats too much") }
        return (try Code(lengths: Array(lengths[..<literals])), try Code(lengths: Array(lengths[literals...])))
    }

    private static func block(
        _ reader: inout BitReader, _ output: inout [UInt8], _ size: Int, _ literals: Code, _ distances: Code
    ) throws(PictureFault) {
        while true {
            let symbol = try literals.symbol(&reader)
            if symbol == 256 { return }
            if symbol < 256 {
                guard output.count < size else { throw PictureFault("it holds more than its size") }
                output.append(UInt8(symbol))
                continue
            }
            guard symbol - 257 < Self.lengths.count else { throw PictureFault("it holds a length that cannot be") }
            let length = Self.lengths[symbol - 257] + (try reader.bits(Self.lengthBits[symbol - 257]))
            let place = try distances.symbol(&reader)
            guard place < Self.distances.count else { throw PictureFault("it holds a distance that cannot be") }
            let distance = Self.distances[place] + (try reader.bits(max(0, place / 2 - 1)))
            guard distance <= output.count, output.count + length <= size else {
                throw PictureFault("it repeats what is not there")
            }
            for _ in 0..<length { output.append(output[output.count - distance]) }
        }
    }
}
