// SPDX-License-Identifier: Apache-2.0

import Codecs
import ForecastGolden
import NeuralNetworks
import Testing

@testable import ActionForecasting

/// The recognition head against the official one's, softmax taken twice.
@Suite struct RecognitionGoldenTests {
    @Test(arguments: try ForecastGolden.cases("recognition_head_"))
    func stepsAreTheOfficialOnes(_ name: String) throws {
        let golden = try EncoderCase(name), config = try #require(golden.json["config"])
        let classes = try #require(config["NUM_CLASSES"]?.array).compactMap(\.int)
        let inputs = try #require(config["dim"]?.int), samples = try #require(config["batch"]?.int)
        var layout = ParameterLayout(), plan = WorkspacePlan()
        let head = RecognitionHead("", inputs: inputs, classes: classes, takesSoftmaxTwice: true, in: &layout)
        let cache = head.plan(&plan, samples: samples), slot = plan.floats(samples * inputs)
        let parameters = Parameters(layout, seed: 1), gradients = FloatBuffer(count: layout.trainedCount)
        let workspace = Workspace(plan)
        try golden.load(parameters)
        let pass = Pass(
            parameters: parameters, gradients: gradients, workspace: workspace, dropout: nil, firstSample: 0,
            samples: samples)
        let features = pass.matrix(slot, rows: samples, columns: inputs)
        for (index, value) in try golden.floats("input.features").enumerated() { features.start[index] = value }
        let all = try golden.file.integers("input.labels")
        let labels = classes.indices.map { task in (0..<samples).map { all[$0 * classes.count + task] } }
        let optimizer = try #require(golden.json["optimizer"])
        var configuration = Momentum.Configuration()
        configuration.momentum = Float(try #require(optimizer["momentum"]?.double))
        configuration.weightDecay = Float(try #require(optimizer["weight_decay"]?.double))
        let rule = Momentum(layout, configuration, isNesterov: true), largest = try golden.largestGradient()
        for (step, official) in try #require(optimizer["loss_before_each_step"]?.array).compactMap(\.double)
            .enumerated()
        {
            gradients.clear()
            head.forward(features, cache: cache, pass)
            if step == 0 {
                for (task, output) in ["eval.out_verb", "eval.out_noun"].enumerated() {
                    let ours = head.probabilities(task, rows: samples, cache: cache, pass)
                    EncoderCase.expect(
                        Array(UnsafeBufferPointer(start: ours.start, count: ours.count)), try golden.floats(output),
                        within: 1e-4, output)
                }
            }
            let loss = head.loss(labels, cache: cache, pass)
            #expect(abs(loss - official) <= 1e-5 * official, "step \(step)")
            head.backward(features, dfeatures: nil, cache: cache, pass)
            if step == 0 { try golden.compareGradients(gradients, layout, prefix: "grad.", largest: largest) }
            rule.update(
                parameters, gradients: gradients, learningRate: try #require(optimizer["lr"]?.double), step: step + 1)
        }
        for parameter in layout.parameters {
            EncoderCase.expect(
                parameters[parameter], try golden.floats("after.\(parameter.name)"), within: 1e-5, parameter.name)
        }
    }
}
