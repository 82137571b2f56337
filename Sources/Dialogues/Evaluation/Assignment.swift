// SPDX-License-Identifier: Apache-2.0

/// The cheapest assignment of rows to columns, each to one of its own: successive shortest paths with potentials
/// (Kuhn 1955; Edmonds and Karp 1972), over edges that are there.
struct Assignment {
    /// A possible assignment of a row.
    struct Edge: Hashable {
        let column: Int
        /// Finite, not negative.
        let cost: Double
    }

    /// Assigns as many rows as can be, at the least cost.
    /// - Parameters:
    ///   - rows: the edges of each row.
    ///   - columnCount: the columns; edges to others are passed over.
    /// - Returns: for each row its column; `nil` where all that it could have are taken for good.
    static func cheapest(_ rows: [[Edge]], columnCount: Int) -> [Int?] {
        var solver = Self(
            rows: rows.map { row in
                row.filter { $0.column >= 0 && $0.column < columnCount && $0.cost.isFinite && $0.cost >= 0 }
            }, columnCount: max(columnCount, 0))
        for row in rows.indices { solver.augment(from: row) }
        return solver.columnOfRow
    }

    private let rows: [[Edge]]
    private var columnOfRow: [Int?]
    private var rowOfColumn: [Int?]
    private var rowPotential: [Double]
    private var columnPotential: [Double]

    private init(rows: [[Edge]], columnCount: Int) {
        self.rows = rows
        self.columnOfRow = Array(repeating: nil, count: rows.count)
        self.rowOfColumn = Array(repeating: nil, count: columnCount)
        self.rowPotential = Array(repeating: 0, count: rows.count)
        self.columnPotential = Array(repeating: 0, count: columnCount)
    }

    /// Finds the cheapest way to give a row a column, moving others where that is cheaper.
    private mutating func augment(from start: Int) {
        var distance: [Int: Double] = [:]
        var rowBefore: [Int: Int] = [:]
        var done: Set<Int> = []
        var row = start
        var reached = 0.0
        var settled: [(row: Int, distance: Double)] = []
        while true {
            settled.append((row, reached))
            for edge in self.rows[row] where !done.contains(edge.column) {
                let reduced = edge.cost - self.rowPotential[row] - self.columnPotential[edge.column]
                let through = reached + max(reduced, 0)
                if through < distance[edge.column] ?? .infinity {
                    distance[edge.column] = through
                    rowBefore[edge.column] = row
                }
            }
            let open = distance.filter { !done.contains($0.key) }
            guard let next = open.min(by: { ($0.value, $0.key) < ($1.value, $1.key) }) else { return }
            reached = next.value
            done.insert(next.key)
            if let owner = self.rowOfColumn[next.key] {
                row = owner
                continue
            }
            for (row, at) in settled { self.rowPotential[row] += reached - at }
            for column in done { self.columnPotential[column] -= reached - (distance[column] ?? reached) }
            self.shift(to: next.key, rowBefore, start)
            return
        }
    }

    private mutating func shift(to free: Int, _ rowBefore: [Int: Int], _ start: Int) {
        var column = free
        while let row = rowBefore[column] {
            let freed = self.columnOfRow[row]
            self.columnOfRow[row] = column
            self.rowOfColumn[column] = row
            guard row != start, let freed else { return }
            column = freed
        }
    }
}
