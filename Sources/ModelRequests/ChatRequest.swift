// SPDX-License-Identifier: Apache-2.0

public import Codecs
import Records

/// One question to a model: everything that decides what the answer is, and nothing else.
///
/// Its server, its sender and the number of calls beside it are not in it, so equal requests may share an answer.
public struct ChatRequest: Hashable, Sendable {
    /// The model's name, as the server knows it.
    public let model: String
    /// The messages, in order.
    public let messages: [ChatMessage]
    /// The JSON schema that the answer obeys, as JSON without white space, or `nil` for free text.
    public let schema: String?
    /// The sampling temperature; `nil` leaves it to the server.
    public let temperature: Double?
    /// The share of probability that is sampled from; `nil` leaves it to the server.
    public let topP: Double?
    /// The most tokens that may be answered; `nil` leaves it to the server.
    public let maxTokens: Int?
    /// The seed; a wish, which servers grant or not.
    public let seed: Int?
    /// Texts at which the answer ends.
    public let stop: [String]
    /// The number of this sample, where several answers of one request are asked for; `nil` where one is. It is in the
    /// key alone: a server that heeds no seed is asked for each of them all the same.
    public let sample: Int?
    /// SHA-256 of `canonical`, in lower-case hexadecimal: the request's name in a cache.
    public private(set) var key = ""

    /// Creates a request.
    ///
    /// - Parameter schema: a JSON schema as text. It is parsed and spelled anew, so white space, escapes and spellings
    ///   of numbers in it make no difference. The order of its members does: servers that constrain the model have it
    ///   write properties in the schema's order, so another order is another question.
    /// - Throws: `JSONError` if the schema is not one JSON object.
    public init(
        model: String, messages: [ChatMessage], schema: String? = nil, temperature: Double? = nil, topP: Double? = nil,
        maxTokens: Int? = nil, seed: Int? = nil, stop: [String] = [], sample: Int? = nil
    ) throws(JSONError) {
        self.model = model
        self.messages = messages
        self.schema = try schema.map { text throws(JSONError) in try Self.respell(text) }
        self.temperature = temperature
        self.topP = topP
        self.maxTokens = maxTokens
        self.seed = seed
        self.stop = stop
        self.sample = sample
        self.key = ContentHash.sha256(self.canonical)
    }

    /// Returns the bytes to send: the request as `POST /v1/chat/completions` takes it.
    ///
    /// - Parameters:
    ///   - form: how it is put for a server that refuses parts of it. The key is the same whatever the form, because
    ///     the question is.
    ///   - content: finds the bytes of an image; called for each image of the messages, in order.
    /// - Throws: what `content` throws.
    public func body<Failure>(
        _ form: RequestForm = RequestForm(), content: (MessageImage) throws(Failure) -> ImageContent
    ) throws(Failure) -> Bytes {
        var json = JSONWriter()
        json.beginObject()
        try self.writeQuestion(to: &json) { message, json throws(Failure) in
            try message.write(to: &json) { image, json throws(Failure) in
                try content(image).write(to: &json)
            }
        }
        if let schema = form.schema(of: self) { Self.write(schema: schema, to: &json) }
        if !form.leavesOut.contains(.temperature) { Self.write(temperature: self.temperature, to: &json) }
        if !form.leavesOut.contains(.topP) { Self.write(topP: self.topP, to: &json) }
        if let name = form.tokenLimit.name, let tokens = form.answerTokens(of: self) { json.field(name, tokens) }
        if !form.leavesOut.contains(.seed), let seed { json.field("seed", seed) }
        if !form.leavesOut.contains(.stop) { Self.write(stop: self.stop, to: &json) }
        if !form.leavesOut.contains(.stream) { json.field("stream", false) }
        json.endObject()
        return json.bytes
    }

    /// The one spelling of this request: members in a fixed order, absent ones left out, no white space, one spelling
    /// for each number. Images are in it by their digests.
    public var canonical: Bytes {
        var json = JSONWriter()
        json.beginObject()
        self.writeQuestion(to: &json) { message, json in message.writeCanonical(to: &json) }
        if let schema {
            json.key("schema")
            json.raw(schema.utf8)
        }
        Self.write(temperature: self.temperature, to: &json)
        Self.write(topP: self.topP, to: &json)
        if let maxTokens { json.field("max_tokens", maxTokens) }
        if let seed { json.field("seed", seed) }
        Self.write(stop: self.stop, to: &json)
        if let sample { json.field("sample", sample) }
        json.endObject()
        return json.bytes
    }

    private func writeQuestion<Failure>(
        to json: inout JSONWriter, write: (ChatMessage, inout JSONWriter) throws(Failure) -> Void
    ) throws(Failure) {
        json.field("model", self.model)
        json.key("messages")
        json.beginArray()
        for message in self.messages { try write(message, &json) }
        json.endArray()
    }

    // Zero has two doubles, which are the same temperature.
    private static func write(temperature: Double?, to json: inout JSONWriter) {
        if let temperature { json.field("temperature", temperature == 0 ? 0 : temperature) }
    }

    private static func write(topP: Double?, to json: inout JSONWriter) {
        if let topP { json.field("top_p", topP == 0 ? 0 : topP) }
    }

    private static func write(stop: [String], to json: inout JSONWriter) {
        guard !stop.isEmpty else { return }
        json.key("stop")
        json.beginArray()
        for text in stop { json.value(text) }
        json.endArray()
    }

    private static func write(schema: String, to json: inout JSONWriter) {
        json.key("response_format")
        json.beginObject()
        json.field("type", "json_schema")
        json.key("json_schema")
        json.beginObject()
        json.field("name", "answer")
        json.field("strict", true)
        json.key("schema")
        json.raw(schema.utf8)
        json.endObject()
        json.endObject()
    }

    private static func respell(_ text: String) throws(JSONError) -> String {
        let value = try JSONValue(parsing: text.utf8)
        guard case .object = value else { throw JSONError("a JSON schema is an object", offset: 0) }
        return String(decoding: value.bytes, as: UTF8.self)
    }
}
