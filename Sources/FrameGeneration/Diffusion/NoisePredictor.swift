// SPDX-License-Identifier: Apache-2.0

/// A question to a noise predictor: a noisy latent, its time, and the conditions.
public struct NoiseQuestion: Sendable {
    /// The noisy latent, (channels, cells).
    public var latent: [Float]
    /// The time, which need not be whole.
    public var time: Double
    /// The context, (tokens, columns).
    public var context: [Float]
    /// The input frame's latent, (channels, cells); zeros where it is not told.
    public var frame: [Float]

    /// Asks a question.
    public init(latent: [Float], time: Double, context: [Float], frame: [Float]) {
        self.latent = latent
        self.time = time
        self.context = context
        self.frame = frame
    }
}

/// A predictor of the noise in latents. Samplers know nothing else of a network.
public protocol NoisePredictor {
    /// The noise in each latent. An answer depends on its question alone.
    func noise(_ questions: [NoiseQuestion]) throws -> [[Float]]
}

/// The conditions of one picture, and their absence.
public struct Conditions: Sendable {
    /// The context, and that of the empty text without features.
    public var context: [Float], empty: [Float]
    /// The input frame's latent, (channels, cells), not scaled.
    public var frame: [Float]

    /// Puts conditions together.
    public init(context: [Float], empty: [Float], frame: [Float]) {
        self.context = context
        self.empty = empty
        self.frame = frame
    }
}

/// Guidance over two conditions: away from a picture without the text, and from one without the frame.
public struct Guidance: Hashable, Sendable, Codable {
    /// The factor of what the text, with the features, adds.
    public var text = 7.5
    /// The factor of what the input frame adds.
    public var frame = 1.5

    /// The official factors.
    public init(text: Double = 7.5, frame: Double = 1.5) {
        self.text = text
        self.frame = frame
    }

    /// Says what is out of range, or nothing.
    public func problem() -> String? {
        for (name, value) in [("--text-scale", self.text), ("--frame-scale", self.frame)]
        where !(value >= 0 && value <= 1000) {
            return "\(name) is from 0 to 1000, not \(value)"
        }
        return nil
    }

    /// The pictures that the predictor sees in a noisy one, and the guided one.
    public struct Seen: Sendable {
        /// With both conditions, with the frame alone, with neither.
        public let full: [Float], frameOnly: [Float], none: [Float]
        /// The guided picture.
        public let guided: [Float]
    }

    /// Sees the picture in a noisy one.
    /// - Parameters:
    ///   - x: the noisy latent, the picture plus `sigma` times noise.
    ///   - sigma: above 0.
    public func see(
        _ x: [Float], sigma: Double, _ conditions: Conditions, _ schedule: NoiseSchedule,
        _ predictor: some NoisePredictor
    ) throws -> Seen {
        let factor = Float(1 / (sigma * sigma + 1).squareRoot()), time = schedule.time(at: sigma)
        let scaled = x.map { $0 * factor }, absent = [Float](repeating: 0, count: conditions.frame.count)
        func question(_ context: [Float], _ frame: [Float]) -> NoiseQuestion {
            NoiseQuestion(latent: scaled, time: time, context: context, frame: frame)
        }
        let noise = try predictor.noise([
            question(conditions.context, conditions.frame), question(conditions.empty, conditions.frame),
            question(conditions.empty, absent),
        ])
        let seen = noise.map { row in zip(x, row).map { $0 - Float(sigma) * $1 } }
        let text = Float(self.text), frame = Float(self.frame)
        let guided = x.indices.map { index in
            seen[2][index] + text * (seen[0][index] - seen[1][index]) + frame * (seen[1][index] - seen[2][index])
        }
        return Seen(full: seen[0], frameOnly: seen[1], none: seen[2], guided: guided)
    }
}
