// SPDX-License-Identifier: Apache-2.0

import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// Columns of text within a width: those that may be cut are, the widest first, and end in `…` then.
struct FittedTable {
    /// The width for those who do not look on a terminal, and the least there is.
    private static let (widthDefault, widthMin) = (80, 40)
    /// No column is cut to less.
    private static let columnMin = 6

    private let header: [String]
    private let flexible: Set<Int>
    private let numeric: Set<Int>
    private var rows: [[String]] = []

    /// Creates a table.
    /// - Parameters:
    ///   - header: the columns' headings.
    ///   - flexible: columns that may be cut.
    ///   - numeric: columns that are set to the right.
    init(_ header: [String], flexible: Set<Int>, numeric: Set<Int> = []) {
        self.header = header
        self.flexible = flexible
        self.numeric = numeric
    }

    /// Adds a row; its cells are made visible here, in one line each.
    mutating func add(_ row: [String]) {
        self.rows.append(row.map { VisibleText.text($0.replacing("\n", with: " ").replacing("\t", with: " ")) })
    }

    var isEmpty: Bool { self.rows.isEmpty }

    /// The lines.
    func lines(width: Int = Self.width) -> [String] {
        let all = [self.header] + self.rows
        var widths = self.header.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        let most = max(width, Self.widthMin) - 2 * (widths.count - 1)
        // A column at a time, down to the next widest of those that may be cut.
        while widths.reduce(0, +) > most {
            let cuttable = self.flexible.filter { widths[$0] > Self.columnMin }
            guard let widest = cuttable.max(by: { (widths[$0], $0) < (widths[$1], $1) }) else { break }
            let next = cuttable.filter { $0 != widest }.map { widths[$0] }.max() ?? Self.columnMin
            let surplus = widths.reduce(0, +) - most
            widths[widest] = max(min(next, widths[widest] - 1), widths[widest] - surplus, Self.columnMin)
        }
        return all.map { row in
            row.enumerated().map { column, cell in
                let shown = cell.count > widths[column] ? cell.prefix(widths[column] - 1) + "…" : cell
                let padding = String(repeating: " ", count: widths[column] - shown.count)
                return self.numeric.contains(column) ? padding + shown : shown + padding
            }.joined(separator: "  ").replacing(/\s+$/, with: "")
        }
    }

    /// The columns of the terminal that results are shown on.
    static var width: Int {
        var size = winsize()
        guard ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return self.widthDefault }
        return Int(size.ws_col)
    }
}
