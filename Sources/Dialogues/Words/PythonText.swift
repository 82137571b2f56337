// SPDX-License-Identifier: Apache-2.0

/// Texts and numbers as Python reads and prints them, where ProAssist's formats depend on it.
enum PythonText {
    /// The text without white space around it (`str.strip`).
    static func stripped(_ text: some StringProtocol) -> String {
        let scalars = text.unicodeScalars
        guard let first = scalars.firstIndex(where: { !self.isSpace($0) }),
            let last = scalars.lastIndex(where: { !self.isSpace($0) })
        else { return "" }
        var kept = String.UnicodeScalarView()
        kept.append(contentsOf: scalars[first...last])
        return String(kept)
    }

    /// White space as Python has it: that of Unicode, and four separators of ASCII.
    static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isWhitespace || (0x1c...0x1f).contains(scalar.value)
    }

    /// The words between white space (`str.split`).
    static func words(_ text: String) -> [String] {
        text.unicodeScalars.split(whereSeparator: self.isSpace).map { String($0) }
    }

    /// The lines between line feeds alone, as `split("\n")` has them; a carriage return stays at its line's end.
    static func lines(_ text: String) -> [String] {
        text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false).map { String($0) }
    }

    /// The first character in upper case and the rest in lower case (`str.capitalize`).
    static func capitalized(_ text: String) -> String {
        guard let first = text.unicodeScalars.first else { return "" }
        return first.properties.titlecaseMapping + String(text.unicodeScalars.dropFirst()).lowercased()
    }

    /// The number that `float` reads: decimal with underscores between digits, `nan`, `inf`, white space around; `nil`
    /// where it raises.
    static func float(_ text: some StringProtocol) -> Double? {
        let text = self.stripped(text)
        guard text.utf8.count <= 400, text.utf8.allSatisfy({ $0 < 0x80 }) else { return nil }
        var sign = 1.0
        var body = text[...]
        if let first = body.first, first == "+" || first == "-" {
            sign = first == "-" ? -1 : 1
            body = body.dropFirst()
        }
        switch body.lowercased() {
        case "nan": return .nan
        case "inf", "infinity": return sign * .infinity
        default: break
        }
        guard self.isDecimal(body.utf8) else { return nil }
        let digits = body.filter { $0 != "_" }
        // A bare point at either end is a number to Python alone.
        let whole = digits.hasPrefix(".") ? "0" + digits : digits
        return Double(
            whole.replacing(".e", with: ".0e").replacing(".E", with: ".0E") + (whole.hasSuffix(".") ? "0" : "")
        )
        .map { sign * $0 }
    }

    /// Tells whether bytes are `digits[.digits][e[±]digits]` with at least one digit before the exponent, and each
    /// underscore between two digits.
    private static func isDecimal(_ bytes: Substring.UTF8View) -> Bool {
        let bytes = Array(bytes)
        var position = 0
        func digits() -> Int? {
            let start = position
            while position < bytes.count {
                let isDigit = (0x30...0x39).contains(bytes[position])
                let isJoint =
                    bytes[position] == UInt8(ascii: "_") && position > start && position + 1 < bytes.count
                    && (0x30...0x39).contains(bytes[position - 1]) && (0x30...0x39).contains(bytes[position + 1])
                guard isDigit || isJoint else { break }
                position += 1
            }
            return position - start
        }
        var count = digits() ?? 0
        if position < bytes.count, bytes[position] == UInt8(ascii: ".") {
            position += 1
            count += digits() ?? 0
        }
        guard count > 0 else { return false }
        if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
            position += 1
            if position < bytes.count, bytes[position] == UInt8(ascii: "+") || bytes[position] == UInt8(ascii: "-") {
                position += 1
            }
            guard digits() ?? 0 > 0 else { return false }
        }
        return position == bytes.count
    }

    /// The number as `str` prints it: the fewest digits that read back the same. Swift's own form is the same.
    static func printed(_ number: Double) -> String { number.description }

    /// The largest whole number not above a number, within what frames may be; `nil` where it is no number.
    static func floor(_ number: Double) -> Int? {
        let floored = number.rounded(.down)
        guard floored.isFinite, abs(floored) < 1e12 else { return nil }
        return Int(floored)
    }
}
