// SPDX-License-Identifier: Apache-2.0

import Codecs
import Glibc

/// The values of a model's parameters, each kind in one buffer with named views.
public final class Parameters: Sendable {
    /// The place of each tensor.
    public let layout: ParameterLayout
    /// The floats of the trained parameters.
    public let trained: FloatBuffer
    /// The floats of the frozen ones.
    public let frozen: FloatBuffer

    /// Creates parameters with their initial values; the same seed gives the same values. Each tensor has a stream of
    /// its own, so that a layer more or less leaves the others as they are.
    public init(_ layout: ParameterLayout, seed: UInt64) {
        self.layout = layout
        self.trained = FloatBuffer(count: layout.trainedCount)
        self.frozen = FloatBuffer(count: layout.frozenCount)
        for (parameter, initializer) in zip(layout.parameters, layout.initializers) {
            var random = PhiloxGenerator(seed: seed, stream: parameter.name)
            self[parameter] = initializer.values(parameter.shape, &random)
        }
    }

    /// The values of one parameter, copied out and in.
    /// - Precondition: what is assigned has the parameter's count.
    public subscript(_ parameter: Parameter) -> [Float] {
        get { (parameter.isTrained ? self.trained : self.frozen).values(parameter.range) }
        set {
            precondition(newValue.count == parameter.count, "\(parameter.name) has \(parameter.count) elements")
            (parameter.isTrained ? self.trained : self.frozen).assign(newValue, at: parameter.offset)
        }
    }

    /// One parameter as a tensor to write, where it lies.
    public func tensor(_ parameter: Parameter, named name: String? = nil) -> SafetensorsWriter.Tensor {
        SafetensorsWriter.Tensor(
            name ?? parameter.name, shape: parameter.shape,
            .buffer(parameter.isTrained ? self.trained : self.frozen, at: parameter.offset))
    }

    /// The SHA-256 of one parameter's values as a file holds them, in lower-case hexadecimal.
    public func digest(_ parameter: Parameter) -> String {
        var hash = ContentHash.Stream()
        self.tensor(parameter).withBytes { hash.update($0) }
        return hash.finish()
    }
}

extension Initializer {
    func values(_ shape: [Int], _ random: inout PhiloxGenerator) -> [Float] {
        let count = shape.reduce(1, *)
        switch self {
        case .constant(let value):
            return [Float](repeating: value, count: count)
        case .uniform(let bound):
            return (0..<count).map { _ in (2 * random.unit() - 1) * bound }
        case .xavierUniform:
            // torch/nn/init.py, `_calculate_fan_in_and_fan_out`: the dimensions after the second are the receptive
            // field.
            let field = shape.dropFirst(2).reduce(1, *)
            let fans = Float((shape[0] + shape[1]) * field)
            return Initializer.uniform((6 / fans).squareRoot()).values(shape, &random)
        case .normal(let zeroRows):
            let width = shape.dropFirst().reduce(1, *)
            return (0..<count).map { index in
                let value = random.normal()
                return index < zeroRows * width ? 0 : value
            }
        }
    }
}
