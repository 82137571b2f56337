// SPDX-License-Identifier: Apache-2.0

/// Text as a query has it.
enum QueryText {
    /// White space trimmed at the ends and collapsed to one blank within, otherwise as it is.
    static func collapsed(_ text: String) -> String {
        let shape = text.utf8.withContiguousStorageIfAvailable { self.shape($0) } ?? .any
        switch shape {
        case .collapsed: return text
        case .ascii: return self.collapsedASCII(text)
        case .any: return self.collapsedUnicode(text)
        }
    }

    private enum Shape {
        /// Nothing has to change.
        case collapsed
        /// Something has to change, and bytes are characters.
        case ascii
        /// There may be white space beyond ASCII.
        case any
    }

    /// One pass that most texts end with.
    private static func shape(_ text: UnsafeBufferPointer<UInt8>) -> Shape {
        var wasBlank = true
        var isCollapsed = true
        for byte in text {
            if byte >= 0x80 { return .any }
            let isBlank = self.isBlank(byte)
            if isBlank, wasBlank || byte != 0x20 { isCollapsed = false }
            wasBlank = isBlank
        }
        return isCollapsed && !(wasBlank && !text.isEmpty) ? .collapsed : .ascii
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || 0x09...0x0d ~= byte }

    private static func collapsedASCII(_ text: String) -> String {
        String(unsafeUninitializedCapacity: text.utf8.count) { result in
            var count = 0
            var owesBlank = false
            for byte in text.utf8 {
                if self.isBlank(byte) {
                    owesBlank = count > 0
                    continue
                }
                if owesBlank {
                    result[count] = 0x20
                    count += 1
                    owesBlank = false
                }
                result[count] = byte
                count += 1
            }
            return count
        }
    }

    private static func collapsedUnicode(_ text: String) -> String {
        let words = text.unicodeScalars.split { $0.properties.isWhitespace }
        return words.map(String.init).joined(separator: " ")
    }
}
