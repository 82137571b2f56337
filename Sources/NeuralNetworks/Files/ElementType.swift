// SPDX-License-Identifier: Apache-2.0

/// The types of number that files of tensors hold. The raw values are those of safetensors.
public enum ElementType: String, CaseIterable, Sendable {
    /// IEEE 754 binary64.
    case float64 = "F64"
    /// IEEE 754 binary32.
    case float32 = "F32"
    /// IEEE 754 binary16.
    case float16 = "F16"
    /// The upper half of a binary32.
    case bfloat16 = "BF16"
    /// Whole numbers of 64 bits, in two's complement.
    case int64 = "I64"
    /// Whole numbers of 32 bits, in two's complement.
    case int32 = "I32"
    /// Bytes.
    case uint8 = "U8"
    /// Bytes that are 0 or 1.
    case bool = "BOOL"

    /// The size of an element in bytes.
    public var size: Int {
        switch self {
        case .float64, .int64: 8
        case .float32, .int32: 4
        case .float16, .bfloat16: 2
        case .uint8, .bool: 1
        }
    }

    /// Tells whether it is a type of floating-point numbers.
    public var isFloatingPoint: Bool {
        switch self {
        case .float64, .float32, .float16, .bfloat16: true
        case .int64, .int32, .uint8, .bool: false
        }
    }

    /// The number of elements of a shape; `nil` where a dimension is below zero, or the bytes pass what `Int` holds. A
    /// dimension of zero hides no other: those must be of a size that memory could have, whatever the file says.
    public func count(of shape: [Int]) -> Int? {
        var bytes = self.size
        for dimension in shape {
            let (product, overflow) = bytes.multipliedReportingOverflow(by: max(dimension, 1))
            guard dimension >= 0, !overflow else { return nil }
            bytes = product
        }
        return shape.contains(0) ? 0 : bytes / self.size
    }

    /// Decodes little-endian elements as Float32: `bytes.count / size` of them. Float64 is rounded; so are whole
    /// numbers beyond 2^24.
    public func floats(_ bytes: UnsafeRawBufferPointer) -> [Float] {
        switch self {
        case .float32: Self.decode(bytes) { (word: UInt32) in Float(bitPattern: word) }
        case .float64: Self.decode(bytes) { (word: UInt64) in Float(Double(bitPattern: word)) }
        case .float16: Self.decode(bytes) { (word: UInt16) in Self.float(half: word) }
        case .bfloat16: Self.decode(bytes) { (word: UInt16) in Float(bitPattern: UInt32(word) << 16) }
        case .int64: Self.decode(bytes) { (word: UInt64) in Float(Int64(bitPattern: word)) }
        case .int32: Self.decode(bytes) { (word: UInt32) in Float(Int32(bitPattern: word)) }
        case .uint8, .bool: Self.decode(bytes) { (word: UInt8) in Float(word) }
        }
    }

    /// Decodes little-endian elements as whole numbers; `nil` for floating-point types.
    public func integers(_ bytes: UnsafeRawBufferPointer) -> [Int]? {
        switch self {
        case .int64: Self.decode(bytes) { (word: UInt64) in Int(Int64(bitPattern: word)) }
        case .int32: Self.decode(bytes) { (word: UInt32) in Int(Int32(bitPattern: word)) }
        case .uint8, .bool: Self.decode(bytes) { (word: UInt8) in Int(word) }
        case .float64, .float32, .float16, .bfloat16: nil
        }
    }

    private static func decode<Word: FixedWidthInteger, Element>(
        _ bytes: UnsafeRawBufferPointer, _ convert: (Word) -> Element
    ) -> [Element] {
        let size = Word.bitWidth / 8
        return (0..<bytes.count / size).map { index in
            convert(Word(littleEndian: bytes.loadUnaligned(fromByteOffset: index * size, as: Word.self)))
        }
    }

    /// A binary16 as Float32, exactly. Its exponent and fraction, shifted into place, are the number times 2^-112:
    /// this holds for subnormal ones too, and for all but infinity and NaN, whose exponent is set by hand.
    static func float(half: UInt16) -> Float {
        let scaled = Float(bitPattern: UInt32(half & 0x7fff) << 13) * 0x1p112
        let special: UInt32 = half & 0x7c00 == 0x7c00 ? 0x7f80_0000 : 0
        return Float(bitPattern: scaled.bitPattern | special | UInt32(half & 0x8000) << 16)
    }

    /// The binary16 nearest to a Float32, ties to even; infinity beyond what it holds.
    public static func half(_ value: Float) -> UInt16 {
        let sign = UInt16(truncatingIfNeeded: value.bitPattern >> 16) & 0x8000
        let bits = value.bitPattern & 0x7fff_ffff
        if bits > 0x7f80_0000 { return sign | 0x7e00 }
        // From here on the rounded number is 2^16, which is infinity.
        if bits >= 0x477f_f000 { return sign | 0x7c00 }
        if bits < 0x3880_0000 {
            // Subnormal: adding a half moves the fraction to the end of a Float32, which rounds it.
            let moved = Float(bitPattern: bits) + 0.5
            return sign | UInt16(truncatingIfNeeded: moved.bitPattern &- 0x3f00_0000)
        }
        let odd = bits >> 13 & 1
        return sign | UInt16(truncatingIfNeeded: (bits &- 0x3800_0000 &+ 0xfff &+ odd) >> 13)
    }
}
