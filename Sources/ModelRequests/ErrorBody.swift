// SPDX-License-Identifier: Apache-2.0

package import Codecs
import Records

/// The words of a server in the body of an answer that is not 200.
package struct ErrorBody {
    /// The message, or the beginning of what came instead; never longer than a paragraph.
    package let message: String
    /// `code`, `type` and the whole message in lower case, to look for marks in.
    package let marks: String
    /// The parts of the request that the body names in the places meant for that, in lower case: OpenAI's `param`,
    /// the `loc` of FastAPI.
    package let names: [String]

    package static let lengthMax = 400
    /// The part of a message that is searched for marks.
    private static let marksMax = 8_192

    package init(_ body: Bytes) {
        guard let json = try? JSONValue(parsing: body) else {
            self.message = Self.excerpt(body)
            self.marks = Self.text(body, Self.marksMax).lowercased()
            self.names = []
            return
        }
        let error = json["error"] ?? json
        self.message = Self.message(of: error)
        // A gateway's own message may hide the one of the server behind it.
        let inner = error["metadata"]?["raw"]?.string ?? ""
        let texts = [Self.fullMessage(of: error), error["code"]?.string ?? "", error["type"]?.string ?? "", inner]
        self.marks = Self.text(Bytes(texts.joined(separator: " ").utf8), Self.marksMax).lowercased()
        let places = (error["detail"] ?? json["detail"])?.array ?? []
        let locations = places.flatMap { $0["loc"]?.array ?? [] }.compactMap(\.string)
        self.names = ([error["param"]?.string].compactMap { $0 } + locations).map { $0.lowercased() }
    }

    /// The text in an `error` member, whose shape is every server's own: a string, `{message}`, `{detail}`, a list.
    package static func message(of error: JSONValue) -> String { self.excerpt(Bytes(self.fullMessage(of: error).utf8)) }

    private static func fullMessage(of error: JSONValue) -> String {
        error.string ?? error["message"]?.string ?? error["detail"]?.string ?? error["error"]?.string
            ?? String(decoding: error.bytes, as: UTF8.self)
    }

    /// The beginning of some text, on one line.
    package static func excerpt(_ body: Bytes) -> String {
        let line = self.text(body, self.lengthMax)
        return body.count > Self.lengthMax ? line + " …" : line
    }

    private static func text(_ body: Bytes, _ lengthMax: Int) -> String {
        String(decoding: body.prefix(lengthMax), as: UTF8.self).split(whereSeparator: \.isWhitespace)
            .joined(separator: " ")
    }

    /// Tells whether the context is too small for the request: the words of OpenAI, vLLM, llama.cpp and Ollama.
    package var isContextLength: Bool {
        self.has([
            "context_length", "context length", "exceed_context_size", "context size", "context window",
            "maximum context", "input is too long", "prompt is too long",
        ])
    }

    /// Tells whether a filter declined the prompt: the words of OpenAI, Azure and OpenRouter.
    package var isContentFilter: Bool {
        self.has(["content_filter", "content filter", "content_policy", "content management policy", "moderation"])
    }

    /// Tells whether it is about images, or about content that is a list of parts, if the request has some: the words
    /// of OpenAI, vLLM, Ollama, OpenRouter, and of parsers that know texts alone (pydantic, serde).
    package var isOfImages: Bool {
        self.names.contains { $0.contains("image") }
            || self.has(["image", "multimodal", "multi-modal", "valid string", "expected a string", "must be a string"])
            || self.isUnsupportedImage
    }

    /// Tells whether images are said outright not to be taken: the words of llama.cpp, old and new, and of its Python
    /// binding.
    package var isUnsupportedImage: Bool {
        self.has([
            "image input is not supported", "unsupported content part type", "mmproj", "not support image",
            "not support multimodal", "can only concatenate str",
        ])
    }

    /// Tells whether the server has no such model: the words of OpenAI, vLLM, Ollama, LiteLLM, Mistral and OpenRouter.
    package var isUnknownModel: Bool {
        let words = [
            "model_not_found", "invalid model name", "invalid model id", "invalid model specified", "invalid_model",
            "unknown model", "no such model", "is not a valid model",
        ]
        if self.has(words) { return true }
        // "The model `m` does not exist": the name stands between.
        var rest = self.marks[...]
        while let place = rest.firstRange(of: "model") {
            rest = rest[place.upperBound...]
            let near = rest.prefix(120)
            if ["does not exist", "doesn't exist", "not found"].contains(where: { near.contains($0) }) { return true }
        }
        return false
    }

    /// Tells whether the key is not taken: the words of OpenAI, Google and Anthropic, some of which say so with a 400.
    package var isBadKey: Bool {
        self.has(["api key", "api_key", "apikey", "authentication_error", "invalid authentication", "unauthorized"])
    }

    /// Tells whether what was paid for is used up, which no waiting mends: the words of OpenAI, Anthropic, DeepSeek,
    /// OpenRouter and Moonshot.
    package var isQuotaSpent: Bool {
        self.has([
            "insufficient_quota", "insufficient balance", "insufficient credits", "credit balance", "out of credits",
            "billing_hard_limit", "exceeded_current_quota",
        ])
    }

    package func has(_ words: [String]) -> Bool { words.contains { self.marks.contains($0) } }
}
