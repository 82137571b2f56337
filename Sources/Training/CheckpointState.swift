// SPDX-License-Identifier: Apache-2.0

extension Checkpoint {
    /// The description of a run, beside its tensors.
    public struct State: Hashable, Sendable {
        /// The make of the network.
        public var description: Network.Description
        /// The options of the run.
        public var options: TrainingOptions
        /// The preparation of its samples.
        public var preparation: Network.Preparation
        /// The steps that were taken. Random numbers follow from it and the options' seed.
        public var step: Int
        /// The segments so far, the one that the step lies in included.
        public var plan: [Segment]
        /// The SHA-256 of the shards of the last segment's prefix, in order.
        public var shards: [String]
        /// The samples that could be used, of that prefix.
        public var usable: Int
        /// The machine that computed it.
        public var machine: MachineKind
        /// The best validation score so far, if there was any.
        public var bestScore: Double?
        /// The step of that score.
        public var bestStep: Int?
        /// The SHA-256 of the frozen weights that the file does not hold, by name.
        public var frozen: [String: String]?
    }
}

extension Checkpoint.State: Codable {
    // The network's description stands beside the run's fields, its preparation among the options: as checkpoints had
    // them before there were several networks.
    private enum CodingKeys: String, CodingKey {
        case options, step, plan, shards, usable, machine, bestScore, bestStep, frozen
    }

    private struct Options: Codable {
        var run: TrainingOptions
        var preparation: Network.Preparation

        init(_ run: TrainingOptions, _ preparation: Network.Preparation) {
            self.run = run
            self.preparation = preparation
        }

        init(from decoder: any Decoder) throws {
            self.init(try TrainingOptions(from: decoder), try Network.Preparation(from: decoder))
        }

        func encode(to encoder: any Encoder) throws {
            try self.run.encode(to: encoder)
            try self.preparation.encode(to: encoder)
        }
    }

    /// Reads a state; what older checkpoints do not have has its default.
    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        self.description = try Network.Description(from: decoder)
        let options = try fields.decode(Options.self, forKey: .options)
        self.options = options.run
        self.preparation = options.preparation
        self.step = try fields.decode(Int.self, forKey: .step)
        self.plan = try fields.decode([Segment].self, forKey: .plan)
        self.shards = try fields.decode([String].self, forKey: .shards)
        self.usable = try fields.decode(Int.self, forKey: .usable)
        self.machine = try fields.decode(MachineKind.self, forKey: .machine)
        self.bestScore = try fields.decodeIfPresent(Double.self, forKey: .bestScore)
        self.bestStep = try fields.decodeIfPresent(Int.self, forKey: .bestStep)
        self.frozen = try fields.decodeIfPresent([String: String].self, forKey: .frozen)
    }

    /// Writes a state.
    public func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: CodingKeys.self)
        try fields.encode(Options(self.options, self.preparation), forKey: .options)
        try fields.encode(self.step, forKey: .step)
        try fields.encode(self.plan, forKey: .plan)
        try fields.encode(self.shards, forKey: .shards)
        try fields.encode(self.usable, forKey: .usable)
        try fields.encode(self.machine, forKey: .machine)
        try fields.encodeIfPresent(self.bestScore, forKey: .bestScore)
        try fields.encodeIfPresent(self.bestStep, forKey: .bestStep)
        try fields.encodeIfPresent(self.frozen, forKey: .frozen)
        try self.description.encode(to: encoder)
    }
}

extension Checkpoint.State {
    /// Says what no run can have written, or nothing. It is asked before anything is made of the numbers.
    func problem() -> String? {
        if let problem = self.description.problem() ?? self.options.problem() ?? self.preparation.problem() {
            return problem
        }
        guard 0...self.options.steps ~= self.step else {
            return "\"step\" is \(self.step) of \(self.options.steps)"
        }
        if self.usable < 0 { return "\"usable\" is \(self.usable)" }
        if let bestScore, !(0...1 ~= bestScore) { return "\"bestScore\" is \(bestScore)" }
        if let bestStep, !(0...self.step ~= bestStep) { return "\"bestStep\" is \(bestStep)" }
        var last: Segment?
        for segment in self.plan {
            if let problem = segment.problem(after: last) { return "in its \"plan\", \(problem)" }
            last = segment
        }
        return nil
    }

    /// Says how the settings of another run differ, by name, or nothing.
    func difference(from then: Checkpoint.State) -> String? {
        let before = Dictionary(then.settings.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
        let differences = self.settings.compactMap { setting in
            let value = before[setting.name]
            return value == setting.value
                ? nil : "\(setting.name) was \(value ?? "not there") and is \(setting.value)"
        }
        if !differences.isEmpty { return differences.joined(separator: ", ") }
        return then.description == self.description ? nil : "the vocabulary is another"
    }

    private var settings: [(name: String, value: String)] {
        self.options.settings + self.preparation.settings + self.description.settings
    }
}
