// SPDX-License-Identifier: Apache-2.0

public import Codecs
public import Dataflow
public import ModelRequests

/// A topology's settings for a model and the way it is asked: all that shapes its answers, whatever the task.
///
/// A step that asks lists those of the fields that it has use for, among its own (`ConversationStep.specification`).
public struct ModelOptions: Sendable {
    /// The way in which the server is told the form of an answer.
    public enum ResponseFormat: String, Choice {
        /// By a JSON schema in `response_format`; a server that refuses it is asked without.
        case jsonSchema = "json-schema"
        /// By the prompt alone.
        case none
    }

    /// The model's name, as the server knows it.
    public let model: String
    /// The sampling temperature.
    public let temperature: Double
    /// The share of probability that is sampled from; `nil` leaves it to the server.
    public let topP: Double?
    /// The most tokens of an answer.
    public let maxTokens: Int
    /// The seed that the topology gives.
    public let seed: Int?
    /// Texts at which an answer ends.
    public let stop: [String]
    /// Tells whether requests carry the schema of an answer.
    public let sendsSchema: Bool
    /// Tells whether an answer that cannot be used is asked for a second time.
    public let repairs: Bool
    /// The number of answers of a request that are asked for.
    public let samples: Int

    /// The request that says some messages.
    /// - Parameters:
    ///   - schema: the JSON schema of an answer; left out where the topology wants none sent.
    ///   - sampling: which of several samples asks; `nil` for the only one, whose requests are as they would be if
    ///     there were no samples.
    ///   - round: how many requests of this sample came before.
    /// - Throws: `JSONError` if the schema is not one JSON object.
    public func request(
        _ messages: [ChatMessage], schema: String?, sampling: Sampling? = nil, round: Int = 0
    ) throws(JSONError) -> ChatRequest {
        try ChatRequest(
            model: self.model, messages: messages, schema: self.sendsSchema ? schema : nil,
            temperature: self.temperature, topP: self.topP, maxTokens: self.maxTokens,
            seed: sampling?.seed(round: round) ?? self.seed, stop: self.stop, sample: sampling?.ordinal)
    }
}

extension ModelOptions {
    /// The model's name.
    public static let model = Field("model", default: "", help: "The model's name, as the server knows it.")
    /// The sampling temperature.
    public static let temperature = Field(
        "temperature", default: 0.0, in: 0...2,
        help: "The sampling temperature. 0 is as repeatable as a server can be.")
    /// The share of probability that is sampled from.
    public static let topP = Field<Double?>(
        "top-p", default: nil,
        help: "The share of probability that is sampled from; left to the server where it is not given."
    ) { ($0.map { $0 > 0 && $0 <= 1 } ?? true) ? nil : "it must be above 0 and at most 1" }
    /// The most tokens of an answer.
    public static let maxTokens = Field(
        "max-tokens", default: 1024, in: 1...1_000_000,
        help: "The tokens that an answer may have; what is complete of a longer one is kept.")
    /// The seed of the sampling.
    public static let seed = Field<Int?>(
        "seed", default: nil, help: "The seed of the sampling, which servers heed or not.")
    /// Texts at which an answer ends.
    public static let stop = Field<[String]>("stop", default: [], help: "Texts at which an answer ends.")
    /// The way in which the server is told the form of an answer.
    public static let responseFormat = Field(
        "response-format", default: ResponseFormat.jsonSchema,
        help: """
            `json-schema` sends the form of an answer as a schema, which servers hold the model to; one that refuses it is \
            asked without. `none` leaves it to the prompt.
            """)
    /// A second turn for an answer that cannot be used.
    public static let repair = Field(
        "repair", default: true, help: "Ask once more, saying what was wrong, where nothing can be read from an answer."
    )

    /// The number of answers of a request.
    public static let samples = Field(
        "samples", default: 1, in: 1...64, isAdded: true,
        help: """
            The answers that are asked for of each request, each with a seed of its own, which follows from the record. \
            They differ only at a temperature above 0.
            """)

    /// Warns where samples would all be the same.
    public static let warnings: @Sendable (Configuration) -> [ConfigurationError] = { configuration in
        guard configuration[Self.samples] > 1, configuration[Self.temperature] == 0 else { return [] }
        return [
            ConfigurationError(
                "at temperature 0 all \(configuration[Self.samples]) samples are as good as the same answer: raise "
                    + "`temperature`, or ask once", field: Self.samples.name)
        ]
    }

    /// Reads the settings.
    /// - Throws: `ConfigurationError` where no model is named.
    public init(_ configuration: Configuration) throws(ConfigurationError) {
        let model = configuration[Self.model]
        guard !model.isEmpty else {
            throw ConfigurationError(
                "it is missing: give the model's name as the server knows it, or set the environment variable that the "
                    + "topology takes it from (`LLM_MODEL` in those that are shipped)", field: Self.model.name)
        }
        self.model = model
        self.temperature = configuration[Self.temperature]
        self.topP = configuration[Self.topP]
        self.maxTokens = configuration[Self.maxTokens]
        self.seed = configuration[Self.seed]
        self.stop = configuration[Self.stop]
        self.sendsSchema = configuration[Self.responseFormat] == .jsonSchema
        self.repairs = configuration[Self.repair]
        self.samples = configuration[Self.samples]
    }
}

extension ModelEndpoint {
    /// The server's address.
    public static let url = Field(
        "base-url", default: "http://127.0.0.1:8080/v1", shapesOutput: false,
        help: "The server's address: vLLM, llama.cpp, Ollama, or a hosted one."
    ) { url in
        if !url.hasPrefix("http://"), !url.hasPrefix("https://") { return "it must begin with http:// or https://" }
        return url.contains("@")
            ? "it must hold no user or key: give the key by the environment (`api-key-variable`)" : nil
    }
    /// The environment variable that holds the key.
    public static let keyVariable = Field(
        "api-key-variable", default: "LLM_API_KEY", shapesOutput: false,
        help: "The environment variable that holds the server's key; where it is not set, no key is sent.")
    /// Calls at a time.
    public static let inFlight = Field<Int?>(
        "in-flight", default: nil, shapesOutput: false,
        help: """
            Calls at the server at a time in this process, over all partitions. Where it is not given, as many as the \
            server says it has slots, or 16.
            """
    ) { ($0.map { (1...10_000).contains($0) } ?? true) ? nil : "it must be 1 to 10000" }
    /// Seconds to a connection.
    public static let connectSeconds = Field(
        "connect-timeout", default: 10.0, in: 0.1...3600, shapesOutput: false,
        help: "Seconds to a connection with the server.")
    /// Seconds to an answer's first byte.
    public static let firstByteSeconds = Field(
        "first-byte-timeout", default: 300.0, in: 0.1...86_400, shapesOutput: false,
        help: "Seconds from a call to the first byte of its answer.")
    /// Seconds to an answer's last byte.
    public static let totalSeconds = Field(
        "total-timeout", default: 600.0, in: 0.1...86_400, shapesOutput: false,
        help: "Seconds from a call to the last byte of its answer.")
    /// Authorities to trust.
    public static let authorityFile = Field<String?>(
        "authority-file", default: nil, shapesOutput: false,
        help: "For https: a PEM file of certificate authorities to trust beside the system's.")

    /// The price of prompts.
    public static let priceIn = Field<Double?>(
        "price-in", default: nil, shapesOutput: false,
        help: "Money for a million tokens of prompts, for the metric of costs; nothing is limited by it."
    ) { Self.problem(price: $0) }
    /// The price of answers.
    public static let priceOut = Field<Double?>(
        "price-out", default: nil, shapesOutput: false, help: "Money for a million tokens of answers."
    ) { Self.problem(price: $0) }
    /// The currency of the prices.
    public static let priceCurrency = Field(
        "price-currency", default: "USD", shapesOutput: false, help: "The currency of the prices, by its three letters."
    ) { text in
        text.utf8.count == 3 && text.utf8.allSatisfy { (0x41...0x5a).contains($0) }
            ? nil : "it must be three capital letters, such as EUR"
    }

    private static func problem(price: Double?) -> String? {
        (price.map { (0...1e9).contains($0) } ?? true) ? nil : "it must be 0 to 1000000000"
    }

    /// The fields of a server, which every step that asks has.
    public static let fields: [any FieldDescription] = [
        Self.url, Self.keyVariable, Self.inFlight, Self.connectSeconds, Self.firstByteSeconds, Self.totalSeconds,
        Self.authorityFile, Self.priceIn, Self.priceOut, Self.priceCurrency,
    ]

    private static func price(_ configuration: Configuration) -> ModelPrice? {
        let (priceIn, priceOut) = (configuration[Self.priceIn], configuration[Self.priceOut])
        if priceIn == nil, priceOut == nil { return nil }
        return ModelPrice(
            model: configuration[ModelOptions.model], millionIn: priceIn ?? 0, millionOut: priceOut ?? 0,
            currency: configuration[Self.priceCurrency])
    }

    /// Reads a server's description.
    public init(_ configuration: Configuration) {
        self.init(
            url: configuration[Self.url], keyVariable: configuration[Self.keyVariable],
            inFlightMax: configuration[Self.inFlight], connectSeconds: configuration[Self.connectSeconds],
            firstByteSeconds: configuration[Self.firstByteSeconds], totalSeconds: configuration[Self.totalSeconds],
            authorityFile: configuration[Self.authorityFile], price: Self.price(configuration))
    }
}
