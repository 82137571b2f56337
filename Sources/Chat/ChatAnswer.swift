// SPDX-License-Identifier: Apache-2.0

public import Records

/// A complete answer of a model, as it came and as it reads.
public struct ChatAnswer: Hashable, Sendable {
    /// The body of the 200 answer, byte for byte.
    public let body: Bytes
    /// What the model wrote; empty where it wrote nothing (a refusal, a filter, tokens spent on reasoning).
    public let text: String
    /// Why it ended: `stop`, `length`, `content_filter` or a word of the server's own. Look here before parsing `text`.
    public let finishReason: String?
    /// Why the model declined, where it did so in the place meant for that.
    public let refusal: String?
    /// The tokens of the prompt, where the server counts.
    public let promptTokens: Int?
    /// The tokens of the answer, where the server counts.
    public let completionTokens: Int?
    /// The model that answered, in the server's words.
    public let model: String?

    /// Whether the answer was cut off at the token limit.
    public var isTruncated: Bool { self.finishReason == "length" }

    /// Whether a filter kept the answer back.
    public var isFiltered: Bool { self.finishReason == "content_filter" }

    /// Reads an answer, fresh or kept.
    ///
    /// Strict in what it needs (the first choice's message with its text) and tolerant of every other member. A text of
    /// null is taken where something explains it: a `finish_reason` other than `stop`, or a refusal.
    /// - Throws: `BadAnswer`: truncated, malformed, of another shape.
    public init(parsing body: Bytes) throws(BadAnswer) {
        var parts = Parts()
        do throws(JSONError) {
            try JSONScanner.scan(body) { json throws(JSONError) in try parts.read(&json) }
        } catch {
            throw BadAnswer(body: body, error: error)
        }
        if let message = parts.error, !parts.hasChoice {
            throw BadAnswer(.wrongShape, "the server answered 200 with an error: \(message)")
        }
        guard parts.hasChoice else { throw BadAnswer(.wrongShape, "the answer has no `choices`") }
        guard parts.hasMessage else { throw BadAnswer(.wrongShape, "the first of `choices` has no `message`") }
        guard let text = parts.text ?? (parts.explainsNull ? "" : nil) else {
            throw BadAnswer(.wrongShape, "`message.content` is missing, with nothing that says why")
        }
        self.body = body
        self.text = text
        self.finishReason = parts.finishReason
        self.refusal = parts.refusal
        self.promptTokens = parts.promptTokens
        self.completionTokens = parts.completionTokens
        self.model = parts.model
    }

    private struct Parts {
        var hasChoice = false
        var hasMessage = false
        var text: String?
        var finishReason: String?
        var refusal: String?
        var promptTokens: Int?
        var completionTokens: Int?
        var model: String?
        var error: String?

        var explainsNull: Bool {
            self.refusal != nil || (self.finishReason.map { $0 != "stop" } ?? false)
        }

        mutating func read(_ json: inout JSONScanner) throws(JSONError) {
            try json.beginObject()
            while let key = try json.nextKey() {
                if key == "choices" {
                    try self.readChoices(&json)
                } else if key == "usage" {
                    try self.readUsage(&json)
                } else if key == "model" {
                    self.model = try Self.textIfAny(&json)
                } else if key == "error" {
                    self.error = ErrorBody.message(of: try JSONValue(&json))
                } else {
                    _ = try json.skip()
                }
            }
        }

        private mutating func readChoices(_ json: inout JSONScanner) throws(JSONError) {
            if try json.isNull() { return }
            try json.beginArray()
            while try json.nextElement() {
                if self.hasChoice {
                    _ = try json.skip()
                } else {
                    self.hasChoice = true
                    try self.readChoice(&json)
                }
            }
        }

        private mutating func readChoice(_ json: inout JSONScanner) throws(JSONError) {
            try json.beginObject()
            while let key = try json.nextKey() {
                if key == "message" {
                    try self.readMessage(&json)
                } else if key == "finish_reason" {
                    self.finishReason = try json.stringOrNull()
                } else {
                    _ = try json.skip()
                }
            }
        }

        private mutating func readMessage(_ json: inout JSONScanner) throws(JSONError) {
            try json.beginObject()
            self.hasMessage = true
            while let key = try json.nextKey() {
                if key == "content" {
                    self.text = try Self.content(&json)
                } else if key == "refusal" {
                    self.refusal = try json.stringOrNull()
                } else {
                    _ = try json.skip()
                }
            }
        }

        /// A string, null, or a list of parts, of which those with text are joined.
        private static func content(_ json: inout JSONScanner) throws(JSONError) -> String? {
            guard try json.kind() == .array else { return try json.stringOrNull() }
            let place = json.offset
            let parts = try JSONValue(&json).array ?? []
            let texts = parts.compactMap { $0["text"]?.string }
            if texts.isEmpty, !parts.isEmpty { throw JSONError("`content` has no part with a text", offset: place) }
            return texts.joined()
        }

        private mutating func readUsage(_ json: inout JSONScanner) throws(JSONError) {
            if try json.isNull() { return }
            try json.beginObject()
            while let key = try json.nextKey() {
                if key == "prompt_tokens" {
                    self.promptTokens = try Self.countIfAny(&json)
                } else if key == "completion_tokens" {
                    self.completionTokens = try Self.countIfAny(&json)
                } else {
                    _ = try json.skip()
                }
            }
        }

        private static func textIfAny(_ json: inout JSONScanner) throws(JSONError) -> String? {
            try JSONValue(&json).string
        }

        /// More tokens than any context has: a number beyond it is none, and sums of so many cannot overflow.
        private static let tokensMax = 1 << 31

        private static func countIfAny(_ json: inout JSONScanner) throws(JSONError) -> Int? {
            guard let count = try JSONValue(&json).int, 0...self.tokensMax ~= count else { return nil }
            return count
        }
    }
}

/// Why a 200 answer cannot be taken for one.
public struct BadAnswer: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kinds of unusable answer.
    public enum Reason: String, Hashable, Sendable, CaseIterable {
        /// A page for people: a proxy's, most often.
        case htmlPage = "html-page"
        /// The `Content-Type` is not JSON.
        case wrongContentType = "wrong-content-type"
        /// The JSON ends too early.
        case truncatedJSON = "truncated-json"
        /// It is not JSON.
        case malformedJSON = "malformed-json"
        /// It is JSON of another shape.
        case wrongShape = "wrong-shape"
        /// It is larger than allowed.
        case tooLarge = "too-large"
        /// It is not HTTP.
        case notHTTP = "not-http"
    }

    /// What kind of fault it is.
    public var reason: Reason
    /// What is wrong, and where.
    public var message: String

    /// Creates the description of a fault.
    public init(_ reason: Reason, _ message: String) {
        self.reason = reason
        self.message = message
    }

    init(body: Bytes, error: JSONError) {
        let first = body.first { $0 != 0x20 && $0 != 0x0a && $0 != 0x0d && $0 != 0x09 }
        if first == UInt8(ascii: "<") {
            self.init(.htmlPage, "the answer is a page, not JSON: \(ErrorBody.excerpt(body))")
        } else if first == nil {
            self.init(.truncatedJSON, "the answer is empty")
        } else if error.offset >= body.count {
            self.init(.truncatedJSON, "the answer ends in mid-JSON: \(error)")
        } else if (try? JSONValue(parsing: body)) == nil {
            // A string cut off is reported where it starts; the rest of what is broken is broken in the middle.
            self.init(
                error.message.contains("unfinished") || error.message.contains("unterminated")
                    ? .truncatedJSON : .malformedJSON, "the answer is not JSON: \(error)")
        } else {
            self.init(.wrongShape, "the answer has another shape: \(error)")
        }
    }

    /// `reason: message`
    public var description: String { "\(self.reason.rawValue): \(self.message)" }
}
