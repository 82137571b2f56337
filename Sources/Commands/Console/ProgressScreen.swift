// SPDX-License-Identifier: Apache-2.0

/// The rows of progress at the lower end of a terminal, as control sequences: a pure account of what stands there.
struct ProgressScreen {
    /// The rows that stand there, the last of them the cursor's.
    private(set) var shown: [String] = []

    /// The rows to be shown again when something was written above them.
    private var wanted: [String] = []

    /// Shows other rows; none removes them.
    mutating func show(_ rows: [String], on size: TerminalSize) -> String {
        self.wanted = rows
        return self.redraw(size)
    }

    /// Writes lines above the rows.
    mutating func write(_ lines: String, on size: TerminalSize) -> String {
        let erased = self.erase(size)
        return erased + lines + self.draw(size)
    }

    /// Shows the same again, on a terminal that has another size.
    mutating func redraw(_ size: TerminalSize) -> String { self.erase(size) + self.draw(size) }

    private mutating func erase(_ size: TerminalSize) -> String {
        guard !self.shown.isEmpty else { return "" }
        // A terminal that has become narrower has broken its rows anew.
        let height = self.shown.reduce(0) {
            $0 + max(1, (TextColumns.count($1) + size.columns - 1) / max(size.columns, 1))
        }
        self.shown = []
        return "\r" + (height > 1 ? "\u{1b}[\(height - 1)A" : "") + "\u{1b}[J"
    }

    /// A row that reached the last column would break, and could not be rewritten any more.
    private mutating func draw(_ size: TerminalSize) -> String {
        let room = max(1, size.rows - 1)
        var rows = self.wanted.map { TextColumns.cut(VisibleText.text($0), to: size.columns - 1) }
        if rows.count > room {
            let more = "… and \(rows.count - room + 1) more"
            rows = Array(rows.prefix(room - 1)) + [TextColumns.cut(more, to: size.columns - 1)]
        }
        self.shown = rows
        return rows.joined(separator: "\r\n")
    }
}
