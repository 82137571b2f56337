// SPDX-License-Identifier: Apache-2.0

import ModelRequests

/// The number of tokens of an answer that fit, read from a server's words that those asked for do not.
///
/// The sentences differ; the numbers in them are the same: the limit, the prompt, the tokens asked for, and sums of
/// these. "This model's maximum context length is 4097 tokens. However, you requested 4200 tokens (3176 in the
/// messages, 1024 in the completion)" leaves 4097 − 3176; "supports at most 4096 completion tokens, whereas you
/// provided 10000" allows 4096.
struct AnswerRoom {
    let refusal: RequestRefusal

    /// Reads an error's text, in lower case; `nil` if it says nothing of the kind, or if too little fits.
    init?(_ text: String, _ request: ChatRequest, _ form: RequestForm) {
        guard form.tokenLimit != .none, let asked = form.answerTokens(of: request),
            Self.words.contains(where: { text.contains($0) })
        else { return nil }
        var numbers = Self.numbers(in: text)
        let count = numbers.count
        let isOfPrompt = Self.promptWords.contains { text.contains($0) }
        if !isOfPrompt {
            numbers.removeAll { $0 == asked }
        } else if let place = numbers.firstIndex(of: asked) {
            // A context may be as large as what was asked for.
            numbers.remove(at: place)
        }
        let isNamed = numbers.count < count
        let distinct = Set(numbers)
        // Limits are the numbers left when sums of prompt and answer are struck out.
        let limits = distinct.filter { $0 < asked || !distinct.contains($0 - asked) }.sorted()
        guard let limit = limits.last else { return nil }
        let room: Int
        if limits.count == 1 || !isOfPrompt {
            // A limit of the answer alone, if the prompt has no part in it.
            guard limit < asked, isNamed || Self.isOfAnswer(text) else { return nil }
            room = limit
            self.refusal = .tokensAbove(limit)
        } else {
            let prompt = limits[limits.count - 2]
            room = limit - prompt
            let perByte = Double(prompt) / Double(max(1, request.promptBytes))
            self.refusal = .context(RequestForm.Context(tokens: limit, tokensPerByte: perByte), room: room)
        }
        guard room < asked, room >= RequestForm.answerTokensMin else { return nil }
    }

    private static let words = [
        "max_tokens", "max_completion_tokens", "max_new_tokens", "completion tokens", "output tokens",
        "in the completion",
        "maximum context", "context length", "context limit", "context_length", "context window",
    ]

    private static let promptWords = ["context", "prompt", "input", "messages"]

    private static func isOfAnswer(_ text: String) -> Bool {
        ["max_tokens", "max_completion_tokens", "max_new_tokens", "completion tokens", "output tokens"]
            .contains { text.contains($0) }
    }

    /// The whole numbers that stand by themselves, such as no part of a model's name does; thousands may be set apart
    /// by commas.
    static func numbers(in text: String) -> [Int] {
        let bytes = Array(text.utf8) + [0x20]
        func isDigit(_ index: Int) -> Bool { bytes.indices.contains(index) && 0x30...0x39 ~= bytes[index] }
        func isOfWord(_ byte: UInt8) -> Bool {
            "-_.".utf8.contains(byte) || UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20 || byte >= 0x80
        }
        var numbers: [Int] = []
        var start: Int?
        var value = 0
        for (index, byte) in bytes.enumerated() {
            if isDigit(index) {
                if start == nil { (start, value) = (index, 0) }
                // A number longer than any count of tokens stays too large to be one.
                value = value > 1 << 40 ? value : value * 10 + Int(byte - 0x30)
            } else if let first = start {
                let isComma =
                    byte == UInt8(ascii: ",") && (1...3).allSatisfy { isDigit(index + $0) } && !isDigit(index + 4)
                if isComma { continue }
                let isPart = first > 0 && isOfWord(bytes[first - 1]) || isOfWord(byte) && byte != UInt8(ascii: ".")
                if !isPart, RequestForm.answerTokensMin...1 << 40 ~= value { numbers.append(value) }
                start = nil
            }
        }
        return numbers
    }
}
