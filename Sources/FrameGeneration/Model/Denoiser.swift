// SPDX-License-Identifier: Apache-2.0

public import NeuralNetworks
import Synchronization
import Threads

/// The make of the network that is trained: the UNet, and what makes its context.
public struct DenoiserConfiguration: Hashable, Sendable, Codable {
    /// The UNet.
    public var predictor = NoisePredictorConfiguration()
    /// The context.
    public var conditions = ConditionConfiguration()

    /// The official sizes.
    public init() {}

    /// Puts parts together.
    public init(_ predictor: NoisePredictorConfiguration, _ conditions: ConditionConfiguration) {
        self.predictor = predictor
        self.conditions = conditions
    }

    /// Says what no network can be made of, or nothing.
    public func problem() -> String? {
        if let problem = self.predictor.problem() ?? self.conditions.problem() { return problem }
        guard self.predictor.inputs > self.predictor.outputs else {
            return "\(self.predictor.inputs) channels go in, which leaves none for the input frame's latent"
        }
        return self.predictor.context == self.conditions.width
            ? nil : "the context has \(self.conditions.width) columns, and the network takes \(self.predictor.context)"
    }
}

/// The layers of a denoiser, and its tapes.
struct DenoiserLayers: Sendable {
    let configuration: DenoiserConfiguration
    let predictor: NoisePredictorLayers
    let conditions: ConditionLayers?

    /// - Parameter learnsProjections: whether what makes the context of features learns too.
    init(_ configuration: DenoiserConfiguration, learnsProjections: Bool = true, in layout: inout ParameterLayout) {
        self.configuration = configuration
        self.predictor = NoisePredictorLayers(configuration.predictor, in: &layout)
        guard configuration.conditions.features > 0 else {
            self.conditions = nil
            return
        }
        self.conditions =
            learnsProjections
            ? ConditionLayers(configuration.conditions, in: &layout)
            : layout.frozen { ConditionLayers(configuration.conditions, in: &$0) }
    }

    /// One tape from the conditions to the noise.
    struct Ports: Sendable {
        let predictor: NoisePredictorLayers.Ports
        /// `nil` where the context is given whole.
        let conditions: ConditionLayers.Ports?
    }

    /// - Parameter withConditions: whether the context is made on the tape.
    func write(height: Int, width: Int, withConditions: Bool, on tape: inout Tape) -> Ports {
        let conditions = withConditions ? self.conditions?.write(on: &tape) : nil
        let ports = self.predictor.write(
            height: height, width: width, context: conditions?.context, tokens: self.configuration.conditions.tokens,
            on: &tape)
        return Ports(predictor: ports, conditions: conditions)
    }
}

/// The denoiser with its weights, as samplers see it. Not for use from several threads at once: it has its own.
public final class Denoiser: NoisePredictor {
    /// The settings.
    public var configuration: DenoiserConfiguration { self.layers.configuration }
    /// The weights, under their official names.
    public let parameters: Parameters
    /// The latent's lines, and the cells of each.
    public let height: Int, width: Int
    private let layers: DenoiserLayers
    private let team: ThreadTeam
    private var spaces: TapeSpaces<DenoiserLayers.Ports>?
    private var conditionSpaces: TapeSpaces<ConditionLayers.Ports>?

    /// Creates one with random weights, for latents of a size.
    /// - Throws: `GenerationError` where the configuration has a `problem()`, the sides do not divide, or there is no
    ///   memory or thread.
    public convenience init(
        _ configuration: DenoiserConfiguration, height: Int, width: Int, seed: UInt64, threads: Int = 1
    ) throws(GenerationError) {
        if let problem = configuration.problem() { throw GenerationError("the denoiser: \(problem)") }
        var layout = ParameterLayout()
        let layers = DenoiserLayers(configuration, in: &layout)
        try self.init(
            layers, try Parameters.checked(layout, seed: seed, copies: 1, "the denoiser"), height: height, width: width,
            threads: threads)
    }

    /// Creates one around weights that something else trains.
    init(
        _ layers: DenoiserLayers, _ parameters: Parameters, height: Int, width: Int, threads: Int
    ) throws(GenerationError) {
        let step = layers.configuration.predictor.sideStep
        guard height > 0, width > 0, height % step == 0, width % step == 0 else {
            throw GenerationError("a latent of \(height) × \(width) does not divide by \(step); choose another side")
        }
        self.layers = layers
        self.parameters = parameters
        self.height = height
        self.width = width
        do throws(ThreadError) {
            self.team = try ThreadTeam(count: threads)
        } catch {
            throw GenerationError("cannot work on \(threads) threads: \(error.message)")
        }
    }

    /// Takes the weights of a file: a checkpoint's moving averages where it has them, or else the weights themselves.
    /// - Throws: `GenerationError` or `TensorFileError` where the file lacks one.
    public func load(_ file: SafetensorsFile) throws {
        let prefix = "model.diffusion_model."
        var averages: [String: String] = [:]
        for parameter in self.parameters.layout.parameters where parameter.name.hasPrefix(prefix) {
            // The official averages' names have no dots behind their prefix.
            let bare = parameter.name.dropFirst("model.".count).filter { $0 != "." }
            averages[parameter.name] = "model_ema.\(bare)"
        }
        try self.parameters.load(file, prefix: prefix, averages: averages)
    }

    /// The context of a text and features, and that of their absence.
    /// - Parameters:
    ///   - text: the text's hidden states; `empty` those of the empty text.
    ///   - image: the frame's features, and `words` those of the words, padded; empty for a network without features.
    public func context(
        text: [Float], empty: [Float], image: [Float], words: [Float]
    ) throws(GenerationError) -> (context: [Float], empty: [Float]) {
        guard let conditions = self.layers.conditions else { return (text, empty) }
        let spaces =
            self.conditionSpaces
            ?? TapeSpaces(isTraining: false) { tape in
                let ports = conditions.write(on: &tape)
                tape.keep(ports.context)
                return ports
            }
        self.conditionSpaces = spaces
        let pass = TapeSpaces<ConditionLayers.Ports>.pass(self.parameters, try spaces.take(threads: 1)[0])
        func fill(_ value: TapeValue?, _ values: [Float]) throws(GenerationError) {
            guard let value else { return }
            guard values.count == value.rows * value.columns else {
                throw GenerationError(
                    "\(values.count) numbers of features are not \(value.rows) rows of \(value.columns); give features "
                        + "of the sizes that the network was made for")
            }
            spaces.plan.value(value, pass).fill(values)
        }
        try fill(spaces.ports.text, text)
        try fill(spaces.ports.image, image)
        try fill(spaces.ports.words, words)
        try fill(spaces.ports.kept, [1])
        spaces.plan.forward(pass)
        let context = spaces.plan.value(spaces.ports.context, pass).values
        return (context, empty + [Float](repeating: 0, count: context.count - empty.count))
    }

    /// The noise in each latent, on as many threads as there are.
    public func noise(_ questions: [NoiseQuestion]) throws -> [[Float]] {
        let spaces =
            self.spaces
            ?? TapeSpaces(isTraining: false) { [layers, height, width] in
                layers.write(height: height, width: width, withConditions: false, on: &$0)
            }
        self.spaces = spaces
        let threads = min(self.team.count, questions.count), workspaces = try spaces.take(threads: threads)
        let answers = Mutex([[Float]](repeating: [], count: questions.count)), next = Atomic<Int>(0)
        self.team.run(threads) { [layers, parameters, plan = spaces.plan, ports = spaces.ports.predictor] thread in
            let pass = TapeSpaces<DenoiserLayers.Ports>.pass(parameters, workspaces[thread])
            while true {
                let index = next.add(1, ordering: .relaxed).oldValue
                guard index < questions.count else { return }
                let question = questions[index]
                plan.value(ports.latent.value, pass).fill(question.latent + question.frame)
                plan.value(ports.time, pass).fill(layers.predictor.sinusoid(question.time))
                plan.value(ports.context, pass).fill(question.context)
                plan.forward(pass)
                let noise = plan.value(ports.noise.value, pass).values
                answers.withLock { $0[index] = noise }
            }
        }
        return answers.withLock { $0 }
    }
}
