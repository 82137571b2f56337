// SPDX-License-Identifier: Apache-2.0

public import ModelRequests

/// The abilities that a model server has shown.
public struct ServerCapabilities: Hashable, Sendable {
    /// An answer of `/health`.
    public enum Health: Hashable, Sendable {
        /// 200.
        case healthy
        /// 503: it loads its model, or is full.
        case loading
        /// Another status.
        case status(Int)
        /// There is no such route; that is no fault.
        case notOffered
        /// The server cannot be reached.
        case unreachable
    }

    /// The outcome of a schema that contradicted the prompt.
    public enum SchemaSupport: String, Hashable, Sendable {
        /// The answer obeyed it.
        case obeyed
        /// The answer followed the prompt: `response_format` is ignored.
        case ignored
        /// The server refuses requests with a schema.
        case refused
        /// No answer, or one cut off.
        case unknown
    }

    /// The answer of `/health`.
    public var health: Health
    /// The models that `/v1/models` lists; `nil` if there is no such route.
    public var models: [String]?
    /// Tells whether a JSON schema is obeyed.
    public var schema: SchemaSupport
    /// Tells whether tokens are counted; `nil` if nothing was answered.
    public var reportsUsage: Bool?
    /// The requests it works on at a time, if it says so (llama.cpp: `/props`, `/slots`).
    public var slots: Int?
    /// The tokens that a prompt and its answer may have together, if it says so (llama.cpp: `/props`).
    public var contextTokens: Int?
    /// Tells whether `/metrics` answers.
    public var hasMetrics: Bool
    /// The reason why the tiny request was not answered.
    public var failure: ChatFailure?
    /// The form of requests that the server takes.
    public var form = RequestForm()

    /// Tells whether a model is among those listed; `nil` if none are.
    public func offers(_ model: String) -> Bool? {
        guard let models, !models.isEmpty else { return nil }
        return models.contains(model) || models.contains("\(model):latest")
    }
}

/// The metrics of a server in Prometheus' text format, summed over labels.
public struct ServerMetrics: Hashable, Sendable {
    /// The sum of each metric's values.
    public let values: [String: Double]

    /// Reads the text format; what is not a sample is passed over.
    public init(parsing text: String) {
        var values: [String: Double] = [:]
        for line in text.split(whereSeparator: \.isNewline) where !line.hasPrefix("#") {
            let name = line.prefix { $0 != "{" && $0 != " " && $0 != "\t" }
            var rest = line[name.endIndex...]
            if rest.hasPrefix("{") {
                guard let close = rest.lastIndex(of: "}") else { continue }
                rest = rest[rest.index(after: close)...]
            }
            guard let field = rest.split(whereSeparator: \.isWhitespace).first, let value = Double(field),
                value.isFinite, !name.isEmpty
            else { continue }
            values[String(name), default: 0] += value
        }
        self.values = values
    }

    /// Requests being worked on (vLLM, llama.cpp).
    public var running: Double? { self.first("vllm:num_requests_running", "llamacpp:requests_processing") }
    /// Requests waiting at the server (vLLM, llama.cpp).
    public var waiting: Double? { self.first("vllm:num_requests_waiting", "llamacpp:requests_deferred") }
    /// Tokens read in all (vLLM, llama.cpp).
    public var promptTokens: Double? { self.first("vllm:prompt_tokens_total", "llamacpp:prompt_tokens_total") }
    /// Tokens written in all (vLLM, llama.cpp).
    public var generatedTokens: Double? {
        self.first("vllm:generation_tokens_total", "llamacpp:tokens_predicted_total")
    }

    private func first(_ names: String...) -> Double? { names.lazy.compactMap { self.values[$0] }.first }
}
