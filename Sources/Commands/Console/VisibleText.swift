// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records

/// Text from outside as it may be shown: what would act on a terminal, or show a line in another order than it has, is
/// written out.
///
/// Narrations, answers of models, error bodies of servers, names in files: any of them may hold an escape sequence that
/// fills the clipboard, clears the screen or retitles the window.
enum VisibleText {
    /// A form in which a character is written out.
    enum Form {
        /// For people: `\u{1b}`.
        case text
        /// As JSON has it, `\u001b`: a line of JSON means the same as before.
        case json
    }

    /// A text, made visible.
    /// - Parameter keepsLines: whether its line ends stay.
    static func text(_ text: String, keepsLines: Bool = false) -> String {
        var copy = text
        let isPlain = copy.withUTF8 { bytes in Self.isPlain(bytes, keepsLines: keepsLines) }
        return isPlain ? text : Self.written(text.unicodeScalars, as: .text, keepsLines: keepsLines)
    }

    /// Bytes of a text, made visible; what is no UTF-8 becomes U+FFFD. Line ends stay.
    static func bytes(_ bytes: Bytes, as form: Form) -> Bytes { Self.bytes(bytes[...], as: form) ?? bytes }

    /// Bytes of a text, made visible; `nil` where they are so already.
    static func bytes(_ bytes: ArraySlice<UInt8>, as form: Form) -> Bytes? {
        if bytes.withUnsafeBufferPointer({ Self.isPlain($0, keepsLines: true) }) { return nil }
        let text = String(decoding: bytes, as: UTF8.self)
        return Bytes(Self.written(text.unicodeScalars, as: form, keepsLines: true).utf8)
    }

    /// Tells whether all bytes are of printed ASCII, in a loop without a branch, which the compiler makes vectors of:
    /// `shards cat` spent half of its time here.
    private static func isPlain(_ bytes: UnsafeBufferPointer<UInt8>, keepsLines: Bool) -> Bool {
        let lineEnd: UInt8 = keepsLines ? 0x0a : 0x09
        var others: UInt8 = 0
        for byte in bytes {
            let isPrinted = byte &- 0x20 < 0x5f
            others |= isPrinted || byte == 0x09 || byte == lineEnd ? 0 : 1
        }
        return others == 0
    }

    private static func written(_ scalars: String.UnicodeScalarView, as form: Form, keepsLines: Bool) -> String {
        var written = String.UnicodeScalarView()
        for scalar in scalars {
            let isKept = scalar == "\t" || scalar == "\n" && keepsLines
            if isKept || !Self.isHarmful(scalar) {
                written.append(scalar)
            } else {
                written.append(contentsOf: Self.escape(scalar, as: form).unicodeScalars)
            }
        }
        return String(written)
    }

    private static func escape(_ scalar: Unicode.Scalar, as form: Form) -> String {
        switch form {
        case .text: "\\u{\(String(scalar.value, radix: 16))}"
        case .json:
            String(scalar).utf16.map { unit in
                let digits = String(unit, radix: 16)
                return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            }.joined()
        }
    }

    /// Tells whether a character controls the terminal, the direction of text or its lines, or hides what others see.
    ///
    /// The joiners U+200C and U+200D and the variation selectors stay: scripts and emoji need them.
    static func isHarmful(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0...0x1f, 0x7f...0x9f: true  // C0, DEL, C1
        case 0x061c, 0x200e, 0x200f, 0x202a...0x202e, 0x2066...0x206f: true  // direction
        case 0x2028, 0x2029: true  // ends of lines and paragraphs
        case 0x200b, 0x2060...0x2065, 0xfeff, 0xfff9...0xfffb: true  // without width
        case 0xe0000...0xe007f: true  // tags
        default: false
        }
    }
}
