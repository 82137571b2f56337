// SPDX-License-Identifier: Apache-2.0

internal import Chat
internal import Records

extension ChatClient {
    /// The names of the models offered; `nil` where the server has no such route, or cannot be reached.
    public func models() async -> [String]? {
        guard let json = await self.json(self.endpoint.api("/models")) else { return nil }
        guard let list = json["data"]?.array ?? json["models"]?.array else { return nil }
        return list.compactMap { $0["id"]?.string ?? $0["name"]?.string }
    }

    /// What `/health` says.
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

    /// What `/metrics` says; `nil` where it is not offered.
    public func metrics() async -> ServerMetrics? {
        guard let reply = try? await self.get(self.endpoint.root("/metrics")), reply.status == 200 else { return nil }
        let metrics = ServerMetrics(parsing: String(decoding: reply.body, as: UTF8.self))
        return metrics.values.isEmpty ? nil : metrics
    }

    /// Finds out what the server can do: by what it offers, and by one tiny request whose schema contradicts its prompt.
    /// A server that knows nothing of schemas answers 200 all the same.
    public func probe(model: String) async -> ServerCapabilities {
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
        await self.probeSchema(model: model, &found)
        return found
    }

    /// What a server says that it has of something; `nil` for what no server has.
    private static func size(_ value: JSONValue?) -> Int? {
        value?.int.flatMap { 1...(1 << 31) ~= $0 ? $0 : nil }
    }

    private func probeSchema(model: String, _ found: inout ServerCapabilities) async {
        switch await self.askTiny(model: model, withSchema: true) {
        case .success(let answer): found.take(answer, schema: Self.judge(answer))
        case .failure(let failure):
            found.failure = failure
            if failure.mayBeTheSchemas { await self.probeWithoutSchema(model: model, after: failure, &found) }
        }
    }

    private func probeWithoutSchema(
        model: String, after failure: ChatFailure, _ found: inout ServerCapabilities
    ) async {
        switch await self.askTiny(model: model, withSchema: false) {
        case .failure(let failure): found.failure = failure
        case .success(let plain):
            // A server that fell over once may only have had a bad moment: the schema is tried again before it is given up.
            if case .server = failure, case .success(let answer) = await self.askTiny(model: model, withSchema: true) {
                found.take(answer, schema: Self.judge(answer))
            } else {
                found.take(plain, schema: .refused)
            }
        }
    }

    private func askTiny(model: String, withSchema: Bool) async -> Result<ChatAnswer, ChatFailure> {
        do throws(ChatFailure) {
            return .success(try await self.complete(try Self.schemaProbe(model: model), withSchema: withSchema))
        } catch {
            return .failure(error)
        }
    }

    /// A tiny request that any server that works answers.
    static func witness(model: String) throws(ChatFailure) -> ChatRequest {
        try self.request(model: model, prompt: "Say OK.", schema: nil, maxTokens: 4)
    }

    private static func schemaProbe(model: String) throws(ChatFailure) -> ChatRequest {
        try self.request(
            model: model, prompt: "Write one short sentence about the sea.",
            schema: """
                {"type":"object","properties":{"colour":{"type":"string","enum":["teal"]}},
                "required":["colour"],"additionalProperties":false}
                """, maxTokens: 48)
    }

    private static func request(
        model: String, prompt: String, schema: String?, maxTokens: Int
    ) throws(ChatFailure) -> ChatRequest {
        do throws(JSONError) {
            return try ChatRequest(
                model: model, messages: [ChatMessage(role: .user, content: prompt)], schema: schema, temperature: 0,
                maxTokens: maxTokens, seed: 0)
        } catch {
            throw .request(reason: .badRequest, message: error.description)
        }
    }

    static func judge(_ answer: ChatAnswer) -> ServerCapabilities.SchemaSupport {
        if let json = try? JSONValue(parsing: answer.text.utf8), json["colour"]?.string == "teal" { return .obeyed }
        let start = answer.text.first { !$0.isWhitespace }
        return answer.isTruncated && (start == nil || start == "{") ? .unknown : .ignored
    }

    private func json(_ url: String) async -> JSONValue? {
        guard let reply = try? await self.get(url), reply.status == 200 else { return nil }
        return try? JSONValue(parsing: reply.body)
    }
}

extension ChatFailure {
    /// Whether the schema may be the cause: some servers refuse one, others fall over it.
    fileprivate var mayBeTheSchemas: Bool {
        switch self {
        case .request: true
        case .server(let fault, _): fault.blame != nil
        case .cancelled: false
        }
    }
}

extension ServerCapabilities {
    fileprivate mutating func take(_ answer: ChatAnswer, schema: SchemaSupport) {
        self.schema = schema
        self.reportsUsage = answer.promptTokens != nil && answer.completionTokens != nil
        self.failure = nil
    }
}
