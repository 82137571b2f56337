// SPDX-License-Identifier: Apache-2.0

import Codecs
import NeuralNetworks
import Testing

@testable import FrameGeneration

/// The first stage, the text encoder and the conditions against the official ones.
@Suite struct StageGoldenTests {
    @Test(arguments: try LegoGolden.cases("vae"))
    func theFirstStageIsTheOfficialOne(_ name: String) throws {
        let golden = try LegoCase(name), configuration = try golden.firstStage()
        let stage = try FirstStage(configuration, seed: 1)
        try golden.load(stage.parameters, prefix: "first_stage_model.")
        golden.expectAllTaken(stage.parameters, prefix: "first_stage_model.")
        let shape = try golden.shape("input.image"), latent = try golden.shape("input.latent_scaled")
        var means: [Float] = [], variances: [Float] = [], samples: [Float] = [], decoded: [Float] = []
        for sample in 0..<shape[0] {
            let frame = FramePixels(height: shape[2], width: shape[3], values: try golden.sample("input.image", sample))
            let moments = try stage.encode(frame)
            #expect([moments.height, moments.width] == Array(latent[2...]))
            means += moments.mean
            variances += moments.logVariance
            samples += moments.draw(try golden.sample("input.noise", sample), scale: configuration.scale)
            let scaled = try golden.sample("input.latent_scaled", sample)
            decoded += try stage.decode(
                scaled.map { $0 / configuration.scale }, height: latent[2], width: latent[3]
            ).values
        }
        try golden.expect(means, "eval.mean")
        try golden.expect(means, "eval.mode_unscaled")
        try golden.expect(variances, "eval.logvar")
        try golden.expect(samples, "eval.latent_scaled_sample")
        try golden.expect(decoded, "eval.decoded")
    }

    @Test(arguments: try LegoGolden.cases("vae"))
    func variancesAreHeldWithinTheOfficialBounds(_ name: String) throws {
        let golden = try LegoCase(name), shape = try golden.shape("input.clamp_moments")
        var tape = Tape(isTraining: false)
        let moments = tape.input(channels: shape[1], height: shape[2], width: shape[3])
        let noise = tape.input(rows: shape[1] / 2, columns: shape[2] * shape[3])
        let drawn = tape.draw(moments, noise: noise)
        tape.keep(drawn.value)
        let runner = TapeRunner(ParameterLayout(), tape), values = try golden.floats("input.clamp_moments")
        runner.fill(moments.value, values)
        runner.fill(noise, Array(repeating: 1, count: values.count / 2))
        runner.plan.forward(runner.pass)
        let deviations = zip(runner.values(drawn.value), values).map { $0 - $1 }
        try golden.expect(deviations, "eval.clamp_std")
    }

    @Test(arguments: try LegoGolden.cases("clip_text"))
    func theTextEncoderIsTheOfficialOne(_ name: String) throws {
        let golden = try LegoCase(name), configuration = try golden.textEncoder()
        var layout = ParameterLayout(), tape = Tape(isTraining: false)
        let layers = TextEncoderLayers(configuration, prefix: "", in: &layout)
        let ports = layers.write(keepsHidden: true, on: &tape)
        let runner = TapeRunner(layout, tape)
        try golden.load(runner.parameters)
        golden.expectAllTaken(runner.parameters)
        let ids = try golden.file.integers("input.ids"), length = configuration.positions
        var texts: [Float] = [], hidden = ports.hidden.map { _ in [Float]() }
        for start in stride(from: 0, to: ids.count, by: length) {
            let pass = runner.pass
            layers.embed(
                Array(ids[start..<start + length]), into: runner.plan.value(ports.embedded, pass), pass)
            runner.plan.forward(pass)
            texts += runner.values(ports.text)
            for (index, value) in ports.hidden.enumerated() { hidden[index] += runner.values(value) }
        }
        for (index, values) in hidden.enumerated() { try golden.expect(values, "eval.hidden_states.\(index)") }
        try golden.expect(texts, "eval.last_hidden_state")
        // Padding: the prompts by name, without the start and the ends.
        guard case .object(let prompts)? = try golden.config["prompts"] else { return }
        for prompt in prompts {
            let tokens = (prompt.value.array ?? []).compactMap(\.int)
            let words = tokens.dropFirst().prefix { $0 != configuration.end }
            #expect(configuration.pad(Array(words)).tokens == tokens, "\(prompt.key)")
        }
    }

    @Test(arguments: try LegoGolden.cases("conditioning"))
    func conditionsAreTheOfficialOnes(_ name: String) throws {
        let golden = try LegoCase(name), configuration = try golden.conditions()
        var layout = ParameterLayout(), tape = Tape(isTraining: false)
        let layers = ConditionLayers(configuration, in: &layout)
        let ports = layers.write(keepsParts: true, on: &tape)
        tape.keep(ports.context)
        let runner = TapeRunner(layout, tape)
        try golden.load(runner.parameters)
        golden.expectAllTaken(runner.parameters)
        let empty = try golden.floats("input.null_embedding"), random = try golden.floats("input.random")
        var padded: [Float] = [], parts: [[Float]] = Array(repeating: [], count: 2 + configuration.layers)
        var contexts: [Float] = [], frames: [Float] = []
        for (sample, number) in random.enumerated() {
            let kept = configuration.kept(number)
            let words = configuration.pad(try golden.floats("input.llava_text_raw.\(sample)"))
            padded += words
            #expect(kept.text == (try golden.floats("eval.prompt_dropped")[sample] == 0))
            #expect(kept.frame == (try golden.floats("eval.image_kept")[sample] == 1))
            runner.fill(ports.text, kept.text ? try golden.sample("input.text_embeddings", sample) : empty)
            runner.fill(try #require(ports.image), try golden.sample("input.llava_image", sample))
            runner.fill(try #require(ports.words), words)
            runner.fill(try #require(ports.kept), [kept.text ? 1 : 0])
            runner.plan.forward(runner.pass)
            for (index, value) in (ports.projected + ports.mixed).enumerated() { parts[index] += runner.values(value) }
            contexts += runner.values(ports.context)
            frames += try golden.sample("input.concat_mode", sample).map { kept.frame ? $0 : 0 }
        }
        try golden.expect(padded, "eval.llava_text_padded")
        try golden.expect(parts[0], "eval.projected_image")
        try golden.expect(parts[1], "eval.projected_text")
        for index in 0..<configuration.layers {
            try golden.expect(parts[2 + index], "eval.self_attn_mix.\(index)")
        }
        try golden.expect(contexts, "eval.c_crossattn")
        try golden.expect(frames, "eval.c_concat")
    }

    @Test(arguments: try LegoGolden.cases("conditioning"))
    func contextsOfSamplingAreTheOfficialOnes(_ name: String) throws {
        let golden = try LegoCase(name), conditions = try golden.conditions()
        var predictor = NoisePredictorConfiguration()
        (predictor.width, predictor.factors, predictor.groups, predictor.heads) = (4, [1], 2, 2)
        predictor.context = conditions.width
        let denoiser = try Denoiser(DenoiserConfiguration(predictor, conditions), height: 2, width: 2, seed: 1)
        for parameter in denoiser.parameters.layout.parameters
        where golden.file.entry("weights.\(parameter.name)") != nil {
            denoiser.parameters[parameter] = try golden.floats("weights.\(parameter.name)")
        }
        // The file does not say of which sample the contexts are.
        let last = try golden.floats("input.random").count - 1
        let theirs = try golden.floats("eval.inference.context")
        let matches = try (0...last).contains { sample in
            let context = try denoiser.context(
                text: try golden.sample("input.text_embeddings", sample),
                empty: try golden.floats("input.null_embedding"),
                image: try golden.sample("input.llava_image", sample),
                words: conditions.pad(try golden.floats("input.llava_text_raw.\(sample)")))
            try golden.expect(context.empty, "eval.inference.context_uncond")
            let largest = theirs.map { abs($0) }.max() ?? 0, allowed = try golden.tolerance * largest
            return zip(context.context, theirs).allSatisfy { abs($0 - $1) <= allowed }
        }
        #expect(matches, "\(name)")
    }
}
