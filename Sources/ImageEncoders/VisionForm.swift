// SPDX-License-Identifier: Apache-2.0

import Codecs
public import NeuralNetworks

/// The settings of an image encoder that its weights do not tell.
public struct VisionForm: Hashable, Sendable {
    /// The kinds of encoder that are read.
    public enum Family: String, CaseIterable, Sendable {
        /// SigLIP: every token is a patch, and an attention head pools them.
        case siglip
        /// CLIP: a class token stands before the patches, and is the pooled vector.
        case clip
    }

    /// The function between the two layers of a block's feed-forward part.
    public enum Activation: String, CaseIterable, Sendable {
        /// The exact GELU.
        case gelu
        /// GELU by its hyperbolic tangent.
        case tanh = "gelu_pytorch_tanh"
        /// x times the logistic function of 1.702 x.
        case quick = "quick_gelu"
    }

    /// The kind of encoder.
    public var family: Family
    /// The heads of attention.
    public var heads: Int
    /// The pixels along each side of the square picture that it takes.
    public var side: Int
    /// Added to the variance in each layer norm.
    public var epsilon: Float
    /// The function in each block.
    public var activation: Activation

    /// Describes an encoder; what is left out is as the family's published models have it.
    public init(_ family: Family, heads: Int, side: Int, epsilon: Float? = nil, activation: Activation? = nil) {
        self.family = family
        self.heads = heads
        self.side = side
        self.epsilon = epsilon ?? (family == .siglip ? 1e-6 : 1e-5)
        self.activation = activation ?? (family == .siglip ? .tanh : .quick)
    }

    /// Reads the `config.json` that is published with the weights: of an image encoder by itself, or of a model of
    /// texts and images, whose `vision_config` it then is. What is not in it is as the authors' code has it.
    public init(path: String) throws(TensorFileError) {
        let bytes = try TensorFile.text(path: path)
        let whole: JSONValue
        do throws(JSONError) {
            whole = try JSONValue(parsing: bytes)
        } catch {
            throw TensorFileError(.corrupt, "\(path): \(error)")
        }
        let value = whole["vision_config"] ?? whole
        let kind = value["model_type"]?.string ?? whole["model_type"]?.string ?? "nothing"
        let kinds: [String: Family] = [
            "siglip": .siglip, "siglip_vision_model": .siglip, "clip": .clip, "clip_vision_model": .clip,
        ]
        guard let family = kinds[kind] else {
            let known = kinds.keys.sorted().joined(separator: ", ")
            throw TensorFileError(.unsupported, "\(path): model_type is \(kind); read are \(known)")
        }
        self.init(
            family, heads: try Self.count(value, "num_attention_heads", 12, path),
            side: try Self.count(value, "image_size", 224, path))
        if let epsilon = value["layer_norm_eps"]?.double {
            guard epsilon >= 0, epsilon < 1 else {
                throw TensorFileError(.corrupt, "\(path): layer_norm_eps is \(epsilon), no small number above zero")
            }
            self.epsilon = Float(epsilon)
        }
        if let name = value["hidden_act"]?.string {
            guard let activation = Activation(rawValue: name) else {
                let known = Activation.allCases.map(\.rawValue).joined(separator: ", ")
                throw TensorFileError(.unsupported, "\(path): hidden_act is \(name); read are \(known)")
            }
            self.activation = activation
        }
    }

    private static func count(
        _ value: JSONValue, _ key: String, _ usual: Int, _ path: String
    ) throws(TensorFileError) -> Int {
        guard let found = value[key] else { return usual }
        guard let count = found.int, (1...4096).contains(count) else {
            throw TensorFileError(.corrupt, "\(path): \(key) is no whole number from 1 to 4096")
        }
        return count
    }

    /// The mean that is taken off each channel, of values from 0 to 1, and the deviation that it is divided by after.
    public var scaling: (means: [Float], deviations: [Float]) {
        switch self.family {
        case .siglip: ([0.5, 0.5, 0.5], [0.5, 0.5, 0.5])
        case .clip: ([0.481_454_66, 0.457_827_5, 0.408_210_73], [0.268_629_54, 0.261_302_58, 0.275_777_11])
        }
    }
}
