// SPDX-License-Identifier: Apache-2.0

import NeuralNetworks
import Testing

/// Descent with momentum, by numbers that `torch.optim.SGD(momentum=0.9, weight_decay=0.1)` gives.
@Suite struct MomentumTests {
    @Test func stepsAreThoseOfPyTorch() {
        var layout = ParameterLayout(decays: { $0 != "bias" })
        let weight = layout.add("weight", [2, 1], .constant(1)), bias = layout.add("bias", [1], .constant(1))
        _ = layout.add("frozen", [1], .constant(3), isTrained: false)
        var configuration = Momentum.Configuration()
        configuration.weightDecay = 0.1
        let parameters = Parameters(layout, seed: 1), optimizer = Momentum(layout, configuration)
        parameters[weight] = [1, -2]
        // Halved by the clip.
        let gradients = FloatBuffer([1, 0, 1])
        let expected: [(weight: [Float], bias: Float, velocity: [Float])] = [
            ([0.94, -1.98], 0.95, [0.6, -0.2, 0.5]), ([0.8266, -1.9422], 0.855, [1.134, -0.378, 0.95]),
        ]
        for (step, values) in expected.enumerated() {
            optimizer.update(parameters, gradients: gradients, clip: 0.5, learningRate: 0.1, step: step + 1)
            for (got, wanted) in zip(parameters[weight] + parameters[bias], values.weight + [values.bias]) {
                #expect(abs(got - wanted) < 1e-6)
            }
            for (got, wanted) in zip(optimizer.velocity.values(), values.velocity) { #expect(abs(got - wanted) < 1e-6) }
        }
        #expect(parameters.frozen.values() == [3])
        #expect(Momentum.stateNames.count == optimizer.state.count)
    }
}
