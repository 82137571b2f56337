// SPDX-License-Identifier: Apache-2.0

import CKernels

/// Dense convolution over time, height and width: PyTorch's `Conv3d` with bias, from channels of cells to rows, a place
/// each.
///
/// Patches are laid out a few places at a time, so that they stay in the cache, and multiplied by SGEMM.
public struct PatchConvolution: Sendable {
    /// (outputs, channels, time, height, width).
    public let weight: Parameter
    /// (outputs).
    public let bias: Parameter
    /// The window.
    public let window: GridWindow
    /// The columns of y.
    public let outputs: Int
    private let channels: Int
    private static let placesAtOnce = 256

    /// Adds `NAME.weight` and `NAME.bias`.
    public init(_ name: String, channels: Int, outputs: Int, window: GridWindow, in layout: inout ParameterLayout) {
        self.weight = layout.add("\(name).weight", [outputs, channels] + window.kernel.axes, .xavierUniform)
        self.bias = layout.add("\(name).bias", [outputs], .constant(0))
        self.window = window
        self.channels = channels
        self.outputs = outputs
    }

    private var field: Int { self.channels * self.window.kernel.count }

    /// The floats of scratch that `forward` and `backward` want.
    public var scratchCount: Int { min(Self.placesAtOnce, self.window.to.count) * self.field }

    private func weightMatrix(_ start: UnsafeMutablePointer<Float>) -> Matrix {
        Matrix(start, rows: self.outputs, columns: self.field)
    }

    private var chunks: StrideTo<Int> { stride(from: 0, to: self.window.to.count, by: Self.placesAtOnce) }

    /// y (places, outputs) = the weighted sums under the window, from x (channels, cells).
    public func forward(
        _ x: UnsafePointer<Float>, into y: Matrix, scratch: UnsafeMutablePointer<Float>, _ pass: Pass
    ) {
        precondition(y.rows == self.window.to.count && y.stride == y.columns, "a row a place")
        var window = self.window.raw
        for first in self.chunks {
            let count = min(Self.placesAtOnce, y.rows - first), to = y.rows(first..<first + count)
            ck_grid_patches(&window, x, scratch, self.channels, first, count)
            multiply(
                Matrix(scratch, rows: count, columns: self.field), .plain,
                self.weightMatrix(pass.value(self.weight)), .transposed, into: to)
            ck_add_bias(to.start, pass.value(self.bias), count, self.outputs)
        }
    }

    /// The gradients of weight and bias are added up, and dx (channels, cells) += that at x where it is wanted.
    public func backward(
        x: UnsafePointer<Float>, dy: Matrix, dx: UnsafeMutablePointer<Float>?,
        scratch: UnsafeMutablePointer<Float>, _ pass: Pass
    ) {
        precondition(dy.rows == self.window.to.count && dy.stride == dy.columns, "a row a place")
        var window = self.window.raw
        ck_add_column_sums(dy.start, pass.gradient(self.bias), dy.rows, dy.columns)
        for first in self.chunks {
            let count = min(Self.placesAtOnce, dy.rows - first), gradient = dy.rows(first..<first + count)
            let patches = Matrix(scratch, rows: count, columns: self.field)
            ck_grid_patches(&window, x, scratch, self.channels, first, count)
            multiply(
                gradient, .transposed, patches, .plain, into: self.weightMatrix(pass.gradient(self.weight)),
                accumulating: true)
            guard let dx else { continue }
            multiply(gradient, .plain, self.weightMatrix(pass.value(self.weight)), .plain, into: patches)
            ck_grid_patches_backward(&window, scratch, dx, self.channels, first, count)
        }
    }
}
