// SPDX-License-Identifier: Apache-2.0

import Codecs
import NeuralNetworks
import Testing

@testable import FrameGeneration

/// Schedules and samplers against the official ones.
@Suite struct SamplingGoldenTests {
    private func expect(
        _ ours: [Double], _ golden: LegoCase, _ name: String, relative: Double = 0, absolute: Double = 0
    ) throws {
        let theirs = try golden.floats(name).map(Double.init)
        #expect(ours.count == theirs.count, "\(golden.name): \(name)")
        for (index, (a, b)) in zip(ours, theirs).enumerated() where !(abs(a - b) <= relative * abs(b) + absolute) {
            Issue.record("\(golden.name): \(name)[\(index)] is \(a), official \(b)")
            return
        }
    }

    @Test(arguments: try LegoGolden.cases("schedule"))
    func tablesAreTheOfficialOnes(_ name: String) throws {
        let golden = try LegoCase(name), schedule = try golden.schedule(), tables = schedule.tables
        func products(_ value: (Double) -> Double) -> [Double] { schedule.products.map { Double(Float(value($0))) } }
        let buffers: [(String, [Double])] = [
            ("betas", schedule.betas), ("alphas_cumprod", schedule.products),
            ("alphas_cumprod_prev", tables.previous.map(Double.init)),
            ("sqrt_alphas_cumprod", products { $0.squareRoot() }),
            ("sqrt_one_minus_alphas_cumprod", products { (1 - $0).squareRoot() }),
            ("posterior_variance", tables.posteriorVariance.map(Double.init)),
            ("posterior_log_variance_clipped", tables.posteriorLogVariance.map(Double.init)),
            ("posterior_mean_coef1", tables.pictureFactor.map(Double.init)),
            ("posterior_mean_coef2", tables.noisyFactor.map(Double.init)),
            ("lvlb_weights", tables.boundWeights.map(Double.init)),
        ]
        for (key, values) in buffers { try self.expect(values, golden, "eval.\(key)", relative: 1e-6) }
        for time in [0, 1, schedule.count / 2, schedule.count - 1] {
            let factors = schedule.factors(time)
            #expect(abs(factors.picture - (try golden.floats("eval.sqrt_alphas_cumprod")[time])) <= 1e-6)
            #expect(abs(factors.noise - (try golden.floats("eval.sqrt_one_minus_alphas_cumprod")[time])) <= 1e-6)
        }
        try self.expect(schedule.sigmas.map(Double.init), golden, "eval.sigmas", relative: 2e-6)
        try self.expect(schedule.logSigmas.map(Double.init), golden, "eval.log_sigmas", absolute: 2e-6)
    }

    @Test(arguments: try LegoGolden.cases("schedule"))
    func timesAndStepsAreTheOfficialOnes(_ name: String) throws {
        let golden = try LegoCase(name), schedule = try golden.schedule()
        let sigmas = try golden.floats("input.sigma_query").map(Double.init)
        try self.expect(
            sigmas.map { schedule.time(at: $0) }, golden, "eval.sigma_query_to_t", absolute: 2e-3)
        try self.expect(
            sigmas.map { Double(schedule.wholeTime(at: $0)) }, golden, "eval.sigma_query_to_t_quantized")
        try self.expect(
            try golden.floats("input.t_query").map { schedule.sigma(at: Double($0)) }, golden, "eval.t_query_to_sigma",
            relative: 2e-6)
        for count in try #require(golden.config["sigma_steps"]?.array).compactMap(\.int) {
            let sigmas = schedule.sigmas(steps: count)
            try self.expect(sigmas.map(Double.init), golden, "eval.get_sigmas.\(count)", relative: 2e-6)
            try self.expect(
                sigmas.dropLast().map { schedule.time(at: Double($0)) }, golden, "eval.sigma_to_t.\(count)",
                absolute: 2e-3)
            let steps = zip(sigmas, sigmas.dropFirst()).map {
                Sampling.ancestralStep(from: Double($0), to: Double($1))
            }
            try self.expect(steps.map(\.down), golden, "eval.sigma_down.\(count)", relative: 1e-5)
            try self.expect(steps.map(\.up), golden, "eval.sigma_up.\(count)", relative: 1e-5)
        }
        for count in try #require(golden.config["ddim_steps"]?.array).compactMap(\.int) {
            let table = Sampling(schedule, steps: count).implicitTable
            try self.expect(table.times.map(Double.init), golden, "eval.ddim.\(count).timesteps")
            try self.expect(table.products.map(Double.init), golden, "eval.ddim.\(count).alphas", relative: 1e-6)
            try self.expect(
                table.previous.map(Double.init), golden, "eval.ddim.\(count).alphas_prev", relative: 1e-6)
            for eta in [0, 1] {
                try self.expect(
                    table.sigmas(eta: Double(eta)), golden, "eval.ddim.\(count).sigmas.eta\(eta)", relative: 2e-6)
            }
        }
        let numbers = try golden.floats("input.ema_update_number")
        try self.expect(
            numbers.map { NoiseSchedule.averageDecay(Int($0)) }, golden, "eval.ema_decay", relative: 1e-6)
    }

    /// The stand-in of the file: a linear predictor.
    private struct Linear: NoisePredictor {
        let w: [Float], u: [Float], v: [Float]
        let channels: Int, columns: Int

        init(_ golden: LegoCase) throws {
            self.w = try golden.floats("weights.W")
            self.u = try golden.floats("weights.u")
            self.v = try golden.floats("weights.V")
            self.channels = self.u.count
            self.columns = self.v.count / self.u.count
        }

        func noise(_ questions: [NoiseQuestion]) -> [[Float]] {
            questions.map { question in
                let joined = question.latent + question.frame, cells = question.latent.count / self.channels
                let inputs = joined.count / cells, tokens = question.context.count / self.columns
                let mean = (0..<self.columns).map { column in
                    (0..<tokens).reduce(0.0) { $0 + Double(question.context[$1 * self.columns + column]) }
                        / Double(tokens)
                }
                return (0..<self.channels).flatMap { channel in
                    let shift =
                        Double(self.u[channel]) * question.time / 1000
                        + mean.indices.reduce(0) { $0 + Double(self.v[channel * self.columns + $1]) * mean[$1] }
                    return (0..<cells).map { cell in
                        Float(
                            (0..<inputs).reduce(shift) {
                                $0 + Double(self.w[channel * inputs + $1]) * Double(joined[$1 * cells + cell])
                            })
                    }
                }
            }
        }
    }

    @Test(arguments: try LegoGolden.cases("sampler"))
    func samplersAreTheOfficialOnes(_ name: String) throws {
        let golden = try LegoCase(name), linear = try Linear(golden)
        let guidance = Guidance(
            text: try #require(golden.config["text_scale"]?.double),
            frame: try #require(golden.config["image_scale"]?.double))
        let sampling = Sampling(
            try golden.schedule(), guidance, steps: try #require(golden.config["steps"]?.int))
        let conditions = Conditions(
            context: try golden.floats("input.context"), empty: try golden.floats("input.context_uncond"),
            frame: try golden.floats("input.concat"))
        let seen = try guidance.see(
            try golden.floats("input.cfg.z"), sigma: Double(try golden.floats("input.cfg.sigma")[0]), conditions,
            sampling.schedule, linear)
        try golden.expect(seen.full + seen.frameOnly + seen.none, "eval.cfg.denoised_cond_imgcond_uncond")
        try golden.expect(seen.guided, "eval.cfg.combined")
        try golden.expect(sampling.schedule.sigmas(steps: sampling.steps), "eval.sigmas")
        let initial = try golden.floats("input.initial_noise"), noise = try golden.floats("input.noise")
        var before: [Float] = [], denoised: [Float] = []
        let final = try sampling.euler(
            initial: initial, conditions,
            noise: { Array(noise[$0 * initial.count..<($0 + 1) * initial.count]) }, linear
        ) { step in
            before += step.before
            denoised += step.seen
        }
        try golden.expect(before, "eval.euler_ancestral.x_before_step")
        try golden.expect(denoised, "eval.euler_ancestral.denoised")
        try golden.expect(final, "eval.euler_ancestral.final")
        try golden.expect(
            try sampling.euler(initial: initial, conditions, noise: nil, linear), "eval.euler.final")
        for eta in [0, 1] {
            let drawn = try golden.floats("input.ddim.eta\(eta).noise")
            var after: [Float] = [], seen: [Float] = []
            _ = try sampling.implicit(
                initial: initial, conditions, eta: Double(eta), isGuided: false,
                noise: { Array(drawn[$0 * initial.count..<($0 + 1) * initial.count]) }, linear
            ) { step in
                after += step.after
                seen += step.seen
            }
            try golden.expect(after, "eval.ddim.eta\(eta).x_after_step")
            try golden.expect(seen, "eval.ddim.eta\(eta).pred_x0")
            try golden.expect(
                sampling.implicitTable.times.reversed().map { Float($0) }, "eval.ddim.eta\(eta).timesteps")
        }
    }
}
