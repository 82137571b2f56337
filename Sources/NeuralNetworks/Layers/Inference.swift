// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Layers for inference alone: weights are their own, and nothing is kept for a gradient. They are what frozen encoders
/// are made of.
public enum Inference {
    /// y = x Wᵀ + b.
    public struct Dense: Sendable {
        /// (outputs, inputs).
        public let weight: FloatBuffer
        /// (outputs).
        public let bias: FloatBuffer
        /// The columns that it takes.
        public let inputs: Int
        /// The columns that it gives.
        public let outputs: Int

        /// Takes the weights as they are.
        /// - Precondition: they have the sizes.
        public init(weight: FloatBuffer, bias: FloatBuffer, inputs: Int, outputs: Int) {
            precondition(weight.count == inputs * outputs && bias.count == outputs, "\(outputs) × \(inputs)")
            self.weight = weight
            self.bias = bias
            self.inputs = inputs
            self.outputs = outputs
        }

        /// y (rows, outputs) from x (rows, inputs).
        public func apply(_ x: Matrix, into y: Matrix) {
            multiply(
                x, .plain, Matrix(self.weight.start, rows: self.outputs, columns: self.inputs), .transposed, into: y)
            for row in 0..<y.rows {
                let to = y.row(row)
                for column in 0..<self.outputs { to[column] += self.bias.start[column] }
            }
        }
    }

    /// Layer norm: each row to mean 0 and deviation 1, then times a weight, plus a bias.
    public struct Norm: Sendable {
        /// One number a column.
        public let weight: FloatBuffer
        /// One number a column.
        public let bias: FloatBuffer

        /// Takes the weights as they are.
        public init(weight: FloatBuffer, bias: FloatBuffer) {
            self.weight = weight
            self.bias = bias
        }

        /// Normalizes the rows in place; means and squares are summed in Float64.
        public func apply(_ x: Matrix, epsilon: Float) {
            for row in 0..<x.rows {
                let values = x.row(row)
                var sum = 0.0
                for column in 0..<x.columns { sum += Double(values[column]) }
                let mean = Float(sum / Double(x.columns))
                var squares = 0.0
                for column in 0..<x.columns {
                    let difference = Double(values[column] - mean)
                    squares += difference * difference
                }
                let scale = 1 / (Float(squares / Double(x.columns)) + epsilon).squareRoot()
                for column in 0..<x.columns {
                    values[column] =
                        (values[column] - mean) * scale * self.weight.start[column] + self.bias.start[column]
                }
            }
        }
    }

    /// context = softmax(q kᵀ / √width of a head) v, head by head.
    /// - Parameters:
    ///   - query: (rows, width).
    ///   - key: (keys, width), likewise `value`.
    ///   - scores: scratch (rows, keys).
    ///   - context: (rows, width).
    public static func attend(
        query: Matrix, key: Matrix, value: Matrix, heads: Int, scores: Matrix, into context: Matrix
    ) {
        let width = query.columns / heads, factor = 1 / Float(width).squareRoot()
        for head in 0..<heads {
            let columns = head * width..<(head + 1) * width
            multiply(
                query.columns(columns), .plain, key.columns(columns), .transposed, into: scores, factor: factor)
            for row in 0..<scores.rows { Self.softmax(scores.row(row), scores.columns) }
            multiply(scores, .plain, value.columns(columns), .plain, into: context.columns(columns))
        }
    }

    /// y += x.
    public static func add(_ x: Matrix, to y: Matrix) {
        for row in 0..<y.rows {
            let from = x.row(row)
            let to = y.row(row)
            for column in 0..<y.columns { to[column] += from[column] }
        }
    }

    /// The exact GELU in place: x/2 · (1 + erf(x/√2)).
    public static func gelu(_ x: Matrix) {
        for row in 0..<x.rows {
            let values = x.row(row)
            for column in 0..<x.columns {
                values[column] = values[column] * 0.5 * (1 + erff(values[column] * 0.707_106_77))
            }
        }
    }

    private static func softmax(_ x: UnsafeMutablePointer<Float>, _ count: Int) {
        var highest = -Float.infinity
        for index in 0..<count { highest = max(highest, x[index]) }
        var sum: Float = 0
        for index in 0..<count {
            x[index] = expf(x[index] - highest)
            sum += x[index]
        }
        for index in 0..<count { x[index] /= sum }
    }
}
