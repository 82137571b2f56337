// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
import Codecs
import Foundation
public import MomentLocalization
import NeuralNetworks
import Records
import TaskRooms
import TextEncoders
import VideoAnnotations

/// A way to read queries.
public enum TextKind: String, CaseIterable, ExpressibleByArgument {
    /// A frozen BERT.
    case bert
    /// Words and their characters.
    case words
}

/// Options for the sources of features and text.
public struct DataArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The folder of features: UID.pt, UID.npy or UID.safetensors, one a video or one a clip.", valueName: "dir"))
    var features: String

    @Option(help: "Whose features the files hold: video, clip, or automatic (the clip's own where there is one).")
    var layout = FeatureLayout.automatic

    @Option(
        help: ArgumentHelp(
            "A folder with model.safetensors, vocab.txt and config.json of a BERT, for --text bert.", valueName: "dir"))
    var bert: String?

    @Option(help: ArgumentHelp("Memory for features, and as much for text, in MiB, up to 16777216.", valueName: "mib"))
    var cache = 1024

    @Option(
        help: ArgumentHelp(
            "Threads, up to 1024; by default as many as cores. They change the speed, not the result.", valueName: "n"))
    var threads: Int?

    /// Creates arguments that are to be parsed.
    public init() {}

    private static let cacheRange = 1...(1 << 24)

    /// Refuses what is out of range.
    public func validate() throws {
        try OptionRange.check("--cache", self.cache, Self.cacheRange)
        if let threads { try OptionRange.check("--threads", threads, VSLNet.threadsRange) }
    }

    /// The same, as plain values.
    public var inputs: NetworkInputs {
        NetworkInputs(
            features: self.features, layout: self.layout, bert: self.bert, cacheBytes: self.cache << 20,
            threads: self.threads)
    }
}

/// Options for the make of a new network.
public struct NetworkArguments: ParsableArguments {
    @Option(help: "The network: vslnet, or vslbase (without highlighting).")
    var model = VSLNetConfiguration.Architecture.vslNet

    @Option(help: "Predictor of start and end: transformer or recurrent; by default the one that goes with the text.")
    var predictor: VSLNetConfiguration.Predictor?

    @Option(help: "Reader of queries: bert (frozen; needs --bert), or words (and characters).")
    var text = TextKind.bert

    @Option(
        help: ArgumentHelp(
            "For --text words: GloVe's text file. Without it each word gets a vector drawn from its letters.",
            valueName: "file"))
    var glove: String?

    @Option(
        help: ArgumentHelp(
            "For --text words: annotation files whose words and characters the network is to know; repeatable.",
            valueName: "file"))
    var vocabularyFrom: [String] = []

    @Option(help: ArgumentHelp("Columns within the network, up to 4096.", valueName: "n"))
    var dim = 128

    @Option(help: ArgumentHelp("Heads of each attention, which divide --dim.", valueName: "n"))
    var heads = 8

    @Option(help: ArgumentHelp("The most bins of a clip, and tokens of a query, 3 to 8192.", valueName: "n"))
    var maxPosLen = 128

    @Option(help: "The share of activations that is dropped, 0 to below 1.")
    var dropout = 0.2

    @Option(help: "Weight of the highlight loss in the total, 0 to 1000000.")
    var highlightLambda: Float = 5

    /// Refuses what is out of range.
    public func validate() throws {
        if let problem = self.configuration(features: 1, text: .encoded(width: 1)).problem() {
            throw ValidationError(problem)
        }
    }

    /// Creates arguments that are to be parsed.
    public init() {}

    /// A network that is new, with what reads its queries.
    public struct New {
        /// The network.
        public var model: VSLNet
        /// The encoder of its queries.
        public var text: TextEncoder
        /// The hash of the encoder's weights or tables.
        public var textHash: String

        /// Puts the network together with its features.
        public func localizer(_ data: NetworkInputs, _ preparation: MomentPreparation) -> MomentLocalizer {
            MomentLocalizer(
                self.model, features: data.store(self.model.configuration), text: self.text, preparation)
        }
    }

    private func configuration(
        features: Int, text: VSLNetConfiguration.TextInput
    ) -> VSLNetConfiguration {
        var configuration = VSLNetConfiguration(videoFeatureWidth: features)
        configuration.architecture = self.model
        configuration.width = self.dim
        configuration.heads = self.heads
        configuration.positionsMax = self.maxPosLen
        configuration.dropRate = self.dropout
        configuration.highlightWeight = self.highlightLambda
        configuration.predictor = self.predictor ?? (self.text == .bert ? .transformer : .recurrent)
        configuration.text = text
        return configuration
    }

    /// Makes the network of a seed.
    public func make(_ data: NetworkInputs, seed: UInt64) throws -> New {
        var configuration = self.configuration(features: try data.featureWidth(), text: .encoded(width: 1))
        switch self.text {
        case .bert:
            let (encoder, tokenizer, hash) = try data.bertEncoder()
            configuration.text = .encoded(width: encoder.width)
            return New(
                model: try self.network(configuration, data, seed),
                text: TextEncoder(
                    .bert(encoder, tokenizer), countMax: configuration.positionsMax, bytesMax: data.cacheBytes),
                textHash: "bert:" + hash)
        case .words: return try self.makeOfWords(configuration, data, seed)
        }
    }

    private func makeOfWords(
        _ configuration: VSLNetConfiguration, _ data: NetworkInputs, _ seed: UInt64
    ) throws -> New {
        guard !self.vocabularyFrom.isEmpty else {
            throw TaskFailure(
                .usage, "--text words needs --vocabulary-from FILE, annotations whose words the network is to know")
        }
        var sentences: [String] = []
        for path in self.vocabularyFrom { sentences += try Annotations.read(path).split.queries.map(\.sentence) }
        guard !sentences.isEmpty else {
            throw TaskFailure(
                .usage,
                "--vocabulary-from \(self.vocabularyFrom.joined(separator: ", ")) holds no query whose words could be known; "
                    + "name annotations with queries, such as nlq_train.json")
        }
        let wanted = Set(sentences.flatMap { WordTokenizer.words($0) })
        let vectors = try self.glove.map { try WordVectors(path: $0, wanted: wanted) } ?? WordVectors()
        let vocabulary = WordVocabulary(sentences: sentences, isKnown: { vectors.has($0) })
        guard !vocabulary.words.isEmpty else {
            throw TaskFailure(
                .usage,
                self.glove.map {
                    "no word of --vocabulary-from has a vector in \($0); give GloVe's file of its language"
                }
                    ?? "the queries of --vocabulary-from hold no word")
        }
        var configuration = configuration
        configuration.text = .tokens(
            words: vocabulary.words.count, wordWidth: vectors.width, characters: vocabulary.characters.count + 2,
            characterWidth: 50)
        let model = try self.network(configuration, data, seed)
        let matrix = vectors.matrix(vocabulary.words)
        guard let known = model.layout["embedding_net.word_emb.glove_vec"] else {
            throw TaskFailure(.failed, "the network has no place for word vectors")
        }
        model.parameters[known] = matrix
        let hash = ContentHash.sha256(matrix.withUnsafeBytes { Bytes($0) })
        return New(
            model: model,
            text: TextEncoder(.words(vocabulary), countMax: configuration.positionsMax, bytesMax: data.cacheBytes),
            textHash: "words:" + hash)
    }

    private func network(_ configuration: VSLNetConfiguration, _ data: NetworkInputs, _ seed: UInt64) throws -> VSLNet {
        do throws(ModelError) {
            return try VSLNet.checked(configuration, seed: seed, threads: data.threadCount)
        } catch {
            throw TaskFailure(.usage, error.description)
        }
    }
}
