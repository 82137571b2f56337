// SPDX-License-Identifier: Apache-2.0

/// The words of a format that a mutator splices into it, because random bytes would seldom make them.
public struct FuzzTokens: Sendable {
    /// The words.
    public var words: [[UInt8]]

    /// Takes words as they are.
    public init(_ words: [String]) { self.words = words.map { Array($0.utf8) } }

    /// The words of two formats together.
    public static func + (one: FuzzTokens, other: FuzzTokens) -> FuzzTokens {
        var sum = one
        sum.words += other.words
        return sum
    }

    /// Numbers at and beyond the edges of every integer, of doubles and of what programs take for a length.
    public static let numbers = FuzzTokens([
        "0", "-0", "1", "-1", "00", "0.1", "1e999", "-1e999", "1e-999", "1e18", "1e19", "9.3e18", "NaN", "nan",
        "Infinity", "-Infinity", "inf", "127", "128", "255", "256", "32767", "32768", "65535", "65536", "2147483647",
        "2147483648", "-2147483648", "-2147483649", "4294967295", "4294967296", "9007199254740991", "9007199254740993",
        "-9007199254740993", "140737488355328", "4611686018427387904", "9223372036854775807", "9223372036854775808",
        "-9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616",
        "1234567890123456789012345678901234567890", "0x10", "1_000", "+1", ".5", "5.", "1e", "1e+", "-",
    ])

    /// Bytes that end, hide or break text: marks of order and encoding, line ends, NUL, bytes that are no UTF-8.
    public static let text: FuzzTokens = {
        var tokens = FuzzTokens([
            "\u{feff}", "\r\n", "\n", "\r", "\n\n", "\t", "\0", "\u{1b}[31m", "\u{7f}", "\u{85}", "\u{2028}",
            "\u{202e}",
            "\u{fffd}", "\u{10ffff}", "e\u{301}", " ", "\"", "\"\"", "'", "\\", "\\\\",
        ])
        tokens.words += [
            [0xff], [0xfe, 0xff], [0xc3], [0x80], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf8, 0x88, 0x80, 0x80],
        ]
        return tokens
    }()

    /// JSON.
    public static let json =
        numbers + text
        + FuzzTokens([
            "{", "}", "[", "]", ":", ",", "null", "true", "false", "{}", "[]", "[[", "]]", "\"\":", "\"a\":", ",}",
            ",]",
            "\"\\u0000\"", "\"\\ud800\"", "\"\\udc00\"", "\"\\ud83d\\ude00\"", "\"\\u12", "\"\\x\"", "\\\"", "//", "/*",
        ])

    /// Tables: CSV and TSV.
    public static let table =
        numbers + text + FuzzTokens([",", ",,", ";", "\",\"", "\"\n\"", "\"a\"b", "a\"b", "=1+1"])

    /// YAML.
    public static let yaml =
        numbers + text
        + FuzzTokens([
            ": ", "- ", "? ", "&a ", "*a", "<<: *a", "!!int ", "!!str ", "!!binary ", "|\n", ">\n", "---\n", "...\n",
            "#",
            "{", "}", "[", "]", "~", "null", "yes", "${A}", "${A:-", "%YAML 1.1\n", "    ", "0o7", "1:30:00",
        ])

    /// Headers and bodies of HTTP, and the events of a stream.
    public static let http =
        json
        + FuzzTokens([
            "data: ", "data:", "data: [DONE]\n\n", "event: error\n", ": ping\n\n", "id: 1\n", "retry: 5\n", "\r\n\r\n",
            "Wed, 21 Oct 2015 07:28:00 GMT", "<html>", "```", "```json\n", "<think>", "</think>",
        ])
}
