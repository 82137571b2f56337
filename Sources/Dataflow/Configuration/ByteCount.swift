// SPDX-License-Identifier: Apache-2.0

/// A number of bytes, as it may be written: `65536`, or with a unit, `64MB` (millions) or `64MiB` (2^20 each).
public struct ByteCount: Hashable, Comparable, Sendable {
    /// The number.
    public var bytes: Int

    /// Counts bytes.
    public init(_ bytes: Int) { self.bytes = bytes }

    /// Reads a whole number, or a decimal one with a unit that makes whole bytes of it; `nil` for anything else.
    public init?(parsing text: String) {
        let text = text.replacing("_", with: "")
        let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        let rest = text[digits.endIndex...]
        let unit = rest.drop { $0 == " " }.lowercased()
        guard rest.isEmpty || !unit.isEmpty, let factor = Self.units[unit], let bytes = Self.product(digits, factor)
        else { return nil }
        self.bytes = bytes
    }

    /// Orders by the number.
    public static func < (left: ByteCount, right: ByteCount) -> Bool { left.bytes < right.bytes }

    private static let units: [String: Int] = [
        "": 1, "b": 1, "kb": 1_000, "mb": 1_000_000, "gb": 1_000_000_000, "tb": 1_000_000_000_000, "kib": 1 << 10,
        "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
    ]

    /// Multiplies a decimal number, without rounding; `nil` where it is none, or no whole one comes of it.
    private static func product(_ text: Substring, _ factor: Int) -> Int? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 2, let whole = Int(parts[0]) else { return nil }
        let (product, isTooLarge) = whole.multipliedReportingOverflow(by: factor)
        guard !isTooLarge else { return nil }
        guard parts.count == 2 else { return product }
        guard let fraction = Int(parts[1]), 1...6 ~= parts[1].count else { return nil }
        let scale = (0..<parts[1].count).reduce(1) { scale, _ in scale * 10 }
        let (scaled, overflows) = fraction.multipliedReportingOverflow(by: factor)
        guard !overflows, scaled % scale == 0 else { return nil }
        let (sum, isTooMuch) = product.addingReportingOverflow(scaled / scale)
        return isTooMuch ? nil : sum
    }
}

extension ByteCount: FieldValue {
    /// The kind of value, in words.
    public static var typeName: String { "a number of bytes, such as 64MB or 64MiB" }
    /// Reads a value, or reports what is wrong with the node.
    public static func read(_ node: ConfigurationNode, _ reader: inout ConfigurationReader) -> ByteCount? {
        reader.scalar(node, as: Self.typeName) { ByteCount(parsing: $0) }
    }
    /// The value as text, the same for equal values.
    public var canonical: String { String(self.bytes) }
}
