// SPDX-License-Identifier: Apache-2.0

internal import Codecs
internal import Foundation
public import NeuralNetworks
internal import Records
internal import Shards
public import TextEncoders
public import Training

/// Everything that a run needs to go on, or another to start from: a safetensors file with the weights under their
/// official names (frozen ones included), the optimizer's state under `optimizer.`, and the rest as metadata.
public struct Checkpoint: Sendable {
    /// What describes the run, beside its tensors.
    public struct State: Hashable, Sendable, Codable {
        /// The network.
        public var configuration: VSLNetConfiguration
        /// The options of the run.
        public var options: TrainingOptions
        /// The words and characters that the network knows, if it reads those.
        public var words: [String]?
        /// See `words`.
        public var characters: [String]?
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
    }

    /// What describes the run.
    public var state: State
    /// The weights, by official name.
    public var weights: [(parameter: Parameter, values: [Float])]
    /// The optimizer's first moments.
    public var firstMoment: [Float]
    /// The optimizer's second moments.
    public var secondMoment: [Float]

    private static let formatVersion = "1"
    private static let optimizerPrefix = "optimizer."

    /// Takes a copy of a model and its optimizer.
    public init(state: State, model: VSLNet, optimizer: AdamW) {
        self.state = state
        self.weights = model.layout.parameters.map { ($0, model.parameters[$0]) }
        self.firstMoment = optimizer.firstMoment.values()
        self.secondMoment = optimizer.secondMoment.values()
    }

    // MARK: Writing

    /// Writes the file: it is there whole and durable, or as it was before.
    public func write(_ name: String, in folder: String) throws(TrainingError) {
        var tensors = self.weights.map { parameter, values in
            SafetensorsWriter.Tensor(parameter.name, shape: parameter.shape, .float32(values))
        }
        tensors.append(
            .init(Self.optimizerPrefix + "first", shape: [self.firstMoment.count], .float32(self.firstMoment)))
        tensors.append(
            .init(Self.optimizerPrefix + "second", shape: [self.secondMoment.count], .float32(self.secondMoment)))
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        guard let state = try? encoder.encode(self.state) else {
            throw TrainingError(.checkpoint, "a number of this run cannot be written as JSON: is a score no number?")
        }
        var metadata = [
            "format": "pt", "millrace_version": Self.formatVersion,
            "millrace_state": String(decoding: state, as: UTF8.self),
        ]
        metadata["millrace_checksum"] = Self.checksum(metadata, tensors.map { ($0.name, $0.shape, $0.bytes) })
        try DurableFile.replace(name, in: folder) { file throws(ShardError) in
            try SafetensorsWriter.write(tensors, metadata: metadata) { bytes throws(ShardError) in
                try file.append(bytes)
            }
        }
    }

    /// The hash of everything that is read: a flipped bit is found wherever it is.
    private static func checksum(
        _ metadata: [String: String], _ tensors: [(name: String, shape: [Int], bytes: Bytes)]
    ) -> String {
        var hash = ContentHash.Stream()
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) where key != "millrace_checksum" {
            hash.update(Bytes("\(key.utf8.count) \(key)\(value.utf8.count) \(value)".utf8))
        }
        for tensor in tensors.sorted(by: { $0.name < $1.name }) {
            hash.update(Bytes("\(tensor.name.utf8.count) \(tensor.name) \(tensor.shape) ".utf8))
            hash.update(tensor.bytes)
        }
        return hash.finish()
    }

    // MARK: Reading

    /// Reads a file and checks it.
    /// - Throws: `TrainingError.Code.checkpoint` where it is damaged, of a newer version, or no checkpoint.
    public init(path: String) throws(TrainingError) {
        do {
            let file = try SafetensorsFile(path: path)
            guard let version = file.metadata["millrace_version"], let text = file.metadata["millrace_state"],
                let checksum = file.metadata["millrace_checksum"]
            else {
                throw TrainingError(
                    .checkpoint, "\(path) is a safetensors file, but no checkpoint of `millrace train` or `finetune`")
            }
            guard version == Self.formatVersion else {
                throw TrainingError(
                    .checkpoint, "\(path) has format version \(version), this program reads \(Self.formatVersion)")
            }
            var tensors: [(name: String, shape: [Int], bytes: Bytes)] = []
            for name in file.names { tensors.append((name, file.entry(name)?.shape ?? [], try file.bytes(name))) }
            guard Self.checksum(file.metadata, tensors) == checksum else {
                throw TrainingError(
                    .checkpoint,
                    "\(path) is damaged: its checksum does not fit its content. Restore it from a copy, or remove it to "
                        + "go on from the checkpoint before; nothing was changed")
            }
            self.state = try PlainDecoder.decode(State.self, from: text.utf8)
            if let problem = self.state.problem() {
                throw TrainingError(
                    .checkpoint,
                    "\(path) describes no run that can have been: \(problem). It was edited or written by something else; "
                        + "name a checkpoint as `millrace train` wrote it")
            }
            let layout = VSLNet.layout(self.state.configuration)
            try Self.checkShapes(layout, in: file)
            var weights: [(parameter: Parameter, values: [Float])] = []
            for parameter in layout.parameters {
                weights.append((parameter, try file.floats(parameter.name, shape: parameter.shape)))
            }
            self.weights = weights
            self.firstMoment = try file.floats(Self.optimizerPrefix + "first", shape: [layout.trainedCount])
            self.secondMoment = try file.floats(Self.optimizerPrefix + "second", shape: [layout.trainedCount])
            try self.checkNumbers(path)
        } catch let error as TrainingError {
            throw error
        } catch let error as TensorFileError {
            throw TrainingError(.checkpoint, error.message)
        } catch let problem as PlainDecoder.Problem {
            throw TrainingError(
                .checkpoint,
                "\(path): its description cannot be read (millrace_state): \(problem.message); name a checkpoint as "
                    + "`millrace train` wrote it")
        } catch {
            throw TrainingError(.checkpoint, "\(path) cannot be read as a checkpoint")
        }
    }

    /// Compares what the network needs with the file's table of contents, before memory is taken for any of it.
    private static func checkShapes(_ layout: ParameterLayout, in file: SafetensorsFile) throws(TensorFileError) {
        let moments = ["first", "second"].map { (Self.optimizerPrefix + $0, [layout.trainedCount]) }
        for (name, shape) in layout.parameters.map({ ($0.name, $0.shape) }) + moments {
            guard let entry = file.entry(name) else {
                throw TensorFileError(.mismatch, "\(file.path) has no tensor \(name), which its network needs")
            }
            guard entry.shape == shape else {
                throw TensorFileError(
                    .mismatch, "\(file.path): tensor \(name) has the shape \(entry.shape), its network needs \(shape)")
            }
        }
    }

    /// A weight that is no number would make every score one that means nothing.
    private func checkNumbers(_ path: String) throws(TrainingError) {
        let moments = [
            ("the optimizer's first moments", self.firstMoment), ("the optimizer's second moments", self.secondMoment),
        ]
        for (name, values) in self.weights.map({ ($0.parameter.name, $0.values) }) + moments
        where !Self.areFinite(values) {
            throw TrainingError(
                .checkpoint, "\(path): \(name) holds NaN or infinity; name a checkpoint from before that happened")
        }
        if self.secondMoment.contains(where: { $0 < 0 }) {
            throw TrainingError(.checkpoint, "\(path): the optimizer's second moments hold a number below zero")
        }
    }

    private static func areFinite(_ values: [Float]) -> Bool {
        values.withUnsafeBufferPointer { values in
            var index = 0
            while index < values.count, values[index].isFinite { index += 1 }
            return index == values.count
        }
    }

    /// Puts the weights into a model of the same configuration.
    public func load(into model: VSLNet) throws(TrainingError) {
        guard model.configuration == self.state.configuration else {
            throw TrainingError(.checkpoint, "the checkpoint is of another network than the one it is loaded into")
        }
        for (parameter, values) in self.weights { model.parameters[parameter] = values }
    }

    /// Puts the optimizer's state into an optimizer of the same network.
    func load(into optimizer: AdamW) {
        optimizer.firstMoment.assign(self.firstMoment)
        optimizer.secondMoment.assign(self.secondMoment)
    }

    /// The vocabulary, if the network reads words.
    public var vocabulary: WordVocabulary? {
        guard let words = self.state.words, let characters = self.state.characters else { return nil }
        return WordVocabulary(words: words, characters: characters)
    }
}

extension Checkpoint.State {
    /// Says what no run can have written, or nothing. It is asked before anything is made of the numbers.
    func problem() -> String? {
        if let problem = self.configuration.problem() ?? self.options.problem() { return problem }
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
        return self.vocabularyProblem()
    }

    private func vocabularyProblem() -> String? {
        guard case .tokens(let words, _, let characters, _) = self.configuration.text else {
            return self.words == nil && self.characters == nil
                ? nil : "it holds a vocabulary, and its network reads the states of an encoder"
        }
        guard let ownWords = self.words, let ownCharacters = self.characters else {
            return "its network reads words, and it holds no vocabulary"
        }
        if ownWords.count != words { return "it holds \(ownWords.count) \"words\", and its network \(words)" }
        if ownCharacters.count + 2 != characters {
            return "it holds \(ownCharacters.count) \"characters\", and its network \(characters - 2)"
        }
        return nil
    }
}

extension VSLNet {
    /// Which tensors a network has.
    static func layout(_ configuration: VSLNetConfiguration) -> ParameterLayout { Network(configuration).layout }
}

/// The checkpoints of a run's folder: `step-000000200.safetensors` and so on, and `best.safetensors`.
public struct CheckpointFolder: Sendable {
    /// The folder.
    public var path: String
    /// How many are kept beside the best.
    public var keep: Int

    /// The name of the best one.
    public static let bestName = "best.safetensors"

    /// Describes a folder, which need not be there yet.
    public init(path: String, keep: Int = 3) {
        self.path = path
        self.keep = max(keep, 1)
    }

    static func name(step: Int) -> String {
        let digits = String(step)
        return "step-" + String(repeating: "0", count: max(0, 9 - digits.count)) + digits + ".safetensors"
    }

    /// The steps of the checkpoints that are there, in order.
    public func steps() -> [Int] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: self.path)) ?? []
        return names.compactMap { name in
            guard let match = name.wholeMatch(of: /step-([0-9]+)\.safetensors/) else { return nil }
            return Int(match.1)
        }.sorted()
    }

    /// The last checkpoint; `nil` where there is none.
    /// - Throws: `TrainingError.Code.checkpoint` where it is damaged. An older one is not taken in silence.
    public func latest() throws(TrainingError) -> Checkpoint? {
        guard let step = self.steps().last else { return nil }
        return try Checkpoint(path: self.path + "/" + Self.name(step: step))
    }

    /// Writes a checkpoint, then removes those that are too many.
    func write(_ checkpoint: Checkpoint, isBest: Bool) throws(TrainingError) {
        try checkpoint.write(Self.name(step: checkpoint.state.step), in: self.path)
        if isBest { try checkpoint.write(Self.bestName, in: self.path) }
        for step in self.steps().dropLast(self.keep) where step < checkpoint.state.step {
            try? FileManager.default.removeItem(atPath: self.path + "/" + Self.name(step: step))
        }
    }
}
