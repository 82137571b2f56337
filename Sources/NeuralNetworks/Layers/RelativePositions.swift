// SPDX-License-Identifier: Apache-2.0

import CKernels

/// Scores that a query adds for keys by their distance in time, height and width: a table of vectors an axis, the
/// query's product with the vector of the distance, and the sum of the three.
///
/// All heads share the tables. Where a table has another length than the distances, it is interpolated.
public struct RelativePositions: Sendable {
    /// One axis: its table, the row of each distance, and how the table comes to its length.
    public struct Axis: Sendable {
        /// (rows, width of a head).
        public let table: Parameter
        /// The rows that are wanted.
        public let rows: Int
        /// (queries along it, keys along it): the row of the distance.
        let places: [Int32]
        let interpolation: TableInterpolation?

        /// Distances where queries and keys cover the same length, each in steps of its own.
        /// - Parameter stored: the rows of the table, where they are not as many as the distances.
        public init(
            _ name: String, queries: Int, keys: Int, width: Int, stored: Int? = nil, in layout: inout ParameterLayout
        ) {
            let ofQuery = max(Double(keys) / Double(queries), 1), ofKey = max(Double(queries) / Double(keys), 1)
            let places = (0..<queries).flatMap { query in
                (0..<keys).map { key in
                    Int32(Double(query) * ofQuery - Double(key) * ofKey + Double(keys - 1) * ofKey)
                }
            }
            self.init(
                name, rows: 2 * max(queries, keys) - 1, places: places, width: width, stored: stored, in: &layout)
        }

        /// Distances of one's own.
        /// - Parameter places: (queries, keys) rows of the table, each below `rows`.
        public init(
            _ name: String, rows: Int, places: [Int32], width: Int, stored: Int? = nil,
            in layout: inout ParameterLayout
        ) {
            let stored = stored ?? rows
            precondition(places.allSatisfy { $0 >= 0 && $0 < rows }, "rows of \(name) from 0 to \(rows - 1)")
            self.table = layout.add(name, [stored, width], .uniform(0.02))
            self.rows = rows
            self.places = places
            self.interpolation = stored == rows ? nil : TableInterpolation(from: stored, to: rows)
        }
    }

    /// Part of the keys: a grid, where its places begin in the axes' `places`, and where its scores begin in a row.
    public struct Keys: Sendable {
        /// The cells.
        public var grid: GridSize
        /// The place of its first frame among those of the time axis.
        public var firstFrame: Int
        /// The column of its first key.
        public var column: Int

        /// Describes a part.
        public init(grid: GridSize, firstFrame: Int = 0, column: Int) {
            self.grid = grid
            self.firstFrame = firstFrame
            self.column = column
        }
    }

    /// Time, height and width.
    public let axes: [Axis]
    /// The queries' grid.
    public let queries: GridSize
    /// The frames of keys that the time axis has places for.
    private let frames: Int
    private let width: Int
    private let heads: Int

    /// The scores of each query by distance, and the tables where they are interpolated.
    public struct Cache: Sendable {
        let scores: [FloatSlot]
        let dscores: [FloatSlot]
        let tables: [FloatSlot?]
    }

    /// Puts the axes together.
    /// - Parameters:
    ///   - frames: the frames of keys that the time axis knows.
    ///   - width: the columns of a head.
    public init(time: Axis, height: Axis, width axis: Axis, queries: GridSize, frames: Int, width: Int, heads: Int) {
        precondition(time.places.count == queries.time * frames, "a row for each query's and each key's frame")
        self.axes = [time, height, axis]
        self.queries = queries
        self.frames = frames
        self.width = width
        self.heads = heads
    }

    /// Reserves the cache.
    public func plan(_ plan: inout WorkspacePlan, training: Bool) -> Cache {
        let counts = self.axes.map { self.queries.count * self.heads * $0.rows }
        let scores = counts.map { plan.floats($0) }
        let tables = self.axes.map { axis in axis.interpolation.map { _ in plan.floats(2 * axis.rows * self.width) } }
        return Cache(scores: scores, dscores: training ? counts.map { plan.floats($0) } : [], tables: tables)
    }

    /// Computes each query's scores by distance.
    /// - Parameter q: (queries, heads · width), rows following each other.
    public func prepare(_ q: Matrix, cache: Cache, _ pass: Pass) {
        precondition(q.stride == q.columns && q.rows == self.queries.count, "a row a query")
        let rows = Matrix(q.start, rows: q.rows * self.heads, columns: self.width)
        for (index, axis) in self.axes.enumerated() {
            if let interpolation = axis.interpolation, let slot = cache.tables[index] {
                interpolation.forward(
                    Matrix(pass.value(axis.table), rows: interpolation.from, columns: self.width),
                    into: Matrix(pass[slot], rows: axis.rows, columns: self.width))
            }
            let table = self.table(index, cache, pass)
            multiply(
                rows, .plain, table, .transposed,
                into: pass.matrix(cache.scores[index], rows: rows.rows, columns: axis.rows))
        }
        for slot in cache.dscores { pass[slot].update(repeating: 0, count: slot.count) }
    }

    private func table(_ index: Int, _ cache: Cache, _ pass: Pass) -> Matrix {
        let axis = self.axes[index]
        let start = cache.tables[index].map { pass[$0] } ?? pass.value(axis.table)
        return Matrix(start, rows: axis.rows, columns: self.width)
    }

    /// scores (rows of queries from `first` on, keys) += those by distance, of one head.
    public func add(to scores: Matrix, keys: Keys, head: Int, first: Int, cache: Cache, _ pass: Pass) {
        self.withDistances(keys, first) { distances in
            let from = self.starts(cache.scores, head, first, pass)
            ck_relative_forward(
                &distances, from[0], from[1], from[2], scores.start + keys.column, scores.stride, scores.rows)
        }
    }

    /// Adds the gradients of one head's scores to those of the scores by distance.
    public func collect(_ dscores: Matrix, keys: Keys, head: Int, cache: Cache, _ pass: Pass) {
        self.withDistances(keys, 0) { distances in
            let to = self.starts(cache.dscores, head, 0, pass)
            ck_relative_backward(
                &distances, dscores.start + keys.column, dscores.stride, to[0], to[1], to[2], dscores.rows)
        }
    }

    /// dq += the gradient at q, and the tables' are added up, after `collect` for all heads and keys.
    public func backward(q: Matrix, dq: Matrix, cache: Cache, _ pass: Pass) {
        let rows = Matrix(q.start, rows: q.rows * self.heads, columns: self.width)
        let drows = Matrix(dq.start, rows: q.rows * self.heads, columns: self.width)
        for (index, axis) in self.axes.enumerated() {
            let dscores = pass.matrix(cache.dscores[index], rows: rows.rows, columns: axis.rows)
            multiply(dscores, .plain, self.table(index, cache, pass), .plain, into: drows, accumulating: true)
            guard let interpolation = axis.interpolation, let slot = cache.tables[index] else {
                multiply(
                    dscores, .transposed, rows, .plain,
                    into: Matrix(pass.gradient(axis.table), rows: axis.rows, columns: self.width), accumulating: true)
                continue
            }
            let dtable = Matrix(pass[slot] + axis.rows * self.width, rows: axis.rows, columns: self.width)
            multiply(dscores, .transposed, rows, .plain, into: dtable)
            interpolation.backward(
                dy: dtable,
                dtable: Matrix(pass.gradient(axis.table), rows: interpolation.from, columns: self.width))
        }
    }

    private func starts(
        _ slots: [FloatSlot], _ head: Int, _ first: Int, _ pass: Pass
    ) -> [UnsafeMutablePointer<Float>] {
        zip(slots, self.axes).map { slot, axis in pass[slot] + (first * self.heads + head) * axis.rows }
    }

    private func withDistances(_ keys: Keys, _ first: Int, _ body: (inout ck_distances) -> Void) {
        // The frames of all keys lie side by side for each query: those of this part are copied out.
        let time = self.queries.time
        precondition(keys.firstFrame + keys.grid.time <= self.frames, "the frames of the keys")
        let frames = (0..<time).flatMap { query in
            let start = query * self.frames + keys.firstFrame
            return self.axes[0].places[start..<start + keys.grid.time]
        }
        frames.withUnsafeBufferPointer { frames in
            self.axes[1].places.withUnsafeBufferPointer { height in
                self.axes[2].places.withUnsafeBufferPointer { width in
                    var distances = ck_distances(
                        queries: self.queries.triple, keys: keys.grid.triple, first: first,
                        places: (frames.baseAddress, height.baseAddress, width.baseAddress),
                        strides: (
                            self.heads * self.axes[0].rows, self.heads * self.axes[1].rows,
                            self.heads * self.axes[2].rows
                        ))
                    body(&distances)
                }
            }
        }
    }
}
