// SPDX-License-Identifier: Apache-2.0

package import Codecs
import Records

/// Finds the part of a model's text that is meant as its answer.
package enum AnswerText {
    /// The text without what was thought aloud and the white space around it, but for a line break at its end, which
    /// says that the last line is complete.
    package static func spoken(_ text: Bytes) -> Bytes {
        var rest = text[...]
        if rest.starts(with: [0xef, 0xbb, 0xbf]) { rest = rest.dropFirst(3) }
        // In an answer that is one JSON value, marks are part of its texts.
        if let spoken = Thoughts.removed(from: rest), !self.isOneValue(rest) { rest = spoken[...] }
        rest = rest.drop(while: self.isSpace)
        guard let last = rest.lastIndex(where: { !self.isSpace($0) }) else { return [] }
        let hasBreak = rest[last...].contains(UInt8(ascii: "\n"))
        let trimmed = Bytes(rest[...last])
        return self.unwrapped(trimmed) ?? (trimmed + (hasBreak ? [UInt8(ascii: "\n")] : []))
    }

    private static func isOneValue(_ text: ArraySlice<UInt8>) -> Bool {
        let bytes = Bytes(text.drop(while: self.isSpace))
        guard let first = bytes.first, "{[".utf8.contains(first) else { return false }
        var json = LenientJSON(bytes)
        guard let root = json.next(), root.ending == .complete else { return false }
        return bytes[root.range.upperBound...].allSatisfy(self.isSpace)
    }

    /// The text in a JSON text, where the whole answer is one that holds JSON: some servers encode twice.
    private static func unwrapped(_ text: Bytes) -> Bytes? {
        var inner: Bytes?
        for _ in 0..<3 {
            let outer = inner ?? text
            guard outer.first == UInt8(ascii: "\""), let value = try? JSONValue(parsing: outer),
                let string = value.string
            else { break }
            inner = Bytes(string.utf8)
        }
        return inner
    }

    /// Tells whether a byte is white space.
    package static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || 0x09...0x0d ~= byte }
}
