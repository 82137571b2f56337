// SPDX-License-Identifier: Apache-2.0

import Codecs
import NeuralNetworks
import Testing

@testable import FrameGeneration

/// All parts together against the official ones: one step of training, and one frame.
@Suite struct WholeGoldenTests {
    private struct Parts {
        let stage: FirstStage, encoder: TextEncoder
        let configuration: DenoiserConfiguration

        init(_ golden: LegoCase) throws {
            self.stage = try FirstStage(try golden.firstStage(), seed: 1)
            self.encoder = try TextEncoder(try golden.textEncoder(), seed: 1)
            self.configuration = DenoiserConfiguration(try golden.predictor(), try golden.conditions())
            #expect(self.configuration.problem() == nil)
            try golden.load(self.stage.parameters, prefix: "first_stage_model.")
            try golden.load(self.encoder.parameters, prefix: "cond_stage_model.transformer.")
        }
    }

    @Test(arguments: try LegoGolden.cases("ldm_step"))
    func aStepFromImagesToGradientsIsTheOfficialOne(_ name: String) throws {
        let golden = try LegoCase(name), parts = try Parts(golden), schedule = try golden.schedule()
        let scale = parts.stage.configuration.scale, shape = try golden.shape("input.image_0")
        let latent = try golden.shape("input.noise"), conditions = parts.configuration.conditions
        var layout = ParameterLayout(), tape = Tape(isTraining: true)
        let layers = DenoiserLayers(parts.configuration, in: &layout)
        let ports = layers.write(height: latent[2], width: latent[3], withConditions: true, on: &tape)
        tape.keep(ports.predictor.context)
        let runner = TapeRunner(layout, tape)
        try golden.load(runner.parameters, prefix: "model.diffusion_model.")
        let ids = try golden.file.integers("input.ids"), length = parts.encoder.configuration.positions
        let empty = try parts.encoder.encode(try golden.file.integers("input.null_ids"))
        let times = try #require(golden.config["timesteps"]?.array).compactMap(\.int)
        let random = try golden.floats("input.random")
        var latents: [Float] = [], frames: [Float] = [], contexts: [Float] = [], loss = 0.0
        for (sample, time) in times.enumerated() {
            func frame(_ name: String) throws -> FirstStage.Moments {
                try parts.stage.encode(
                    FramePixels(height: shape[2], width: shape[3], values: try golden.sample(name, sample)))
            }
            let kept = conditions.kept(random[sample]), noise = try golden.sample("input.noise", sample)
            let z = try frame("input.image_1").draw(try golden.sample("input.posterior_noise", sample), scale: scale)
            let seen = try frame("input.image_0").mean.map { kept.frame ? $0 : 0 }
            let text = try parts.encoder.encode(Array(ids[sample * length..<(sample + 1) * length]))
            let given = try #require(ports.conditions), predictor = ports.predictor
            runner.fill(given.text, kept.text ? text : empty)
            runner.fill(try #require(given.image), try golden.sample("input.llava_image", sample))
            runner.fill(try #require(given.words), conditions.pad(try golden.sample("input.llava_text", sample)))
            runner.fill(try #require(given.kept), [kept.text ? 1 : 0])
            runner.fill(
                predictor.latent.value, DiffusionLoss.noisy(z, noise: noise, schedule.factors(time)) + seen)
            runner.fill(predictor.time, layers.predictor.sinusoid(Double(time)))
            runner.plan.forward(runner.pass)
            contexts += runner.values(predictor.context)
            latents += z
            frames += seen
            loss += DiffusionLoss.differentiate(
                runner.plan.value(predictor.noise.value, runner.pass), noise: noise, batch: times.count,
                into: runner.plan.gradient(predictor.noise.value, runner.pass))
            runner.plan.backward(runner.pass)
        }
        try golden.expect(latents, "eval.z")
        try golden.expect(frames, "eval.concat")
        try golden.expect(contexts, "eval.context")
        try golden.expect([Float(loss)], "eval.loss")
        for name in golden.file.names where name.hasPrefix("grad.") {
            let parameter = try #require(layout[String(name.dropFirst(5))], "\(name)")
            try golden.expect(runner.gradient(parameter), name)
        }
    }

    @Test(arguments: try LegoGolden.cases("generate"), [1, 2])
    func aFrameIsTheOfficialOne(_ name: String, _ threads: Int) throws {
        let golden = try LegoCase(name), parts = try Parts(golden)
        let image = try golden.shape("input.image"), noise = try golden.floats("input.noise")
        let shape = try golden.shape("input.noise"), count = shape.dropFirst().reduce(1, *)
        let denoiser = try Denoiser(
            parts.configuration, height: shape[2], width: shape[3], seed: 1, threads: threads)
        try golden.load(denoiser.parameters, prefix: "model.diffusion_model.")
        let guidance = Guidance(
            text: try #require(golden.config["text_scale"]?.double),
            frame: try #require(golden.config["image_scale"]?.double))
        let sampling = Sampling(
            try golden.schedule(), guidance, steps: try #require(golden.config["steps"]?.int))
        let moments = try parts.stage.encode(
            FramePixels(height: image[1], width: image[2], values: try golden.floats("input.image")))
        let words = parts.configuration.conditions.pad(try golden.floats("input.llava_text"))
        let context = try denoiser.context(
            text: try parts.encoder.encode(try golden.file.integers("input.ids")),
            empty: try parts.encoder.encode(try golden.file.integers("input.null_ids")),
            image: try golden.floats("input.llava_image"), words: words)
        let latent = try sampling.euler(
            initial: Array(noise[..<count]),
            Conditions(context: context.context, empty: context.empty, frame: moments.mean),
            noise: { Array(noise[($0 + 1) * count..<($0 + 2) * count]) }, denoiser)
        let decoded = try parts.stage.decode(
            latent.map { $0 / parts.stage.configuration.scale }, height: shape[2], width: shape[3])
        try golden.expect(decoded.values, "eval.decoded")
        let size = try #require(golden.config["original_width_height"]?.array).compactMap(\.int)
        let height = try #require(golden.config["res"]?.int)
        let resized = decoded.resized(
            height: height, width: FrameOutput.width(of: (size[0], size[1]), height: height))
        try golden.expect(resized.values, "eval.resized")
        try golden.expect(FrameOutput.official.scaled(resized), "eval.minmax255")
        let ours = FrameOutput.official.bytes(resized), theirs = Array(try golden.file.bytes("eval.uint8"))
        #expect(ours.count == theirs.count)
        let apart = zip(ours, theirs).map { abs(Int($0) - Int($1)) }
        #expect(apart.allSatisfy { $0 <= 1 })
        #expect(apart.count { $0 > 0 } * 100 < apart.count)
    }
}
