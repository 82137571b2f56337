// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records

/// The parts that are looked for in the body of a 200 answer; the rest is passed over unread.
struct AnswerParts {
    /// The first choice that says something, else the first.
    private(set) var choice: Choice?
    private(set) var promptTokens: Int?
    private(set) var completionTokens: Int?
    private(set) var model: String?
    private(set) var error: String?

    init(_ body: Bytes) throws(BadAnswer) {
        let events = AnswerEvents(body)
        for event in events.list {
            do throws(JSONError) {
                try JSONScanner.scan(event) { json throws(JSONError) in try self.read(&json) }
            } catch {
                throw BadAnswer(body: event, error: error)
            }
        }
        if events.isCut, self.choice?.finishReason == nil {
            throw BadAnswer(.truncatedJSON, "the stream of events ends before the answer does")
        }
    }

    private mutating func read(_ json: inout JSONScanner) throws(JSONError) {
        try json.beginObject()
        while let key = try json.nextKey() {
            if key == "choices" {
                try self.readChoices(&json)
            } else if key == "usage" {
                try self.readUsage(&json)
            } else if key == "model" {
                self.model = try JSONValue(&json).string ?? self.model
            } else if key == "error" {
                let error = try JSONValue(&json)
                if error != .null { self.error = ErrorBody.message(of: error) }
            } else {
                _ = try json.skip()
            }
        }
    }

    private mutating func readChoices(_ json: inout JSONScanner) throws(JSONError) {
        if try json.isNull() { return }
        var found: Choice?
        try json.beginArray()
        while try json.nextElement() {
            var next = Choice()
            if let known = found {
                // Others count only if the first says nothing, so nothing is wanted of their shape.
                let start = json
                if !known.saysNothing || !Self.reads(&next, &json) {
                    json = start
                    _ = try json.skip()
                } else if !next.saysNothing {
                    found = next
                }
            } else {
                try next.read(&json)
                found = next
            }
        }
        guard let found else { return }
        if self.choice == nil { self.choice = found } else { self.choice?.append(found) }
    }

    private static func reads(_ choice: inout Choice, _ json: inout JSONScanner) -> Bool {
        do throws(JSONError) {
            try choice.read(&json)
            return true
        } catch {
            return false
        }
    }

    private mutating func readUsage(_ json: inout JSONScanner) throws(JSONError) {
        if try json.isNull() { return }
        try json.beginObject()
        while let key = try json.nextKey() {
            if key == "prompt_tokens" {
                self.promptTokens = Self.count(try JSONValue(&json))
            } else if key == "completion_tokens" {
                self.completionTokens = Self.count(try JSONValue(&json))
            } else {
                _ = try json.skip()
            }
        }
    }

    /// More tokens than any context has: a number beyond it is none, and sums of so many cannot overflow.
    private static let tokensMax = 1 << 31

    private static func count(_ value: JSONValue) -> Int? {
        guard let count = value.int ?? value.string.flatMap({ Int($0) }), 0...self.tokensMax ~= count else {
            return nil
        }
        return count
    }

    /// One of `choices`.
    struct Choice {
        private(set) var hasMessage = false
        /// Tells whether there is a `content`, even if null.
        private(set) var hasContent = false
        private(set) var finishReason: String?
        private(set) var refusal: String?
        private(set) var reasoning: String?
        private var content: String?
        private var arguments: String?
        /// The place of the text in servers of the elder kind.
        private var ownText: String?

        /// The model's text, from the first place that has something.
        var text: String? {
            [self.content, self.arguments, self.ownText].first { $0?.contains { !$0.isWhitespace } == true }
                ?? self.content ?? self.arguments ?? self.ownText
        }

        var saysNothing: Bool { (self.text ?? "").isEmpty && self.reasoning == nil && self.refusal == nil }

        /// Tells whether something says why there is no text.
        var isExplained: Bool {
            self.refusal != nil || (self.finishReason.map { $0 != "stop" } ?? false)
        }

        mutating func read(_ json: inout JSONScanner) throws(JSONError) {
            try json.beginObject()
            while let key = try json.nextKey() {
                if key == "message" || key == "delta" {
                    try self.readMessage(&json)
                } else if key == "text" {
                    self.ownText = try JSONValue(&json).string
                    if self.ownText != nil { self.hasMessage = true }
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
                    self.hasContent = true
                    try self.readContent(&json)
                } else if key == "reasoning" || key == "reasoning_content" || key == "thinking"
                    || key == "reasoning_details"
                {
                    self.think(Self.text(in: try JSONValue(&json)))
                } else if key == "tool_calls" || key == "function_call" {
                    self.readCalls(try JSONValue(&json))
                } else if key == "refusal" {
                    self.refusal = try json.stringOrNull()
                } else {
                    _ = try json.skip()
                }
            }
        }

        /// A text, null, an object (the answer itself, unwrapped), or a list of parts, of which those with text are
        /// joined; those of thoughts are kept apart.
        private mutating func readContent(_ json: inout JSONScanner) throws(JSONError) {
            let kind = try json.kind()
            if kind == .object {
                self.content = String(decoding: try JSONValue(&json).bytes, as: UTF8.self)
                return
            }
            guard kind == .array else {
                self.content = try json.stringOrNull()
                return
            }
            let place = json.offset
            let parts = try JSONValue(&json).array ?? []
            var texts: [String] = []
            for part in parts {
                let type = part["type"]?.string ?? ""
                if type.contains("think") || type.contains("reason") {
                    self.think(Self.text(in: part))
                } else if let text = part["text"]?.string ?? part.string {
                    texts.append(text)
                }
            }
            if !texts.isEmpty || parts.isEmpty { self.content = texts.joined() }
            if self.content == nil, self.reasoning == nil {
                throw JSONError("`content` has no part with a text", offset: place)
            }
        }

        /// The arguments of the calls, in order: a model that is to fill a form may do so by a call.
        private mutating func readCalls(_ calls: JSONValue) {
            let texts = (calls.array ?? [calls]).compactMap { call -> String? in
                guard let arguments = (call["function"] ?? call)["arguments"] else { return nil }
                return arguments.string ?? String(decoding: arguments.bytes, as: UTF8.self)
            }
            if !texts.isEmpty { self.arguments = texts.joined(separator: "\n") }
        }

        private mutating func think(_ text: String) {
            // The same thoughts may stand under two names.
            if text.contains(where: { !$0.isWhitespace }), self.reasoning != text {
                self.reasoning = (self.reasoning ?? "") + text
            }
        }

        /// A text wherever it is in thoughts: in a list, under `text`, `thinking`, `content` or `summary`.
        private static func text(in value: JSONValue) -> String {
            if let text = value.string { return text }
            if let list = value.array { return list.map(Self.text(in:)).joined() }
            return ["text", "thinking", "content", "summary"].lazy.compactMap { value[$0] }.first.map(Self.text(in:))
                ?? ""
        }

        /// Adds what the next event has of the same choice.
        mutating func append(_ next: Choice) {
            func append(_ text: String?, to whole: inout String?) {
                guard let text else { return }
                if whole == nil { whole = text } else { whole?.append(text) }
            }
            self.hasMessage = self.hasMessage || next.hasMessage
            self.hasContent = self.hasContent || next.hasContent
            append(next.content, to: &self.content)
            append(next.arguments, to: &self.arguments)
            append(next.ownText, to: &self.ownText)
            append(next.reasoning, to: &self.reasoning)
            append(next.refusal, to: &self.refusal)
            self.finishReason = next.finishReason ?? self.finishReason
        }
    }
}

/// The JSON texts of a body: itself, or the data of its events if a server streams though it was not asked to.
struct AnswerEvents {
    private(set) var list: [Bytes]
    /// Tells whether it is a stream without its end.
    private(set) var isCut = false

    private static let end = Bytes("[DONE]".utf8)

    init(_ body: Bytes) {
        let text = (body.starts(with: [0xef, 0xbb, 0xbf]) ? body.dropFirst(3) : body[...]).drop { $0 <= 0x20 }
        let isStream = [":", "data:", "event:", "id:", "retry:"].contains { text.starts(with: $0.utf8) }
        if isStream {
            self.list = []
            self.isCut = true
            self.readEvents(text)
        } else {
            self.list = [Bytes(Self.withoutEnd(text))]
        }
    }

    /// Each line of data is one JSON text.
    private mutating func readEvents(_ text: ArraySlice<UInt8>) {
        for line in text.split(whereSeparator: { $0 == 0x0a || $0 == 0x0d }) where line.starts(with: "data:".utf8) {
            let data = Self.trimmed(line.dropFirst(5))
            if data.elementsEqual(Self.end) {
                self.isCut = false
            } else if !data.isEmpty {
                self.list.append(Bytes(data))
            }
        }
    }

    /// Without the `data: [DONE]` that some servers put behind a whole answer.
    private static func withoutEnd(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let rest = Self.trimmed(text)
        guard rest.suffix(6).elementsEqual(Self.end) else { return text }
        let before = Self.trimmed(rest.dropLast(6))
        return before.suffix(5).elementsEqual("data:".utf8) ? before.dropLast(5) : text
    }

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard let last = bytes.lastIndex(where: { $0 > 0x20 }) else { return [] }
        return bytes[...last].drop { $0 <= 0x20 }
    }
}
