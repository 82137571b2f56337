// SPDX-License-Identifier: Apache-2.0

import CKernels

/// The largest value of each channel under a window: PyTorch's `MaxPool3d`.
public struct GridMaxPooling: Sendable {
    /// The window.
    public let window: GridWindow

    /// A window of which each place has a cell of the grid.
    /// - Precondition: it has at most 256 taps.
    public init(window: GridWindow) {
        precondition(window.kernel.count <= 256, "\(window.kernel.count) taps")
        self.window = window
    }

    /// Reserves what a forward pass keeps: which tap was the largest.
    public func plan(_ plan: inout WorkspacePlan, channels: Int) -> ByteSlot {
        plan.bytes(self.window.to.count * channels)
    }

    /// y (places, channels) from x (cells, channels).
    public func forward(_ x: Matrix, into y: Matrix, taps: ByteSlot, _ pass: Pass) {
        self.check(x, y)
        var window = self.window.raw
        ck_grid_max_forward(&window, x.start, y.start, pass[taps], x.columns)
    }

    /// dx += the gradient at x.
    public func backward(dy: Matrix, dx: Matrix, taps: ByteSlot, _ pass: Pass) {
        self.check(dx, dy)
        var window = self.window.raw
        ck_grid_max_backward(&window, dy.start, pass[taps], dx.start, dx.columns)
    }

    private func check(_ x: Matrix, _ y: Matrix) {
        precondition(
            x.rows == self.window.from.count && y.rows == self.window.to.count && x.columns == y.columns
                && x.stride == x.columns && y.stride == y.columns, "a row a cell and a row a place")
    }
}
