// SPDX-License-Identifier: Apache-2.0

/// Sentences on lines of a width.
public enum WrappedText {
    /// The columns of a terminal that nobody has made wider.
    public static let columns = 80

    /// Breaks a text at its spaces; a word that is longer than a line has a line of its own, unbroken.
    /// - Parameters:
    ///   - columns: the most that a line takes.
    ///   - indent: spaces before each line but the first.
    public static func lines(_ text: String, columns: Int = Self.columns, indent: Int = 0) -> [String] {
        var lines: [String] = []
        var line = ""
        let margin = String(repeating: " ", count: indent)
        for word in text.split(separator: " ") {
            if line.isEmpty {
                line = String(word)
            } else if line.count + 1 + word.count <= columns {
                line += " " + word
            } else {
                lines.append(line)
                line = margin + word
            }
        }
        return line.isEmpty && !lines.isEmpty ? lines : lines + [line]
    }
}
