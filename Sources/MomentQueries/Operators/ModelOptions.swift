// SPDX-License-Identifier: Apache-2.0

internal import Codecs
internal import Dataflow
internal import ModelRequests
internal import Records

/// A topology's settings for a model and the way it is asked: all that shapes its answers.
struct ModelOptions {
    /// The way in which the server is told the form of an answer.
    enum ResponseFormat: String, Choice {
        /// By a JSON schema in `response_format`; a server that refuses it is asked without.
        case jsonSchema = "json-schema"
        /// By the prompt alone.
        case none
    }

    let model: String
    let temperature: Double
    let topP: Double?
    let maxTokens: Int
    let seed: Int?
    let stop: [String]
    let schema: AnswerSchema?
    /// Tells whether an answer that cannot be used is asked for a second time.
    let repairs: Bool

    /// The request that says some messages.
    /// - Parameter ids: the ids that the answer may name.
    func request(_ messages: [ChatMessage], ids: Range<Int>) throws(JSONError) -> ChatRequest {
        try ChatRequest(
            model: self.model, messages: messages, schema: self.schema?.json(ids: ids), temperature: self.temperature,
            topP: self.topP, maxTokens: self.maxTokens, seed: self.seed, stop: self.stop)
    }
}

extension ModelOptions {
    static let model = Field(
        "model", default: "", help: "For `openai`: the model's name, as the server knows it.")
    static let temperature = Field(
        "temperature", default: 0.0, in: 0...2,
        help: "For `openai`: the sampling temperature. 0 is as repeatable as a server can be.")
    static let topP = Field<Double?>(
        "top-p", default: nil,
        help: "For `openai`: the share of probability that is sampled from; left to the server where it is not given."
    ) { ($0.map { $0 > 0 && $0 <= 1 } ?? true) ? nil : "it must be above 0 and at most 1" }
    static let maxTokens = Field(
        "max-tokens", default: 1024, in: 1...1_000_000,
        help: "For `openai`: the tokens that an answer may have; what is complete of a longer one is kept.")
    static let seed = Field<Int?>(
        "seed", default: nil, help: "For `openai`: the seed of the sampling, which servers heed or not.")
    static let stop = Field<[String]>(
        "stop", default: [], help: "For `openai`: texts at which an answer ends.")
    static let responseFormat = Field(
        "response-format", default: ResponseFormat.jsonSchema,
        help: """
            For `openai`: `json-schema` sends the form of an answer as a schema, which servers hold the model to; one that \
            refuses it is asked without. `none` leaves it to the prompt.
            """)
    static let queryForm = Field(
        "query-form", default: AnswerSchema.QueryForm.free,
        help: """
            For `openai` with a schema: how far a query is held to the form of a question. `free`: any text; `sentence`: a \
            capital letter, 4 to 20 words, a question mark; `question`: also a first word that human queries begin with.
            """)
    static let boundsLists = Field(
        "bounds-lists", default: true,
        help: "For `openai` with a schema: bound its lists, which keeps small models from going on for ever.")
    static let repair = Field(
        "repair", default: true,
        help: "For `openai`: ask once more, saying what was wrong, where no query can be read from an answer.")

    static let fields: [any FieldDescription] = [
        Self.model, Self.temperature, Self.topP, Self.maxTokens, Self.seed, Self.stop, Self.responseFormat,
        Self.queryForm, Self.boundsLists, Self.repair,
    ]

    init(_ configuration: Configuration) throws(ConfigurationError) {
        let model = configuration[Self.model]
        guard !model.isEmpty else {
            throw ConfigurationError(
                "the provider `openai` needs the model's name, as the server knows it: give `model`, or set the "
                    + "environment variable that it is taken from (`LLM_MODEL` in nlq.yaml)", field: Self.model.name)
        }
        self.model = model
        self.temperature = configuration[Self.temperature]
        self.topP = configuration[Self.topP]
        self.maxTokens = configuration[Self.maxTokens]
        self.seed = configuration[Self.seed]
        self.stop = configuration[Self.stop]
        self.repairs = configuration[Self.repair]
        switch configuration[Self.responseFormat] {
        case .jsonSchema:
            self.schema = AnswerSchema(
                queryForm: configuration[Self.queryForm], boundsLists: configuration[Self.boundsLists])
        case .none:
            self.schema = nil
            guard configuration[Self.queryForm] == .free else {
                throw ConfigurationError(
                    "it needs the schema, which `response-format: none` leaves out", field: Self.queryForm.name)
            }
        }
    }
}

extension ModelEndpoint {
    static let url = Field(
        "base-url", default: "http://127.0.0.1:8080/v1", shapesOutput: false,
        help: "For `openai`: where the server is: vLLM, llama.cpp, Ollama, or a hosted one."
    ) { url in
        if !url.hasPrefix("http://"), !url.hasPrefix("https://") { return "it must begin with http:// or https://" }
        return url.contains("@")
            ? "it must hold no user or key: give the key by the environment (`api-key-variable`)" : nil
    }
    static let keyVariable = Field(
        "api-key-variable", default: "LLM_API_KEY", shapesOutput: false,
        help: "For `openai`: the environment variable that holds the key; where it is not set, no key is sent.")
    static let inFlight = Field<Int?>(
        "in-flight", default: nil, shapesOutput: false,
        help: """
            For `openai`: calls at the server at a time in this process, over all partitions. Where it is not given, as many \
            as the server says it has slots, or 16.
            """
    ) { ($0.map { (1...10_000).contains($0) } ?? true) ? nil : "it must be 1 to 10000" }
    static let connectSeconds = Field(
        "connect-timeout", default: 10.0, in: 0.1...3600, shapesOutput: false,
        help: "For `openai`: seconds to a connection.")
    static let firstByteSeconds = Field(
        "first-byte-timeout", default: 300.0, in: 0.1...86_400, shapesOutput: false,
        help: "For `openai`: seconds from a call to the first byte of its answer.")
    static let totalSeconds = Field(
        "total-timeout", default: 600.0, in: 0.1...86_400, shapesOutput: false,
        help: "For `openai`: seconds from a call to the last byte of its answer.")
    static let authorityFile = Field<String?>(
        "authority-file", default: nil, shapesOutput: false,
        help: "For `openai` by https: a PEM file of certificate authorities to trust beside the system's.")

    static let fields: [any FieldDescription] = [
        Self.url, Self.keyVariable, Self.inFlight, Self.connectSeconds, Self.firstByteSeconds, Self.totalSeconds,
        Self.authorityFile,
    ]

    init(_ configuration: Configuration) {
        self.init(
            url: configuration[Self.url], keyVariable: configuration[Self.keyVariable],
            inFlightMax: configuration[Self.inFlight], connectSeconds: configuration[Self.connectSeconds],
            firstByteSeconds: configuration[Self.firstByteSeconds], totalSeconds: configuration[Self.totalSeconds],
            authorityFile: configuration[Self.authorityFile])
    }
}
