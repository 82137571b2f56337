// SPDX-License-Identifier: Apache-2.0

public import Codecs
import Records

/// A complete answer of a model, as it came and as it reads.
public struct ChatAnswer: Hashable, Sendable {
    /// The body of the 200 answer, byte for byte.
    public let body: Bytes
    /// The model's text; empty if it wrote nothing (a refusal, a filter, tokens spent on thinking).
    public let text: String
    /// The model's thoughts as the server gives them; `nil` if it gives none. Some servers put the answer there.
    public let reasoning: String?
    /// The reason it ended: `stop`, `length`, `content_filter` or the server's own word. Look here before parsing
    /// `text`.
    public let finishReason: String?
    /// The reason why the model declined, if it did so in the place meant for that.
    public let refusal: String?
    /// The tokens of the prompt, if the server counts.
    public let promptTokens: Int?
    /// The tokens of the answer, if the server counts.
    public let completionTokens: Int?
    /// The model that answered, in the server's words.
    public let model: String?
    /// Tells whether there is nothing at all, and nothing that says why: asked again, many a server has an answer.
    public let isMissing: Bool

    /// The parts of the request that the server refused, so that it was asked without them, by their names in the
    /// protocol: `seed`, `response_format`. The body does not say so: whoever asked does, and whoever kept it.
    public var omitted: [String] = []

    /// Tells whether the answer was cut off at the token limit.
    public var isTruncated: Bool { self.finishReason == "length" }

    /// Tells whether a filter kept the answer back.
    public var isFiltered: Bool { self.finishReason == "content_filter" }

    /// Tells whether there are thoughts and no text.
    public var hasThoughtsOnly: Bool { self.reasoning != nil && self.text.allSatisfy(\.isWhitespace) }

    /// The words there are to read: the text, or the thoughts if there is none.
    public var written: String { self.hasThoughtsOnly ? self.reasoning ?? "" : self.text }

    /// Reads an answer, fresh or kept.
    ///
    /// Strict in what it needs (a choice that holds a message) and tolerant of every other member. The text is the
    /// message's content, as a text, as parts or as a JSON object; else the arguments of its tool calls; else the
    /// choice's own `text`. A body of events (`data: {…}`) is put together.
    /// - Throws: `BadAnswer`: truncated, malformed, of another shape.
    public init(parsing body: Bytes) throws(BadAnswer) {
        let parts = try AnswerParts(body)
        guard let choice = parts.choice else {
            throw BadAnswer(
                .wrongShape,
                parts.error.map { "the server answered 200 with an error: \($0)" } ?? "the answer has no `choices`")
        }
        guard choice.hasMessage else { throw BadAnswer(.wrongShape, "the first of `choices` has no `message`") }
        let isExplained = choice.isExplained || choice.reasoning != nil
        guard choice.text != nil || choice.hasContent || isExplained else {
            throw BadAnswer(.wrongShape, "`message.content` is missing, with nothing that says why")
        }
        self.body = body
        self.text = choice.text ?? ""
        self.reasoning = choice.reasoning
        self.finishReason = choice.finishReason
        self.refusal = choice.refusal
        self.promptTokens = parts.promptTokens
        self.completionTokens = parts.completionTokens
        self.model = parts.model
        self.isMissing = choice.text == nil && !isExplained
    }
}

/// The reason why a 200 answer cannot be taken for one.
public struct BadAnswer: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kinds of unusable answer.
    public enum Reason: String, Hashable, Sendable, CaseIterable {
        /// A page for people: a proxy's, most often.
        case htmlPage = "html-page"
        /// Neither the `Content-Type` nor the body is JSON.
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

    /// The kind of fault.
    public var reason: Reason
    /// A description of what is wrong, and where.
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
