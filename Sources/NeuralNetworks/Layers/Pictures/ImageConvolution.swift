// SPDX-License-Identifier: Apache-2.0

import CKernels

/// Convolution of pictures: PyTorch's `Conv2d` with a square kernel and a bias, from (channels, cells) to (outputs,
/// places).
///
/// Patches are laid out some places at a time, so that they stay in the cache, and multiplied by SGEMM.
public struct ImageConvolution: Sendable {
    /// (outputs, channels, kernel, kernel).
    public let weight: Parameter
    /// (outputs).
    public let bias: Parameter
    /// The channels that it takes.
    public let channels: Int
    /// The channels that it gives.
    public let outputs: Int
    private let kernel: Int, step: Int
    private let before: Int, after: Int

    /// Adds `NAME.weight` and `NAME.bias`.
    /// - Parameters:
    ///   - kernel: the height and width of the window.
    ///   - step: the cells from place to place.
    ///   - before: the zeros above and on the left.
    ///   - after: the zeros below and on the right.
    ///   - startsAtZero: whether it gives nothing until it has learned.
    public init(
        _ name: String, channels: Int, outputs: Int, kernel: Int = 3, step: Int = 1, before: Int? = nil,
        after: Int? = nil, startsAtZero: Bool = false, in layout: inout ParameterLayout
    ) {
        let field = channels * kernel * kernel
        // torch/nn/modules/conv.py, `reset_parameters`.
        let start = startsAtZero ? Initializer.constant(0) : .uniform(1 / Float(field).squareRoot())
        self.weight = layout.add("\(name).weight", [outputs, channels, kernel, kernel], start)
        self.bias = layout.add("\(name).bias", [outputs], start)
        self.channels = channels
        self.outputs = outputs
        self.kernel = kernel
        self.step = step
        self.before = before ?? kernel / 2
        self.after = after ?? kernel / 2
    }

    private var field: Int { self.channels * self.kernel * self.kernel }
    private var isPlain: Bool { self.kernel == 1 && self.step == 1 && self.before == 0 && self.after == 0 }

    /// The places along a side of so many cells.
    public func places(_ cells: Int) -> Int { (cells + self.before + self.after - self.kernel) / self.step + 1 }

    private func placesAtOnce(_ places: Int) -> Int { min(places, max(64, (1 << 20) / self.field)) }

    /// The floats of scratch that `forward` and `backward` want.
    public func scratchCount(height: Int, width: Int) -> Int {
        self.isPlain ? 0 : self.field * self.placesAtOnce(self.places(height) * self.places(width))
    }

    private func window(_ height: Int, _ width: Int) -> ck_image_window {
        ck_image_window(
            height: height, width: width, out_height: self.places(height), out_width: self.places(width),
            kernel: self.kernel, step: self.step, before: self.before)
    }

    private func matrix(_ start: UnsafeMutablePointer<Float>) -> Matrix {
        Matrix(start, rows: self.outputs, columns: self.field)
    }

    private func chunks(_ count: Int) -> [Range<Int>] {
        let atOnce = self.placesAtOnce(count)
        return stride(from: 0, to: count, by: atOnce).map { $0..<min($0 + atOnce, count) }
    }

    /// y (outputs, places) from x (channels, cells), a picture of `height` lines of `width` cells.
    public func forward(
        _ x: Matrix, into y: Matrix, height: Int, width: Int, scratch: UnsafeMutablePointer<Float>, _ pass: Pass
    ) {
        let weight = self.matrix(pass.value(self.weight))
        if self.isPlain {
            multiply(weight, .plain, x, .plain, into: y)
        } else {
            var window = self.window(height, width)
            for range in self.chunks(y.columns) {
                ck_image_patches(&window, x.start, scratch, self.channels, range.lowerBound, range.count)
                multiply(
                    weight, .plain, Matrix(scratch, rows: self.field, columns: range.count), .plain,
                    into: y.columns(range))
            }
        }
        ck_add_to_rows(y.start, y.stride, pass.value(self.bias), y.rows, y.columns)
    }

    /// The gradients of weight and bias are added up, and dx += that at x where it is wanted.
    public func backward(
        x: Matrix, dy: Matrix, dx: Matrix?, height: Int, width: Int, scratch: UnsafeMutablePointer<Float>,
        _ pass: Pass
    ) {
        let weight = self.matrix(pass.value(self.weight)), dweight = self.matrix(pass.gradient(self.weight))
        ck_add_row_sums(dy.start, pass.gradient(self.bias), dy.rows, dy.columns)
        if self.isPlain {
            multiply(dy, .plain, x, .transposed, into: dweight, accumulating: true)
            if let dx { multiply(weight, .transposed, dy, .plain, into: dx, accumulating: true) }
            return
        }
        var window = self.window(height, width)
        for range in self.chunks(dy.columns) {
            let patches = Matrix(scratch, rows: self.field, columns: range.count), gradient = dy.columns(range)
            ck_image_patches(&window, x.start, scratch, self.channels, range.lowerBound, range.count)
            multiply(gradient, .plain, patches, .transposed, into: dweight, accumulating: true)
            guard let dx else { continue }
            multiply(weight, .transposed, gradient, .plain, into: patches)
            ck_image_patches_backward(&window, scratch, dx.start, self.channels, range.lowerBound, range.count)
        }
    }
}
