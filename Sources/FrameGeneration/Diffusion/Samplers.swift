// SPDX-License-Identifier: Apache-2.0

/// A way from noise to a latent.
public enum Sampler: String, Hashable, Sendable, Codable, CaseIterable {
    /// Euler's steps that add noise anew (k-diffusion's `sample_euler_ancestral`, eta 1): the official one.
    case ancestral
    /// Euler's steps without.
    case euler
    /// Steps back by the implicit model (Song, Meng, Ermon 2021), without noise.
    case ddim
}

/// A course of sampling, as pure functions of noise that is given.
public struct Sampling: Sendable {
    /// The schedule.
    public var schedule: NoiseSchedule
    /// The guidance.
    public var guidance: Guidance
    /// The number of steps.
    public var steps: Int

    /// Describes a course.
    public init(_ schedule: NoiseSchedule = NoiseSchedule(), _ guidance: Guidance = Guidance(), steps: Int = 100) {
        self.schedule = schedule
        self.guidance = guidance
        self.steps = steps
    }

    /// The step down and the noise to add, of a step from one amount of noise to a smaller one.
    public static func ancestralStep(from sigma: Double, to next: Double) -> (down: Double, up: Double) {
        guard next > 0 else { return (0, 0) }
        let up = min(next, (next * next * (sigma * sigma - next * next) / (sigma * sigma)).squareRoot())
        return (max(0, next * next - up * up).squareRoot(), up)
    }

    /// A step that was taken.
    public struct Step: Sendable {
        /// The latent before it.
        public let before: [Float]
        /// The picture that was seen in it.
        public let seen: [Float]
        /// The latent after it.
        public let after: [Float]
    }

    /// Samples by Euler's steps.
    /// - Parameters:
    ///   - initial: noise of deviation 1.
    ///   - noise: the noise that is added after a step, 0 for the first; asked for unless it is the last. `nil` adds
    ///     none.
    ///   - onStep: is told every step.
    public func euler(
        initial: [Float], _ conditions: Conditions, noise: ((Int) -> [Float])?, _ predictor: some NoisePredictor,
        onStep: (Step) throws -> Void = { _ in }
    ) throws -> [Float] {
        let sigmas = self.schedule.sigmas(steps: self.steps).map(Double.init)
        var x = initial.map { $0 * Float(sigmas[0]) }
        for step in 0..<self.steps {
            let sigma = sigmas[step], next = sigmas[step + 1]
            let seen = try self.guidance.see(x, sigma: sigma, conditions, self.schedule, predictor).guided
            let (down, up) = noise == nil ? (next, 0) : Self.ancestralStep(from: sigma, to: next)
            let factor = Float((down - sigma) / sigma), before = x
            for index in x.indices { x[index] += (x[index] - seen[index]) * factor }
            if next > 0, let drawn = noise?(step) {
                for index in x.indices { x[index] += drawn[index] * Float(up) }
            }
            try onStep(Step(before: before, seen: seen, after: x))
        }
        return x
    }
}

extension Sampling {
    /// The whole times of the implicit model's steps, the lowest first, and what belongs to each.
    public struct ImplicitTable: Sendable {
        /// The times.
        public let times: [Int]
        /// The product at each, and at the one before it.
        public let products: [Float], previous: [Float]

        /// The deviation of the noise that is added at each.
        /// - Parameter eta: 0 adds none, 1 as much as the backward process.
        public func sigmas(eta: Double) -> [Double] {
            zip(self.products, self.previous).map { product, previous in
                let (a, p) = (Double(product), Double(previous))
                return eta * ((1 - p) / (1 - a) * (1 - a / p)).squareRoot()
            }
        }
    }

    /// The table of about `steps` steps: as many as whole strides through the times give.
    public var implicitTable: ImplicitTable {
        let step = max(1, self.schedule.count / max(1, self.steps))
        // The official code asks for one time more than there is where a stride ends at the last.
        let times = stride(from: 0, to: self.schedule.count, by: step).map { min($0 + 1, self.schedule.count - 1) }
        let products = times.map { Float(self.schedule.products[$0]) }
        return ImplicitTable(
            times: times, products: products, previous: [Float(self.schedule.products[0])] + products.dropLast())
    }

    /// Samples by the implicit model.
    /// - Parameters:
    ///   - initial: noise of deviation 1.
    ///   - eta: 0 adds no noise, 1 as much as the backward process.
    ///   - isGuided: whether guidance is over two conditions; without, both are always there.
    ///   - noise: the noise that is added after a step, 0 for the first.
    ///   - onStep: is told every step.
    public func implicit(
        initial: [Float], _ conditions: Conditions, eta: Double = 0, isGuided: Bool = true,
        noise: (Int) -> [Float], _ predictor: some NoisePredictor, onStep: (Step) throws -> Void = { _ in }
    ) throws -> [Float] {
        let table = self.implicitTable, sigmas = table.sigmas(eta: eta)
        var x = initial
        for (step, index) in table.times.indices.reversed().enumerated() {
            let a = Double(table.products[index]), previous = Double(table.previous[index]), sigma = sigmas[index]
            let predicted = try self.noise(
                x, time: Double(table.times[index]), conditions, isGuided: isGuided, predictor)
            let left = Float((1 - a).squareRoot()), root = Float(a.squareRoot()), before = x
            let seen = zip(x, predicted).map { ($0 - left * $1) / root }
            let ahead = Float(previous.squareRoot()), rest = Float(max(0, 1 - previous - sigma * sigma).squareRoot())
            for place in x.indices { x[place] = ahead * seen[place] + rest * predicted[place] }
            if sigma > 0 {
                let drawn = noise(step)
                for place in x.indices { x[place] += Float(sigma) * drawn[place] }
            }
            try onStep(Step(before: before, seen: seen, after: x))
        }
        return x
    }

    private func noise(
        _ x: [Float], time: Double, _ conditions: Conditions, isGuided: Bool, _ predictor: some NoisePredictor
    ) throws -> [Float] {
        func question(_ context: [Float], _ frame: [Float]) -> NoiseQuestion {
            NoiseQuestion(latent: x, time: time, context: context, frame: frame)
        }
        let full = question(conditions.context, conditions.frame)
        guard isGuided else { return try predictor.noise([full])[0] }
        let absent = [Float](repeating: 0, count: conditions.frame.count)
        let rows = try predictor.noise([
            full, question(conditions.empty, conditions.frame), question(conditions.empty, absent),
        ])
        let text = Float(self.guidance.text), frame = Float(self.guidance.frame)
        return x.indices.map { index in
            rows[2][index] + text * (rows[0][index] - rows[1][index]) + frame * (rows[1][index] - rows[2][index])
        }
    }
}
