// SPDX-License-Identifier: Apache-2.0

import COpenBLAS
import NeuralNetworks

/// The Fréchet distance of two sets of features, each taken as a normal distribution.
///
/// With X and Y the centred features over √(n − 1), the trace of the root of the product of both covariances is the sum
/// of the singular values of X·Yᵀ. No covariance is made and no root taken, so the distance is exact where covariances
/// are singular, as those of fewer samples than columns always are.
public enum FrechetDistance {
    /// The distance.
    /// - Parameters:
    ///   - a: features row by row.
    ///   - b: likewise.
    /// - Returns: `nil` where a set has fewer than two rows, and so no covariance.
    public static func between(_ a: [Double], _ b: [Double], columns: Int) -> Double? {
        precondition(columns > 0 && a.count % columns == 0 && b.count % columns == 0, "rows of \(columns) columns")
        guard let first = Centred(a, columns), let second = Centred(b, columns) else { return nil }
        _ = BLAS.coreType
        let means = zip(first.mean, second.mean).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        let traces = first.squares + second.squares
        return max(means + traces - 2 * Self.nuclearNorm(first.reduced(), second.reduced(), columns), 0)
    }

    /// The sum of the singular values of X·Yᵀ; both column-major with `columns` rows, so that each column is a sample.
    private static func nuclearNorm(_ x: [Double], _ y: [Double], _ columns: Int) -> Double {
        let m = x.count / columns, n = y.count / columns
        guard m > 0, n > 0 else { return 0 }
        var product = [Double](repeating: 0, count: m * n)
        cblas_dgemm(
            CblasColMajor, CblasTrans, CblasNoTrans, Int32(m), Int32(n), Int32(columns), 1, x, Int32(columns), y,
            Int32(columns), 0, &product, Int32(m))
        var values = [Double](repeating: 0, count: min(m, n)), integers = [Int32](repeating: 0, count: 8 * min(m, n))
        var none = [0.0], other = [0.0], info = Int32(0), work = [0.0]
        let rows = [Int32(m)], one = [Int32(1)], job = [CChar](arrayLiteral: 78)  // N: no vectors
        dgesdd_(
            job, rows, [Int32(n)], &product, rows, &values, &none, one, &other, one, &work, [-1], &integers, &info, 1)
        let size = max(Int(work[0]), 1)
        work = [Double](repeating: 0, count: size)
        dgesdd_(
            job, rows, [Int32(n)], &product, rows, &values, &none, one, &other, one, &work, [Int32(size)], &integers,
            &info, 1)
        precondition(info >= 0, "the arguments are right")
        // It has not converged, which finite numbers do not bring about: no number is better than a wrong one.
        return info == 0 ? values.reduce(0, +) : .nan
    }

    /// Features less their mean, over √(n − 1).
    private struct Centred {
        var mean: [Double]
        var rows: Int
        /// Sample by sample.
        var values: [Double]

        init?(_ features: [Double], _ columns: Int) {
            let rows = features.count / columns
            guard rows > 1 else { return nil }
            var mean = [Double](repeating: 0, count: columns), values = features
            for row in 0..<rows {
                for column in 0..<columns { mean[column] += features[row * columns + column] }
            }
            for column in 0..<columns { mean[column] /= Double(rows) }
            let scale = 1 / Double(rows - 1).squareRoot()
            for row in 0..<rows {
                for column in 0..<columns {
                    values[row * columns + column] = (features[row * columns + column] - mean[column]) * scale
                }
            }
            self.mean = mean
            self.rows = rows
            self.values = values
        }

        /// The trace of the covariance.
        var squares: Double { self.values.reduce(0) { $0 + $1 * $1 } }

        /// At most `columns` samples with the same covariance: where there are more, the triangle R of Q R.
        func reduced() -> [Double] {
            let columns = self.mean.count
            guard self.rows > columns else { return self.values }
            // Column-major: each column a feature.
            var matrix = [Double](repeating: 0, count: self.values.count)
            for row in 0..<self.rows {
                for column in 0..<columns { matrix[column * self.rows + row] = self.values[row * columns + column] }
            }
            let rows = [Int32(self.rows)], width = [Int32(columns)]
            var factors = [Double](repeating: 0, count: columns), info = Int32(0), work = [0.0]
            dgeqrf_(rows, width, &matrix, rows, &factors, &work, [-1], &info)
            let size = max(Int(work[0]), 1)
            work = [Double](repeating: 0, count: size)
            dgeqrf_(rows, width, &matrix, rows, &factors, &work, [Int32(size)], &info)
            precondition(info == 0, "the arguments are right")
            var triangle = [Double](repeating: 0, count: columns * columns)
            for row in 0..<columns {
                for column in row..<columns {
                    triangle[row * columns + column] = matrix[column * self.rows + row]
                }
            }
            return triangle
        }
    }
}
