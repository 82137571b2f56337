// SPDX-License-Identifier: Apache-2.0

import Codecs
import NeuralNetworks
import Testing

@testable import FrameGeneration

/// The UNet against the official one: outputs on the way, gradients, two steps of AdamW and the moving average.
@Suite struct PredictorGoldenTests {
    private func runner(
        _ golden: LegoCase, training: Bool, taps: Bool = false
    ) throws -> (NoisePredictorLayers, NoisePredictorLayers.Ports, TapeRunner) {
        var layout = ParameterLayout(), tape = Tape(isTraining: training)
        let layers = NoisePredictorLayers(try golden.predictor(), prefix: "", in: &layout)
        let shape = try golden.shape(training ? "input.step1.x_start" : "input.x")
        let context = try golden.shape(training ? "input.step1.context" : "input.context")
        let ports = layers.write(
            height: shape[2], width: shape[3], tokens: context[1], keepsTaps: taps, on: &tape)
        let runner = TapeRunner(layout, tape)
        try golden.load(runner.parameters)
        return (layers, ports, runner)
    }

    @Test(arguments: try LegoGolden.cases("unet"))
    func outputsAreTheOfficialOnes(_ name: String) throws {
        let golden = try LegoCase(name)
        let (layers, ports, runner) = try self.runner(golden, training: false, taps: true)
        golden.expectAllTaken(runner.parameters)
        for (times, output, whole) in [
            ("input.timesteps", "eval.output", true), ("input.timesteps_fractional", "eval.output_fractional", false),
        ] {
            let times = try golden.floats(times).map(Double.init)
            var noise: [Float] = [], sines: [Float] = [], taps: [String: [Float]] = [:]
            for (sample, time) in times.enumerated() {
                let sinusoid = layers.sinusoid(time)
                runner.fill(
                    ports.latent.value,
                    try golden.sample("input.x", sample) + golden.sample("input.concat", sample))
                runner.fill(ports.time, sinusoid)
                runner.fill(ports.context, try golden.sample("input.context", sample))
                runner.plan.forward(runner.pass)
                noise += runner.values(ports.noise.value)
                sines += sinusoid
                for (name, value) in ports.taps { taps[name, default: []] += runner.values(value) }
            }
            try golden.expect(noise, output)
            guard whole else { continue }
            try golden.expect(sines, "eval.sinusoid")
            let names = golden.file.names.filter { $0.hasPrefix("eval.") }.map { String($0.dropFirst(5)) }
            for name in names where !name.hasPrefix("output") || name.hasPrefix("output_blocks") {
                guard name != "sinusoid" else { continue }
                try golden.expect(try #require(taps[name], "\(name)"), "eval.\(name)")
            }
        }
    }

    @Test(arguments: try LegoGolden.cases("unet_step"))
    func twoStepsOfTrainingAreTheOfficialOnes(_ name: String) throws {
        let golden = try LegoCase(name), schedule = try golden.schedule()
        let (layers, ports, runner) = try self.runner(golden, training: true)
        let steps = try #require(golden.config["timesteps"]?.array).map { ($0.array ?? []).compactMap(\.int) }
        var adam = Adam.Configuration.adamW
        adam.weightDecay = Float(try #require(golden.config["weight_decay"]?.double))
        let optimizer = Adam(runner.parameters.layout, adam)
        let rate = try #require(golden.config["learning_rate"]?.double)
        let averages = FloatBuffer(runner.parameters.trained.values())
        for (step, times) in steps.enumerated() {
            let place = "step\(step + 1)"
            runner.gradients.clear()
            var loss = 0.0, bound = 0.0, predictions: [Float] = [], noisies: [Float] = []
            for (sample, time) in times.enumerated() {
                let noise = try golden.sample("input.\(place).noise", sample)
                let noisy = DiffusionLoss.noisy(
                    try golden.sample("input.\(place).x_start", sample), noise: noise, schedule.factors(time))
                runner.fill(
                    ports.latent.value, try noisy + golden.sample("input.\(place).concat", sample))
                runner.fill(ports.time, layers.sinusoid(Double(time)))
                runner.fill(ports.context, try golden.sample("input.\(place).context", sample))
                noisies += noisy
                runner.plan.forward(runner.pass)
                predictions += runner.values(ports.noise.value)
                let share = DiffusionLoss.differentiate(
                    runner.plan.value(ports.noise.value, runner.pass), noise: noise, batch: times.count,
                    into: runner.plan.gradient(ports.noise.value, runner.pass))
                loss += share
                bound += share * Double(schedule.tables.boundWeights[time])
                runner.plan.backward(runner.pass)
            }
            try golden.expect(noisies, "eval.\(place).x_noisy")
            try golden.expect([Float(bound)], "eval.\(place).loss_vlb")
            try golden.expect(predictions, "eval.\(place).prediction")
            try golden.expect([Float(loss)], "eval.\(place).loss")
            if step == 0 {
                for parameter in runner.parameters.layout.parameters {
                    try golden.expect(runner.gradient(parameter), "grad.\(parameter.name)")
                }
            }
            optimizer.update(
                runner.parameters, gradients: runner.gradients, learningRate: rate, step: step + 1)
            averages.approach(
                runner.parameters.trained, share: Float(1 - NoiseSchedule.averageDecay(step + 1)))
        }
        try self.compare(golden, runner.parameters.layout, runner.parameters.trained, "after")
        try self.compare(golden, runner.parameters.layout, averages, "ema")
    }

    /// A few elements have gradients so small that AdamW amplifies rounding: the mean over all is the sharp test.
    private func compare(
        _ golden: LegoCase, _ layout: ParameterLayout, _ values: FloatBuffer, _ kind: String
    ) throws {
        let most = try golden.tolerance(of: kind, "largest"), meanMost = try golden.tolerance(of: kind, "mean")
        var sum = 0.0, worst = 0.0
        for parameter in layout.parameters {
            let ours = values.values(parameter.offset..<parameter.offset + parameter.count)
            let theirs = try golden.floats("\(kind).\(parameter.name)")
            #expect(ours.count == theirs.count)
            for (a, b) in zip(ours, theirs) {
                sum += Double(abs(a - b))
                worst = max(worst, Double(abs(a - b)))
            }
        }
        #expect(worst <= most, "\(golden.name): \(kind)")
        #expect(sum / Double(layout.trainedCount) <= meanMost, "\(golden.name): \(kind)")
    }
}
