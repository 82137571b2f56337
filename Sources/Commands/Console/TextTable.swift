// SPDX-License-Identifier: Apache-2.0

/// Columns of text, aligned.
struct TextTable {
    private var rows: [[String]]

    init(_ header: [String]) { self.rows = [header] }

    /// Adds a row; its cells are made visible here, for what is written out is wider than it was.
    mutating func add(_ row: [String]) { self.rows.append(row.map { VisibleText.text($0) }) }

    /// The lines; columns whose cells are all numbers are set to the right.
    var lines: [String] {
        let count = self.rows.map(\.count).max() ?? 0
        let widths = (0..<count).map { column in self.rows.map { $0.count > column ? $0[column].count : 0 }.max() ?? 0 }
        let numeric = (0..<count).map { column in
            self.rows.dropFirst().allSatisfy { row in
                row.count <= column || row[column].allSatisfy { $0.isNumber || ",.-%+".contains($0) }
            }
        }
        return self.rows.map { row in
            row.enumerated().map { column, cell in
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                return numeric[column] ? padding + cell : cell + padding
            }.joined(separator: "  ").replacing(/\s+$/, with: "")
        }
    }
}
