// SPDX-License-Identifier: Apache-2.0

/// The settings that decide the bits of a run, beside the data and the network's own. A run is resumed with the options
/// that it was started with, and no others.
public struct TrainingOptions: RunSettings {
    /// The data that is trained on: a name of shards, or the hash of an annotation file.
    public var source: String
    /// The steps in all; the learning rate falls to zero with the last.
    public var steps: Int
    /// The samples of a step.
    public var batchSize = 32
    /// The highest learning rate.
    public var learningRate = 5e-4
    /// The share of the steps in which the rate rises from zero.
    public var warmup = 0.0
    /// The most that the gradients' norm may be.
    public var clipNorm: Float = 1
    /// The seed of every random number.
    public var seed: UInt64 = 12345
    /// The steps between two looks at what has come.
    public var segmentSteps = 200
    /// The share of a segment that is drawn from what came since the one before.
    public var newShare = 0.5

    /// The defaults for a source.
    public init(source: String, steps: Int) {
        self.source = source
        self.steps = steps
    }

    /// Reads options; those that are absent have their defaults.
    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            source: try fields.decode(String.self, forKey: .source), steps: try fields.decode(Int.self, forKey: .steps))
        self.batchSize = try fields.value(.batchSize, default: self.batchSize)
        self.learningRate = try fields.value(.learningRate, default: self.learningRate)
        self.warmup = try fields.value(.warmup, default: self.warmup)
        self.clipNorm = try fields.value(.clipNorm, default: self.clipNorm)
        self.seed = try fields.value(.seed, default: self.seed)
        self.segmentSteps = try fields.value(.segmentSteps, default: self.segmentSteps)
        self.newShare = try fields.value(.newShare, default: self.newShare)
    }

    /// The number of steps of a run, or of a segment of one: with the largest batch, `Int` can still count the draws.
    public static let stepsRange = 1...1_000_000_000
    /// The number of samples of a step.
    public static let batchRange = 1...4096
    /// The highest learning rate.
    public static let learningRateMax = 1000.0

    /// Says what is out of range, or nothing.
    public func problem() -> String? {
        let numbers = [
            ("--steps", self.steps, Self.stepsRange), ("--batch-size", self.batchSize, Self.batchRange),
            ("--segment-steps", self.segmentSteps, Self.stepsRange),
        ]
        for (name, value, range) in numbers where !range.contains(value) {
            return "\(name) must be at least \(range.lowerBound), and \(range.upperBound) at most, not \(value)"
        }
        if !(self.learningRate > 0 && self.learningRate <= Self.learningRateMax) {
            return "--learning-rate is above 0, and \(Self.learningRateMax) at most, not \(self.learningRate)"
        }
        if !(0...1).contains(self.warmup) { return "--warmup is a share from 0 to 1, not \(self.warmup)" }
        if !(0...1).contains(self.newShare) { return "--new-share is a share from 0 to 1, not \(self.newShare)" }
        if !(self.clipNorm > 0) { return "--clip-norm must be above 0, not \(self.clipNorm)" }
        return nil
    }

    /// Each setting as it was given, by the option that sets it.
    public var settings: [(name: String, value: String)] {
        [
            ("what is trained on", self.source), ("--steps", "\(self.steps)"), ("--batch-size", "\(self.batchSize)"),
            ("--learning-rate", "\(self.learningRate)"), ("--warmup", "\(self.warmup)"),
            ("--clip-norm", "\(self.clipNorm)"), ("--seed", "\(self.seed)"),
            ("--segment-steps", "\(self.segmentSteps)"), ("--new-share", "\(self.newShare)"),
        ]
    }

    /// The steps of the warm-up.
    public var warmupSteps: Int { Int((Double(self.steps) * self.warmup).rounded()) }
}

extension KeyedDecodingContainer {
    /// The value of a key, or its default where the key is absent.
    public func value<Value: Decodable>(_ key: Key, default value: Value) throws -> Value {
        self.contains(key) ? try self.decode(Value.self, forKey: key) : value
    }
}
