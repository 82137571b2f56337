// SPDX-License-Identifier: Apache-2.0

public import NeuralNetworks

/// CLIP's text encoder with its weights, one text at a time. Not for use from several threads at once.
public final class TextEncoder {
    /// The settings.
    public var configuration: TextEncoderConfiguration { self.layers.configuration }
    /// The weights, under their official names.
    public let parameters: Parameters
    private let layers: TextEncoderLayers
    private var spaces: TapeSpaces<TextEncoderLayers.Ports>?

    /// Creates one with random weights.
    /// - Throws: `GenerationError` where the configuration has a `problem()`, or there is no memory.
    public init(_ configuration: TextEncoderConfiguration, seed: UInt64) throws(GenerationError) {
        if let problem = configuration.problem() { throw GenerationError("the text encoder: \(problem)") }
        var layout = ParameterLayout()
        self.layers = TextEncoderLayers(configuration, in: &layout)
        self.parameters = try Parameters.checked(layout, seed: seed, copies: 1, "the text encoder")
    }

    /// Takes the weights of a file.
    /// - Throws: `GenerationError` or `TensorFileError` where the file lacks one.
    public func load(_ file: SafetensorsFile) throws {
        try self.parameters.load(file, prefix: "cond_stage_model.transformer.")
    }

    /// The last hidden state of a text, (positions, width).
    /// - Parameter tokens: padded, as `TextEncoderConfiguration.pad` leaves them.
    /// - Throws: `GenerationError` where there are others than the encoder knows, or too many.
    public func encode(_ tokens: [Int]) throws(GenerationError) -> [Float] {
        let c = self.configuration
        guard tokens.count == c.positions, tokens.allSatisfy({ 0..<c.vocabulary ~= $0 }) else {
            throw GenerationError(
                "a text of \(tokens.count) tokens, the largest \(tokens.max() ?? 0), is not one of \(c.positions) "
                    + "below \(c.vocabulary)")
        }
        let spaces = self.spaces ?? TapeSpaces(isTraining: false) { [layers] in layers.write(on: &$0) }
        self.spaces = spaces
        let pass = TapeSpaces<TextEncoderLayers.Ports>.pass(self.parameters, try spaces.take(threads: 1)[0])
        self.layers.embed(tokens, into: spaces.plan.value(spaces.ports.embedded, pass), pass)
        spaces.plan.forward(pass)
        return spaces.plan.value(spaces.ports.text, pass).values
    }
}
