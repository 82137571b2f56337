// SPDX-License-Identifier: Apache-2.0

import NeuralNetworks

/// Pooling of tokens: a depthwise convolution over the patches, which the token of the class passes by, and a layer
/// norm over each head of all.
struct TokenPool: Sendable {
    let convolution: GridDepthwiseConvolution
    private let norm: LayerNorm
    private let heads: Int

    struct Cache: Sendable {
        fileprivate let sums: FloatSlot, statistics: FloatSlot
        fileprivate let scratch: FloatSlot
    }

    init(
        _ name: String, norm: String, channels: Int, heads: Int, window: GridWindow, epsilon: Float,
        in layout: inout ParameterLayout
    ) {
        self.convolution = GridDepthwiseConvolution(name, channels: channels, heads: heads, window: window, in: &layout)
        self.norm = LayerNorm(norm, width: channels / heads, epsilon: epsilon, in: &layout)
        self.heads = heads
    }

    private var rows: Int { self.convolution.window.to.count + 1 }
    private var channels: Int { self.convolution.channels }

    /// The parameter that moves all pooled keys alike.
    var bias: Parameter { self.norm.bias }

    func plan(_ plan: inout WorkspacePlan) -> Cache {
        Cache(
            sums: plan.floats(self.rows * self.channels), statistics: plan.floats(2 * self.rows * self.heads),
            scratch: plan.floats(self.convolution.scratchCount))
    }

    /// The floats of the gradient at what the norm takes.
    var gradientCount: Int { self.rows * self.channels }

    /// y (1 + places, channels) from x (1 + cells, channels), rows following each other.
    func forward(_ x: Matrix, into y: Matrix, cache: Cache, _ pass: Pass) {
        let sums = pass.matrix(cache.sums, rows: self.rows, columns: self.channels)
        sums.start.update(from: x.start, count: self.channels)
        self.convolution.forward(x.rows(1..<x.rows), into: sums.rows(1..<self.rows), scratch: pass[cache.scratch], pass)
        self.norm.forward(
            self.byHead(sums), into: self.byHead(y), statistics: pass[cache.statistics], pass)
    }

    /// dx += the gradient at x where it is wanted.
    /// - Parameter scratch: `gradientCount` floats.
    func backward(
        x: Matrix, dy: Matrix, dx: Matrix?, scratch: UnsafeMutablePointer<Float>, cache: Cache, _ pass: Pass
    ) {
        let sums = pass.matrix(cache.sums, rows: self.rows, columns: self.channels)
        let dsums = Matrix(scratch, rows: self.rows, columns: self.channels)
        dsums.start.update(repeating: 0, count: dsums.count)
        self.norm.backward(
            x: self.byHead(sums), statistics: pass[cache.statistics], dy: self.byHead(dy), dx: self.byHead(dsums), pass)
        if let dx { for column in 0..<self.channels { dx.start[column] += dsums.start[column] } }
        self.convolution.backward(
            x: x.rows(1..<x.rows), dy: dsums.rows(1..<self.rows), dx: dx.map { $0.rows(1..<$0.rows) },
            scratch: pass[cache.scratch], pass)
    }

    private func byHead(_ matrix: Matrix) -> Matrix {
        Matrix(matrix.start, rows: matrix.rows * self.heads, columns: self.channels / self.heads)
    }

}
