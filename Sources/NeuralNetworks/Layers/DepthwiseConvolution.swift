// SPDX-License-Identifier: Apache-2.0

import CKernels

/// Convolution of each channel by itself along the sequence: PyTorch's `Conv1d` with `groups` = channels, kernel 7,
/// padding 3, no bias.
public struct DepthwiseConvolution: Sendable {
    /// The taps of the kernel.
    public static let taps = 7

    /// (channels, 1, 7).
    public let weight: Parameter
    private let channels: Int

    /// Adds `NAME.weight`.
    public init(_ name: String, channels: Int, in layout: inout ParameterLayout) {
        self.weight = layout.add("\(name).weight", [channels, 1, Self.taps], .xavierUniform)
        self.channels = channels
    }

    /// The floats of scratch that `forward` and `backward` want.
    public static func scratchCount(channels: Int) -> Int { 2 * self.taps * channels }

    /// y[l, c] = Σₖ weight[c, k] x[l + k − 3, c] within each sequence; x, y (sequences · length, channels).
    public func forward(
        _ x: Matrix, into y: Matrix, length: Int, scratch: UnsafeMutablePointer<Float>, _ pass: Pass
    ) {
        self.transposeWeight(into: scratch, pass)
        for first in stride(from: 0, to: x.rows, by: length) {
            ck_depthwise_forward(x.row(first), scratch, y.row(first), length, self.channels)
        }
    }

    /// dx = the gradient at x; dweight += its own.
    public func backward(
        x: Matrix, dy: Matrix, dx: Matrix, length: Int, scratch: UnsafeMutablePointer<Float>, _ pass: Pass
    ) {
        let count = Self.taps * self.channels
        let gradient = scratch + count
        self.transposeWeight(into: scratch, pass)
        gradient.update(repeating: 0, count: count)
        for first in stride(from: 0, to: x.rows, by: length) {
            ck_depthwise_backward(
                x.row(first), scratch, dy.row(first), dx.row(first), gradient, length, self.channels)
        }
        let sum = pass.gradient(self.weight)
        for channel in 0..<self.channels {
            for tap in 0..<Self.taps { sum[channel * Self.taps + tap] += gradient[tap * self.channels + channel] }
        }
    }

    /// (channels, 7) to (7, channels): neighbouring channels are worked on together.
    private func transposeWeight(into scratch: UnsafeMutablePointer<Float>, _ pass: Pass) {
        let weight = pass.value(self.weight)
        for channel in 0..<self.channels {
            for tap in 0..<Self.taps { scratch[tap * self.channels + channel] = weight[channel * Self.taps + tap] }
        }
    }
}
