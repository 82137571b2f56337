// SPDX-License-Identifier: Apache-2.0

import CKernels

/// Normalisation over groups of a picture's channels: PyTorch's `GroupNorm`.
public struct GroupNorm: Sendable {
    /// The scale of each channel.
    public let weight: Parameter
    /// The shift of each channel.
    public let bias: Parameter
    /// The number of groups.
    public let groups: Int
    private let epsilon: Float

    /// Adds `NAME.weight` and `NAME.bias` of `channels` elements.
    /// - Precondition: channels divide into groups.
    public init(_ name: String, channels: Int, groups: Int, epsilon: Float, in layout: inout ParameterLayout) {
        precondition(channels % groups == 0, "\(channels) channels do not divide into \(groups) groups")
        self.weight = layout.add("\(name).weight", [channels], .constant(1))
        self.bias = layout.add("\(name).bias", [channels], .constant(0))
        self.groups = groups
        self.epsilon = epsilon
    }

    /// y from x, both (channels, cells); `statistics` (groups, 2) keeps what the gradient needs.
    public func forward(_ x: Matrix, into y: Matrix, statistics: UnsafeMutablePointer<Float>, _ pass: Pass) {
        ck_group_norm_forward(
            x.start, pass.value(self.weight), pass.value(self.bias), self.epsilon, y.start, statistics, x.rows,
            x.columns, self.groups)
    }

    /// dx += the gradient at x where it is wanted; those of weight and bias likewise.
    public func backward(
        x: Matrix, statistics: UnsafeMutablePointer<Float>, dy: Matrix, dx: Matrix?, _ pass: Pass
    ) {
        ck_group_norm_backward(
            x.start, statistics, pass.value(self.weight), dy.start, dx?.start, pass.gradient(self.weight),
            pass.gradient(self.bias), x.rows, x.columns, self.groups)
    }
}
