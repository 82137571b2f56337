// SPDX-License-Identifier: Apache-2.0

import CKernels
import Glibc

extension Tape {
    /// softmax(q kᵀ / √(width of a head)) v, head by head: queries (n, width) look at keys and values (m, width).
    /// - Parameter isCausal: whether query i sees the keys up to i alone.
    public mutating func attend(
        query: TapeValue, key: TapeValue, value: TapeValue, heads: Int, isCausal: Bool = false
    ) -> TapeValue {
        precondition(
            key.rows == value.rows && query.columns == key.columns && query.columns % heads == 0
                && value.columns == query.columns && (!isCausal || key.rows == query.rows), "queries and keys fit")
        let atOnce = min(AttentionStep.rowsAtOnce, query.rows) * key.rows
        return self.record(
            rows: query.rows, columns: query.columns, inputs: [query, key, value], reads: .inputs,
            rooms: [self.isTraining ? heads * query.rows * key.rows : 0], scratch: atOnce
        ) { [isTraining] y, rooms in
            AttentionStep(
                query: query, key: key, value: value, y: y, heads: heads, isCausal: isCausal,
                probabilities: isTraining ? rooms[0] : nil)
        }
    }

    /// A draw from the normal distribution whose mean and logarithm of the variance are the first and the second half
    /// of a picture's channels: mean + deviation · noise.
    /// - Parameter bounds: what the logarithm of the variance is held in.
    public mutating func draw(
        _ moments: TapeImage, noise: TapeValue, bounds: ClosedRange<Float> = -30...20
    ) -> TapeImage {
        precondition(moments.channels == 2 * noise.rows && noise.columns == moments.value.columns, "noise for each")
        let y = self.record(
            rows: noise.rows, columns: noise.columns, inputs: [moments.value, noise], reads: .inputs
        ) { y, _ in DrawStep(moments: moments.value, noise: noise, y: y, bounds: bounds) }
        return TapeImage(y, height: moments.height, width: moments.width)
    }
}

/// Scores are computed some queries at a time; probabilities are kept where a gradient is asked for.
private struct AttentionStep: TapeStep {
    static let rowsAtOnce = 256

    let query: TapeValue, key: TapeValue, value: TapeValue, y: TapeValue
    let heads: Int
    let isCausal: Bool
    let probabilities: TapeRoom?

    private var width: Int { self.query.columns / self.heads }
    private var factor: Float { 1 / Float(self.width).squareRoot() }

    private func columns(_ head: Int) -> Range<Int> { head * self.width..<(head + 1) * self.width }

    private var chunks: [Range<Int>] {
        stride(from: 0, to: self.query.rows, by: Self.rowsAtOnce).map {
            $0..<min($0 + Self.rowsAtOnce, self.query.rows)
        }
    }

    /// The probabilities of some queries of a head.
    private func scores(_ head: Int, _ rows: Range<Int>, _ run: TapeRun) -> Matrix {
        let keys = self.key.rows
        let start =
            self.probabilities.map { run.room($0) + (head * self.query.rows + rows.lowerBound) * keys } ?? run.scratch
        return Matrix(start, rows: rows.count, columns: keys)
    }

    func forward(_ run: TapeRun) {
        let q = run.value(self.query), k = run.value(self.key), v = run.value(self.value), y = run.value(self.y)
        for head in 0..<self.heads {
            let columns = self.columns(head)
            for rows in self.chunks {
                let scores = self.scores(head, rows, run)
                multiply(
                    q.rows(rows).columns(columns), .plain, k.columns(columns), .transposed, into: scores,
                    factor: self.factor)
                if self.isCausal {
                    for row in 0..<scores.rows {
                        let open = rows.lowerBound + row + 1
                        ck_softmax_rows(scores.row(row), scores.stride, nil, 1, open)
                        (scores.row(row) + open).update(repeating: 0, count: scores.columns - open)
                    }
                } else {
                    ck_softmax_rows(scores.start, scores.stride, nil, scores.rows, scores.columns)
                }
                multiply(scores, .plain, v.columns(columns), .plain, into: y.rows(rows).columns(columns))
            }
        }
    }

    func backward(_ run: TapeRun) {
        let q = run.value(self.query), k = run.value(self.key), v = run.value(self.value)
        let dy = run.upstream(self.y)
        for head in 0..<self.heads {
            let columns = self.columns(head)
            for rows in self.chunks {
                let scores = self.scores(head, rows, run), gradient = dy.rows(rows).columns(columns)
                let dscores = Matrix(run.scratch, rows: rows.count, columns: self.key.rows)
                if let dv = run.gradient(self.value) {
                    multiply(scores, .transposed, gradient, .plain, into: dv.columns(columns), accumulating: true)
                }
                multiply(gradient, .plain, v.columns(columns), .transposed, into: dscores)
                ck_softmax_gradient(
                    scores.start, dscores.start, dscores.start, scores.stride, scores.rows, scores.columns)
                if let dq = run.gradient(self.query) {
                    multiply(
                        dscores, .plain, k.columns(columns), .plain, into: dq.rows(rows).columns(columns),
                        accumulating: true, factor: self.factor)
                }
                if let dk = run.gradient(self.key) {
                    multiply(
                        dscores, .transposed, q.rows(rows).columns(columns), .plain, into: dk.columns(columns),
                        accumulating: true, factor: self.factor)
                }
            }
        }
    }
}

private struct DrawStep: TapeStep {
    let moments: TapeValue, noise: TapeValue, y: TapeValue
    let bounds: ClosedRange<Float>

    private func deviation(_ logarithm: Float) -> Float {
        Float(exp(0.5 * Double(min(max(logarithm, self.bounds.lowerBound), self.bounds.upperBound))))
    }

    func forward(_ run: TapeRun) {
        let moments = run.value(self.moments).start, noise = run.value(self.noise).start, y = run.value(self.y)
        for index in 0..<y.count {
            y.start[index] = moments[index] + self.deviation(moments[y.count + index]) * noise[index]
        }
    }

    func backward(_ run: TapeRun) {
        guard let gradient = run.gradient(self.moments)?.start else { return }
        let moments = run.value(self.moments).start, noise = run.value(self.noise).start, dy = run.upstream(self.y)
        for index in 0..<dy.count {
            gradient[index] += dy.start[index]
            let logarithm = moments[dy.count + index]
            guard self.bounds.contains(logarithm) else { continue }
            gradient[dy.count + index] += dy.start[index] * noise[index] * 0.5 * self.deviation(logarithm)
        }
    }
}
