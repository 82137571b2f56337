// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import ModelAnswerCache
import ModelRequests
import Records
import TaskRooms
import VideoAnnotations

/// Finds what a model was asked and what it answered for a sample, in the response cache, by the hashes of its lineage.
///
/// The cache is looked through from its beginning, because a lineage names the answer by its text and not by its
/// request.
struct AnswerTrail {
    private let lineage: Lineage

    init(_ lineage: Lineage) { self.lineage = lineage }

    /// The prompt, the answer and its circumstances; nothing where no model was asked.
    func parts(in surroundings: ExplanationSurroundings) throws -> [Explanation.Part] {
        guard let prompt = self.lineage.prompt else { return [] }
        guard let answer = self.lineage.answer else { return try self.asked(prompt, in: surroundings) }
        let (found, isWhole) = try Self.entries(1, in: surroundings) { Self.isIt($0, prompt: prompt, answer: answer) }
        guard let entry = found.first, let read = try? ChatAnswer(parsing: entry.answer) else {
            var part = Explanation.Part("Answer")
            part.lines = [
                isWhole
                    ? "\(answer) is not in the response cache; it was written by rules, or has been pruned"
                    : "\(answer) was not found in the response cache in the time given"
            ]
            return [part]
        }
        return [Self.prompt(prompt, of: entry), Self.answer(answer, read, of: entry)]
    }

    /// The answers to a prompt of which the lineage names none, because it was refused.
    private func asked(_ prompt: String, in surroundings: ExplanationSurroundings) throws -> [Explanation.Part] {
        let (found, isWhole) = try Self.entries(Self.entriesMax, in: surroundings) {
            Self.prompts(of: $0).contains(prompt)
        }
        let parts = found.flatMap { entry in Self.parts(of: entry, prompt: prompt) }
        if !parts.isEmpty { return parts }
        var part = Explanation.Part("Prompt")
        part.lines = [
            isWhole
                ? "\(prompt): no answer to it is in the response cache"
                : "\(prompt): no answer was found in the time given"
        ]
        return [part]
    }

    // MARK: By a hash

    private static let entriesMax = 3

    /// Answers whose prompt, text or request has a hash.
    static func trail(ofHash hash: String, in surroundings: ExplanationSurroundings) throws -> LineageTrail? {
        let (found, isWhole) = try self.entries(self.entriesMax, in: surroundings) { entry in
            "\(entry.key)" == hash || self.prompts(of: entry).contains(hash) || self.text(of: entry) == hash
        }
        guard let first = found.first else { return nil }
        let prompts = self.prompts(of: first)
        let kind = prompts.contains(hash) ? "a prompt" : self.text(of: first) == hash ? "an answer" : "a request"
        var part = Explanation.Part("Hash")
        let more = found.count == self.entriesMax || !isWhole ? "at least " : ""
        part.lines = [
            "\(hash) is that of \(kind); the response cache has \(more)\(found.count) answer\(found.count == 1 ? "" : "s") with it"
        ]
        let isRequest = kind == "a request"
        let parts = found.flatMap { self.parts(of: $0, prompt: prompts.contains(hash) ? hash : nil) }
        let names = isRequest ? [self.text(of: first)].compactMap { $0 } : [hash]
        return LineageTrail(parts: [part] + parts, names: names)
    }

    private static func parts(of entry: CacheEntry, prompt: String?) -> [Explanation.Part] {
        guard let read = try? ChatAnswer(parsing: entry.answer) else { return [] }
        let hash = prompt ?? self.prompts(of: entry).last ?? ""
        return [
            self.prompt(hash, of: entry), self.answer(ContentHash.sha256(Bytes(read.written.utf8)), read, of: entry),
        ]
    }

    /// The hash of an answer's text.
    private static func text(of entry: CacheEntry) -> String? {
        (try? ChatAnswer(parsing: entry.answer)).map { ContentHash.sha256(Bytes($0.written.utf8)) }
    }

    /// The hashes that an entry's prompt may have: a repair has two messages more than the prompt of its block.
    private static func prompts(of entry: CacheEntry) -> [String] {
        let messages = self.messages(of: entry)
        return [PromptedBlock.hash(of: messages.dropLast(2)), PromptedBlock.hash(of: messages)]
    }

    /// The first entries that match, and whether there was time to look at all.
    private static func entries(
        _ count: Int, in surroundings: ExplanationSurroundings, _ isIt: (CacheEntry) -> Bool
    ) throws -> (found: [CacheEntry], isWhole: Bool) {
        var found: [CacheEntry] = []
        var isWhole = true
        do throws(CacheError) {
            var options = ResponseCache.Options()
            options.readOnly = true
            options.mustExist = true
            let cache = try ResponseCache(folder: surroundings.cacheFolder, options: options)
            defer { cache.close() }
            _ = try cache.first { entry in
                if isIt(entry) { found.append(entry) }
                if surroundings.isOver { isWhole = false }
                return found.count >= count || !isWhole
            }
        } catch {
            guard error.code == .missing else { throw TaskFailure(.failed, error.message) }
        }
        return (found, isWhole)
    }

    // MARK: Parts

    private static func prompt(_ hash: String, of entry: CacheEntry) -> Explanation.Part {
        var part = Explanation.Part("Prompt, put to \(entry.model)")
        part.lines = Explanation.pairs([("sha256", hash), ("request", "\(entry.key)")])
        let messages = Self.messages(of: entry)
        for message in messages {
            part.lines.append("@\(message.role.rawValue)")
            for shown in message.parts {
                switch shown {
                case .text(let text): part.lines += Self.lines(of: text)
                case .image(let image): part.lines.append("  (the image with the SHA-256 \(image.sha256))")
                }
            }
        }
        part.add("prompt") { json in
            json.field("sha256", hash)
            json.field("model", entry.model)
            json.field("request", "\(entry.key)")
            json.key("messages")
            json.beginArray()
            for message in messages { message.writeCanonical(to: &json) }
            json.endArray()
        }
        return part
    }

    private static func answer(_ hash: String, _ read: ChatAnswer, of entry: CacheEntry) -> Explanation.Part {
        let stored = Date(timeIntervalSince1970: Double(entry.storedAt) / 1000).formatted(.iso8601)
        let tokens = [read.promptTokens, read.completionTokens]
        let counts = tokens.map { $0.map(String.init) ?? "?" }
        var part = Explanation.Part("Answer")
        part.lines = Explanation.pairs([
            ("sha256", hash), ("stored", stored), ("finish reason", read.finishReason ?? "none"),
            ("tokens", "\(counts[0]) in, \(counts[1]) out"),
        ])
        if !entry.omitted.isEmpty {
            part.lines += Explanation.pairs([("asked without", entry.omitted.joined(separator: ", "))])
        }
        part.lines += Self.lines(of: read.written)
        part.add("answer") { json in
            json.field("sha256", hash)
            json.field("stored", stored)
            json.key("finish_reason")
            if let reason = read.finishReason { json.value(reason) } else { json.null() }
            for (name, count) in zip(["prompt_tokens", "completion_tokens"], tokens) {
                json.key(text: name)
                if let count { json.value(count) } else { json.null() }
            }
            if !entry.omitted.isEmpty {
                json.key("omitted")
                json.beginArray()
                for name in entry.omitted { json.value(name) }
                json.endArray()
            }
            json.field("text", read.written)
        }
        return part
    }

    /// The lines of a text, set in.
    private static func lines(of text: String) -> [Explanation.Line] {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { .text("  \($0)") }
    }

    private static func isIt(_ entry: CacheEntry, prompt: String, answer: String) -> Bool {
        guard let read = try? ChatAnswer(parsing: entry.answer),
            ContentHash.sha256(Bytes(read.written.utf8)) == answer
        else { return false }
        // Different prompts may have the same answer. A repair has two messages more than the prompt of its block.
        let messages = Self.messages(of: entry)
        return [messages, messages.dropLast(2)].contains { PromptedBlock.hash(of: $0) == prompt }
    }

    private static func messages(of entry: CacheEntry) -> [ChatMessage] {
        guard let request = entry.request, let json = try? JSONValue(parsing: request) else { return [] }
        return (json["messages"]?.array ?? []).compactMap { message in
            try? JSONScanner.scan(message.bytes) { json throws(JSONError) in try ChatMessage(json: &json) }
        }
    }
}
