// SPDX-License-Identifier: Apache-2.0

package import Records

/// What servers say in the body of an answer that is not 200.
package struct ErrorBody {
    /// The message, or the beginning of what came instead; never longer than a paragraph.
    package let message: String
    /// `code`, `type` and `message` in lower case, to look for marks in.
    private let marks: String

    package static let lengthMax = 400

    package init(_ body: Bytes) {
        guard let json = try? JSONValue(parsing: body) else {
            self.message = Self.excerpt(body)
            self.marks = self.message.lowercased()
            return
        }
        let message = Self.message(of: json["error"] ?? json)
        let error = json["error"] ?? json
        self.message = message
        self.marks = [message, error["code"]?.string ?? "", error["type"]?.string ?? ""].joined(separator: " ")
            .lowercased()
    }

    /// The text in an `error` member, whose shape is every server's own: a string, `{message}`, `{detail}`, a list.
    package static func message(of error: JSONValue) -> String {
        if let text = error.string ?? error["message"]?.string ?? error["detail"]?.string ?? error["error"]?.string {
            return self.excerpt(Bytes(text.utf8))
        }
        return self.excerpt(error.bytes)
    }

    /// The beginning of some text, on one line.
    package static func excerpt(_ body: Bytes) -> String {
        let text = String(decoding: body.prefix(Self.lengthMax), as: UTF8.self)
        let line = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        return body.count > Self.lengthMax ? line + " …" : line
    }

    /// Whether the context is too small for the request: the words of OpenAI, vLLM, llama.cpp and Ollama.
    package var isContextLength: Bool {
        self.has([
            "context_length", "context length", "exceed_context_size", "context size", "context window",
            "maximum context", "input is too long", "prompt is too long",
        ])
    }

    /// Whether a filter declined the prompt: the words of OpenAI, Azure and OpenRouter.
    package var isContentFilter: Bool {
        self.has(["content_filter", "content filter", "content_policy", "content management policy", "moderation"])
    }

    private func has(_ words: [String]) -> Bool { words.contains { self.marks.contains($0) } }
}
