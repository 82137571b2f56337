// SPDX-License-Identifier: Apache-2.0

import CKernels

/// Convolution of each channel by itself over time, height and width: PyTorch's `Conv3d` with `groups` = channels and
/// no bias. Several heads side by side share one set of weights.
public struct GridDepthwiseConvolution: Sendable {
    /// (channels of a head, 1, time, height, width).
    public let weight: Parameter
    /// The window.
    public let window: GridWindow
    /// The columns of x and y: those of all heads.
    public let channels: Int
    private let heads: Int

    /// Adds `NAME.weight` for `channels` / `heads` channels.
    public init(
        _ name: String, channels: Int, heads: Int = 1, window: GridWindow, in layout: inout ParameterLayout
    ) {
        precondition(channels % heads == 0, "\(channels) channels do not divide into \(heads) heads")
        self.weight = layout.add("\(name).weight", [channels / heads, 1] + window.kernel.axes, .xavierUniform)
        self.window = window
        self.channels = channels
        self.heads = heads
    }

    /// The floats of scratch that `forward` and `backward` want.
    public var scratchCount: Int { 2 * self.window.kernel.count * self.channels }

    /// y (places, channels) from x (cells, channels).
    public func forward(_ x: Matrix, into y: Matrix, scratch: UnsafeMutablePointer<Float>, _ pass: Pass) {
        self.check(x, y)
        var window = self.window.raw
        self.spreadWeight(into: scratch, pass)
        ck_grid_depthwise_forward(&window, x.start, scratch, y.start, self.channels)
    }

    /// dx += the gradient at x where it is wanted; dweight += its own.
    public func backward(
        x: Matrix, dy: Matrix, dx: Matrix?, scratch: UnsafeMutablePointer<Float>, _ pass: Pass
    ) {
        self.check(x, dy)
        var window = self.window.raw
        let taps = self.window.kernel.count, gradient = scratch + taps * self.channels
        self.spreadWeight(into: scratch, pass)
        gradient.update(repeating: 0, count: taps * self.channels)
        ck_grid_depthwise_backward(&window, x.start, scratch, dy.start, dx?.start, gradient, self.channels)
        let sum = pass.gradient(self.weight), width = self.channels / self.heads
        for head in 0..<self.heads {
            for channel in 0..<width {
                for tap in 0..<taps {
                    sum[channel * taps + tap] += gradient[tap * self.channels + head * width + channel]
                }
            }
        }
    }

    private func check(_ x: Matrix, _ y: Matrix) {
        precondition(
            x.rows == self.window.from.count && y.rows == self.window.to.count && x.columns == self.channels
                && y.columns == self.channels && x.stride == x.columns && y.stride == y.columns,
            "a row a cell and a row a place")
    }

    /// (channels of a head, taps) to (taps, channels of all heads).
    private func spreadWeight(into scratch: UnsafeMutablePointer<Float>, _ pass: Pass) {
        let weight = pass.value(self.weight), taps = self.window.kernel.count, width = self.channels / self.heads
        for tap in 0..<taps {
            let row = scratch + tap * self.channels
            for channel in 0..<width { row[channel] = weight[channel * taps + tap] }
            for head in 1..<max(self.heads, 1) { (row + head * width).update(from: row, count: width) }
        }
    }
}
