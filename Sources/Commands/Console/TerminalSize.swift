// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The columns and rows of a terminal.
struct TerminalSize: Hashable {
    var columns: Int
    var rows: Int

    /// As a terminal has it that does not say.
    static let usual = TerminalSize(columns: 80, rows: 24)

    /// The size of the terminal that a stream goes to, as it is now, for people resize it; `nil` where it goes
    /// elsewhere.
    static func of(_ stream: StandardStream) -> TerminalSize? {
        guard stream.isTerminal else { return nil }
        var size = winsize()
        guard ioctl(stream.rawValue, UInt(TIOCGWINSZ), &size) == 0 else { return self.usual }
        return TerminalSize(
            columns: size.ws_col > 0 ? Int(size.ws_col) : self.usual.columns,
            rows: size.ws_row > 0 ? Int(size.ws_row) : self.usual.rows)
    }

    /// Lines that fit, so that none wraps and none scrolls away: the rest is left out, and said to be.
    func fit(_ lines: [String]) -> [String] {
        var lines = lines
        // The cursor stands in a line of its own.
        if lines.count > self.rows - 1 {
            let left = lines.count - (self.rows - 2)
            lines = lines.prefix(max(0, self.rows - 2)) + ["… \(left) more lines"]
        }
        return lines.map { TextColumns.cut($0, to: self.columns) }
    }
}

/// The columns that text takes on a terminal.
enum TextColumns {
    /// The columns of a text without controls.
    static func count(_ text: some StringProtocol) -> Int {
        text.utf8.allSatisfy { $0 < 0x80 } ? text.utf8.count : text.reduce(0) { $0 + Self.count($1) }
    }

    /// A text that takes so many columns at most; where it was longer, it ends in `…`.
    static func cut(_ text: String, to columns: Int) -> String {
        guard Self.count(text) > columns else { return text }
        var kept = ""
        var used = 0
        for character in text {
            used += Self.count(character)
            if used > columns - 1 { break }
            kept.append(character)
        }
        return columns > 0 ? kept + "…" : ""
    }

    /// Two where the first character is as wide as the ideographs, one for others.
    private static func count(_ character: Character) -> Int {
        guard let scalar = character.unicodeScalars.first else { return 0 }
        switch scalar.value {
        case 0x1100...0x115f, 0x2e80...0x303e, 0x3041...0xa4cf, 0xac00...0xd7a3, 0xf900...0xfaff, 0xfe30...0xfe6f,
            0xff00...0xff60, 0xffe0...0xffe6, 0x1f300...0x1f64f, 0x1f680...0x1faff, 0x20000...0x3fffd:
            return 2
        default:
            let marks: Set<Unicode.GeneralCategory> = [.nonspacingMark, .enclosingMark, .format]
            return marks.contains(scalar.properties.generalCategory) ? 0 : 1
        }
    }
}
