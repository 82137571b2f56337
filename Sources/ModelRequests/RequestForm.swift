// SPDX-License-Identifier: Apache-2.0

import Records

/// The form of a request for a server that refuses a part of it: without that part, or with another name for it.
///
/// The question stays the same, and so does its key in the cache.
public struct RequestForm: Hashable, Sendable {
    /// Parts that a request can do without; the raw values are the protocol's names.
    public enum Part: String, Hashable, Sendable, CaseIterable {
        case temperature
        case topP = "top_p"
        case seed
        case stop
        case stream
    }

    /// The amount of the schema that is sent.
    public enum Schema: Int, Hashable, Sendable, Comparable {
        /// Nothing.
        case none
        /// All but the bounds of lists, texts and numbers (`SchemaBounds`).
        case unbounded
        /// All.
        case whole

        /// Tells whether less is sent.
        public static func < (left: Schema, right: Schema) -> Bool { left.rawValue < right.rawValue }
    }

    /// The name by which an answer's tokens are limited.
    public enum TokenLimit: Hashable, Sendable {
        case maxTokens
        case maxCompletionTokens
        /// They are not.
        case none

        /// The protocol's name.
        public var name: StaticString? {
            switch self {
            case .maxTokens: "max_tokens"
            case .maxCompletionTokens: "max_completion_tokens"
            case .none: nil
            }
        }

        /// The name to try if the server refuses this one.
        public var next: TokenLimit? {
            switch self {
            case .maxTokens: .maxCompletionTokens
            case .maxCompletionTokens: TokenLimit.none
            case .none: nil
            }
        }
    }

    /// The size of a context, as a server told it of one request; other requests are measured by it.
    public struct Context: Hashable, Sendable {
        /// The tokens of a prompt and its answer together.
        public var tokens: Int
        /// The tokens of that request's prompt for each byte of it.
        public var tokensPerByte: Double

        /// Describes a context.
        public init(tokens: Int, tokensPerByte: Double) {
            self.tokens = tokens
            self.tokensPerByte = tokensPerByte
        }
    }

    /// The parts that are left out.
    public var leavesOut: Set<Part> = []
    /// The amount of the schema that is sent.
    public var schema = Schema.whole
    /// The name by which the answer's tokens are limited.
    public var tokenLimit = TokenLimit.maxTokens
    /// The most tokens that the server lets anyone ask for; `nil` if it has not said.
    public var tokensMax: Int?
    /// The context, if the server has said that one is too small.
    public var context: Context?

    /// An answer of fewer tokens is not worth asking for.
    public static let answerTokensMin = 16

    /// Creates the form that holds everything.
    public init() {}

    /// The form that holds the messages and the limit of the answer's tokens.
    package static let plain: RequestForm = {
        var form = RequestForm()
        form.leavesOut = Set(Part.allCases)
        form.schema = .none
        return form
    }()

    /// The form that holds the messages alone.
    package static let bare: RequestForm = {
        var form = Self.plain
        form.tokenLimit = .none
        return form
    }()

    /// The tokens that are asked for; `nil` if the request leaves them to the server.
    package func answerTokens(of request: ChatRequest) -> Int? {
        guard let wanted = request.maxTokens else { return nil }
        var tokens = min(wanted, self.tokensMax ?? wanted)
        if let context {
            // A little less than is left: the estimate may be short of some tokens.
            let prompt = Double(request.promptBytes) * context.tokensPerByte * 1.02 + 8
            let room = Double(context.tokens) - prompt
            // If the estimate leaves nothing, the server is asked: it knows better.
            if room >= Double(Self.answerTokensMin) { tokens = min(tokens, Int(min(room, 1e9))) }
        }
        return tokens
    }

    /// The schema that is sent.
    func schema(of request: ChatRequest) -> String? {
        switch self.schema {
        case .whole: request.schema
        case .unbounded: request.schema.map(SchemaBounds.removed(from:))
        case .none: nil
        }
    }

    /// The parts of a request that this form leaves out, by their names in the protocol; `schema_bounds` are those of
    /// lists, texts and numbers in the schema. `stream` is none of them: it says how an answer is sent, not what it is.
    package func omitted(of request: ChatRequest) -> [String] {
        var omitted = Part.allCases.filter { part in
            guard self.leavesOut.contains(part) else { return false }
            return switch part {
            case .temperature: request.temperature != nil
            case .topP: request.topP != nil
            case .seed: request.seed != nil
            case .stop: !request.stop.isEmpty
            case .stream: false
            }
        }.map(\.rawValue)
        let sent = self.schema(of: request)
        if request.schema != nil, sent != request.schema {
            omitted.append(sent == nil ? "response_format" : "schema_bounds")
        }
        if request.maxTokens != nil, self.tokenLimit == .none { omitted.append("max_tokens") }
        return omitted
    }

    /// A form with less of the schema, if a request has one and this form sends some of it.
    package func withLessSchema(of request: ChatRequest) -> RequestForm? {
        guard let schema = request.schema, self.schema > .none else { return nil }
        var form = self
        form.schema = self.schema == .whole && SchemaBounds.removed(from: schema) != schema ? .unbounded : Schema.none
        return form
    }

    /// All that either form gives up.
    package func merged(with other: RequestForm) -> RequestForm {
        var merged = self
        merged.leavesOut.formUnion(other.leavesOut)
        merged.schema = min(self.schema, other.schema)
        if other.tokenLimit != .maxTokens { merged.tokenLimit = self.tokenLimit == .none ? .none : other.tokenLimit }
        if let tokens = other.tokensMax { merged.tokensMax = min(tokens, self.tokensMax ?? tokens) }
        merged.context = other.context ?? self.context
        return merged
    }

    /// Returns the parts given up since another form, for a person.
    package func changes(since old: RequestForm) -> [String] {
        var changes: [String] = []
        if self.tokenLimit != old.tokenLimit {
            switch self.tokenLimit {
            case .maxTokens: break
            case .maxCompletionTokens: changes.append("`max_completion_tokens` in place of `max_tokens`")
            case .none: changes.append("no limit of an answer's tokens")
            }
        }
        let parts = Part.allCases.filter { self.leavesOut.contains($0) && !old.leavesOut.contains($0) }
        if !parts.isEmpty { changes.append("no " + parts.map { "`\($0.rawValue)`" }.joined(separator: ", ")) }
        if self.schema != old.schema {
            changes.append(self.schema == .unbounded ? "a schema without bounds of lists and texts" : "no schema")
        }
        if let tokensMax, tokensMax != old.tokensMax { changes.append("at most \(tokensMax) tokens for an answer") }
        if let context, old.context == nil {
            changes.append("as many tokens for an answer as its context of \(context.tokens) leaves")
        }
        return changes
    }
}

extension ChatRequest {
    /// Number of images in the messages.
    package var imageCount: Int { self.messages.reduce(0) { $0 + $1.images.count } }

    /// Bytes of the messages. An image counts as a text of as many tokens as it is taken to cost.
    package var promptBytes: Int {
        self.messages.reduce(0) { $0 + $1.content.utf8.count }
            + self.imageCount * MessageImage.estimatedTokens * Self.bytesPerToken
    }

    /// Bytes of a text that are taken for a token before a server has counted.
    package static let bytesPerToken = 4
}
