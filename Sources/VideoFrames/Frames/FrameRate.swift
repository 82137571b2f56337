// SPDX-License-Identifier: Apache-2.0

/// A number of frames a second, as an exact fraction.
public struct FrameRate: Hashable, Sendable, CustomStringConvertible {
    /// The upper part, above zero.
    public let numerator: Int
    /// The lower part, above zero.
    public let denominator: Int

    /// The largest part of a rate that is read.
    public static let partMax = 1_000_000

    /// A rate of whole numbers; `nil` where a part is not above zero, or too large.
    public init?(_ numerator: Int, _ denominator: Int = 1) {
        guard (1...Self.partMax).contains(numerator), (1...Self.partMax).contains(denominator) else { return nil }
        let divisor = Fraction.commonDivisor(numerator, denominator)
        self.numerator = numerator / divisor
        self.denominator = denominator / divisor
    }

    /// Reads `2`, `29.97` or `30000/1001`.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let first = parts.first else { return nil }
        if parts.count == 2 {
            guard let numerator = Int(first), let denominator = Int(parts[1]) else { return nil }
            self.init(numerator, denominator)
            return
        }
        let digits = first.split(separator: ".", omittingEmptySubsequences: false)
        guard digits.count <= 2, let whole = Int(digits[0]), whole >= 0, !digits[0].hasPrefix("+") else { return nil }
        guard digits.count == 2 else {
            self.init(whole)
            return
        }
        guard (1...6).contains(digits[1].count), let rest = Int(digits[1]), rest >= 0, !digits[1].hasPrefix("+"),
            whole <= Self.partMax
        else { return nil }
        var unit = 1, numerator = whole
        for _ in digits[1] { (unit, numerator) = (unit * 10, numerator * 10) }
        let divisor = max(Fraction.commonDivisor(numerator + rest, unit), 1)
        self.init((numerator + rest) / divisor, unit / divisor)
    }

    /// The rate as a number.
    public var value: Double { Double(self.numerator) / Double(self.denominator) }

    /// `2`, or `30000/1001`.
    public var description: String {
        self.denominator == 1 ? "\(self.numerator)" : "\(self.numerator)/\(self.denominator)"
    }
}

/// Whole numbers over whole numbers.
enum Fraction {
    /// The greatest common divisor.
    static func commonDivisor(_ a: Int, _ b: Int) -> Int {
        var (a, b) = (abs(a), abs(b))
        while b != 0 { (a, b) = (b, a % b) }
        return a
    }
}
