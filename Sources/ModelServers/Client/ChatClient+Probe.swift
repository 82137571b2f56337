// SPDX-License-Identifier: Apache-2.0

import Codecs
public import ModelRequests
import Records

extension ChatClient {
    /// The names of the models offered; `nil` if the server has no such route, or cannot be reached.
    public func models() async -> [String]? {
        guard let json = await self.json(self.endpoint.api("/models")) else { return nil }
        guard let list = json["data"]?.array ?? json["models"]?.array else { return nil }
        return list.compactMap { $0["id"]?.string ?? $0["name"]?.string }
    }

    /// Asks for what `/health` says.
    public func health() async -> ServerCapabilities.Health {
        do throws(ChatFailure) {
            switch try await self.get(self.endpoint.root("/health")).status {
            case 200: return .healthy
            case 503: return .loading
            case 404, 405, 401, 403: return .notOffered
            case let status: return .status(status)
            }
        } catch {
            return .unreachable
        }
    }

    /// Asks for what `/metrics` says; `nil` if it is not offered.
    public func metrics() async -> ServerMetrics? {
        guard let reply = try? await self.get(self.endpoint.root("/metrics")), reply.status == 200 else { return nil }
        let metrics = ServerMetrics(parsing: String(decoding: reply.body, as: UTF8.self))
        return metrics.values.isEmpty ? nil : metrics
    }

    /// Finds out what the server can do: by what it offers, and by one tiny request that is put as the real ones are.
    /// If they have a schema it has one too, with the same bounds, that contradicts its prompt: a server that knows
    /// nothing of schemas answers 200 all the same.
    /// - Parameter request: one of the requests that are to come.
    public func probe(like request: ChatRequest) async -> ServerCapabilities {
        let health = await self.health()
        var found = ServerCapabilities(
            health: health, models: nil, schema: .unknown, reportsUsage: nil, slots: nil, contextTokens: nil,
            hasMetrics: false, failure: nil)
        if health != .unreachable {
            found.models = await self.models()
            found.hasMetrics = await self.metrics() != nil
            let properties = await self.json(self.endpoint.root("/props"))
            found.slots = Self.size(properties?["total_slots"])
            found.contextTokens = Self.size(properties?["default_generation_settings"]?["n_ctx"])
            if found.slots == nil { found.slots = await self.json(self.endpoint.root("/slots"))?.array?.count }
        }
        do throws(ChatFailure) {
            await self.probeForms(of: try Self.schemaProbe(like: request), &found)
        } catch {
            found.failure = error
        }
        return found
    }

    /// Returns a size that a server says it has; `nil` for a value that no server has.
    private static func size(_ value: JSONValue?) -> Int? {
        value?.int.flatMap { 1...(1 << 31) ~= $0 ? $0 : nil }
    }

    /// Asks with less and less until there is an answer: what the server names as refused is left out first; then,
    /// where it names nothing, the bounds of the schema, the schema, and all that can be left out.
    private func probeForms(of tiny: ChatRequest, _ found: inout ServerCapabilities) async {
        var form = RequestForm()
        var first: Tried?
        while true {
            let tried = await self.ask(tiny, form)
            if case .answered(let answer) = tried.outcome, !answer.saysNothing {
                return await self.settle(tried, first: first, answer, tiny, &found)
            }
            first = first ?? tried
            guard tried.mayBeTheForms, let next = Self.less(than: tried.form, tiny) else { break }
            form = next
        }
        // With less it is no better, so what is to be said is what became of the whole.
        switch first?.outcome {
        case .answered(let answer)?: found.take(answer, RequestForm(), tiny)
        case .failed(let failure)?: found.failure = failure
        case nil: break
        }
    }

    /// Takes a form that was answered; one that the server only fell over once, before it, is tried again.
    private func settle(
        _ tried: Tried, first: Tried?, _ answer: ChatAnswer, _ tiny: ChatRequest, _ found: inout ServerCapabilities
    ) async {
        if let first, case .failed(.server) = first.outcome {
            let again = await self.ask(tiny, first.form)
            if case .answered(let answer) = again.outcome, !answer.saysNothing {
                return found.take(answer, again.form, tiny)
            }
        }
        found.take(answer, tried.form, tiny)
    }

    private static func less(than form: RequestForm, _ tiny: ChatRequest) -> RequestForm? {
        if let less = form.withLessSchema(of: tiny) { return less }
        return [RequestForm.plain, .bare].first { form.merged(with: $0) != form }.map(form.merged(with:))
    }

    private struct Tried {
        enum Outcome {
            case answered(ChatAnswer)
            case failed(ChatFailure)
        }
        /// The form that was asked in at last.
        var form: RequestForm
        var outcome: Outcome

        /// Tells whether the request's form may be the cause: some servers refuse a schema, others fall over it, or say
        /// nothing.
        var mayBeTheForms: Bool {
            switch self.outcome {
            case .answered, .failed(.request): true
            case .failed(.server(let fault, _)): fault.blame != nil && self.form.schema > .none
            case .failed: false
            }
        }
    }

    /// Asks, and again without what is refused by name.
    private func ask(_ tiny: ChatRequest, _ form: RequestForm) async -> Tried {
        var now = form
        var later = form
        while true {
            do throws(CallFailure) {
                return Tried(form: later, outcome: .answered(try await self.attempt(tiny, now)))
            } catch {
                guard let refusal = error.refusal, let adapted = now.adapted(to: refusal, of: tiny) else {
                    return Tried(form: now, outcome: .failed(error.failure))
                }
                later = later.adapted(to: refusal, of: tiny)?.later ?? adapted.later
                now = adapted.now
            }
        }
    }

    /// A tiny request that any server that works answers.
    static func witness(model: String) throws(ChatFailure) -> ChatRequest {
        try self.built { () throws(JSONError) in
            try ChatRequest(model: model, messages: [ChatMessage(role: .user, content: "Say OK.")], maxTokens: 4)
        }
    }

    private static func schemaProbe(like request: ChatRequest) throws(ChatFailure) -> ChatRequest {
        try self.built { () throws(JSONError) in
            try ChatRequest(
                model: request.model,
                messages: [ChatMessage(role: .user, content: "Write one short sentence about the sea.")],
                schema: request.schema.map(Self.probeSchema(like:)), temperature: request.temperature,
                topP: request.topP,
                maxTokens: request.maxTokens, seed: request.seed, stop: request.stop)
        }
    }

    /// One colour, which the prompt does not ask for, beside what has the bounds of the real schema.
    private static func probeSchema(like schema: String) -> String {
        let colour = JSONValue.object([.init("type", .string("string")), .init("enum", .array([.string("teal")]))])
        let members = [JSONValue.Member("colour", colour)] + SchemaBounds.sample(of: schema)
        let probe = JSONValue.object([
            .init("type", .string("object")), .init("properties", .object(members)),
            .init("required", .array(members.map { .string($0.key) })), .init("additionalProperties", .bool(false)),
        ])
        return String(decoding: probe.bytes, as: UTF8.self)
    }

    private static func built(
        _ request: () throws(JSONError) -> ChatRequest
    ) throws(ChatFailure) -> ChatRequest {
        do throws(JSONError) {
            return try request()
        } catch {
            throw .request(reason: .badRequest, message: error.description)
        }
    }

    static func judge(_ answer: ChatAnswer) -> ServerCapabilities.SchemaSupport {
        if let json = try? JSONValue(parsing: answer.written.utf8), json["colour"]?.string == "teal" { return .obeyed }
        let start = answer.text.first { !$0.isWhitespace }
        return answer.isTruncated && (start == nil || start == "{") ? .unknown : .ignored
    }

    private func json(_ url: String) async -> JSONValue? {
        guard let reply = try? await self.get(url), reply.status == 200 else { return nil }
        return try? JSONValue(parsing: reply.body)
    }
}

extension ChatAnswer {
    /// Tells whether nothing was written, not even thoughts, and no limit of tokens explains it.
    fileprivate var saysNothing: Bool { self.written.allSatisfy(\.isWhitespace) && !self.isTruncated }
}

extension ServerCapabilities {
    fileprivate mutating func take(_ answer: ChatAnswer, _ form: RequestForm, _ tiny: ChatRequest) {
        self.form = form
        if tiny.schema != nil { self.schema = form.schema == .none ? .refused : ChatClient.judge(answer) }
        self.reportsUsage = answer.promptTokens != nil && answer.completionTokens != nil
        self.failure = nil
    }
}
