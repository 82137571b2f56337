// SPDX-License-Identifier: Apache-2.0

public import TextEncoders
public import Training
import VideoFeatures

/// The make of a network for moments: VSLNet's settings, and the words and characters that it knows, if it reads
/// those.
public struct MomentDescription: RunSettings {
    /// The network.
    public var configuration: VSLNetConfiguration
    /// The words that have a vector.
    public var words: [String]?
    /// The characters that are known.
    public var characters: [String]?

    /// Describes a network that reads the states of an encoder, or the words of a vocabulary.
    public init(_ configuration: VSLNetConfiguration, vocabulary: WordVocabulary? = nil) {
        self.configuration = configuration
        self.words = vocabulary?.words
        self.characters = vocabulary?.characters
    }

    /// The vocabulary, if the network reads words.
    public var vocabulary: WordVocabulary? {
        guard let words = self.words, let characters = self.characters else { return nil }
        return WordVocabulary(words: words, characters: characters)
    }

    /// Each setting in words, by the option that sets it.
    public var settings: [(name: String, value: String)] { self.configuration.settings }

    /// Says what is out of range, or does not fit, or nothing.
    public func problem() -> String? {
        if let problem = self.configuration.problem() { return problem }
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

/// The way from samples to what the network takes, as far as that decides the bits.
public struct MomentPreparation: RunSettings {
    /// The fate of windows shorter than a feature's slot.
    public var targets = TargetRule.fixed
    /// The most that targets of generated samples are widened; 1 leaves them alone.
    public var jitterScale = 1.0
    /// The owners of the features in the files, videos or clips.
    public var layout = FeatureLayout.automatic
    /// The hash of the text encoder's weights or tables.
    public var text: String

    /// The defaults for a text encoder.
    public init(text: String) { self.text = text }

    /// Reads a preparation; what is absent has its default.
    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        self.init(text: try fields.decode(String.self, forKey: .text))
        self.targets = try fields.value(.targets, default: self.targets)
        self.jitterScale = try fields.value(.jitterScale, default: self.jitterScale)
        self.layout = try fields.value(.layout, default: self.layout)
    }

    /// Says what is out of range, or nothing.
    public func problem() -> String? {
        self.jitterScale >= 1 && self.jitterScale <= 100
            ? nil : "--jitter is from 1 (off) to 100, not \(self.jitterScale)"
    }

    /// Each setting as it was given, by the option that sets it.
    public var settings: [(name: String, value: String)] {
        [
            ("--targets", self.targets.rawValue), ("--jitter", "\(self.jitterScale)"),
            ("--layout", self.layout.rawValue), ("what reads the queries", self.text),
        ]
    }
}

extension TargetRule: Codable {}
extension FeatureLayout: Codable {}
