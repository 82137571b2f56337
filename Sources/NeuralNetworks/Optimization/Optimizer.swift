// SPDX-License-Identifier: Apache-2.0

/// Moves trained parameters by their gradients, with a state of its own that a checkpoint keeps.
public protocol Optimizer: AnyObject {
    /// The names of the parts of the state in a checkpoint.
    static var stateNames: [String] { get }
    /// The parts in the order of their names, each with as many floats as are trained. Always the same buffers.
    var state: [FloatBuffer] { get }
    /// Says what is wrong with a part that was read, or nothing. All its numbers are finite.
    static func problem(_ name: String, _ values: [Float]) -> String?

    /// Moves the parameters.
    /// - Parameters:
    ///   - gradients: as many as there are trained parameters.
    ///   - clip: what the gradients are multiplied by, from `GradientClipping`.
    ///   - step: the number of this update, 1 for the first.
    func update(_ parameters: Parameters, gradients: FloatBuffer, clip: Float, learningRate: Double, step: Int)
}
