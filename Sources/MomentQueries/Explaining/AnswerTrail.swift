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
    func parts(inCache folder: String) throws -> [Explanation.Part] {
        guard let prompt = self.lineage.prompt, let answer = self.lineage.answer else { return [] }
        guard let entry = try self.entry(in: folder, prompt: prompt, answer: answer),
            let read = try? ChatAnswer(parsing: entry.answer)
        else {
            var part = Explanation.Part("Answer")
            part.lines = ["\(answer) is not in the response cache; it was written by rules, or has been pruned"]
            return [part]
        }
        return [self.prompt(prompt, of: entry), self.answer(answer, read, of: entry)]
    }

    private func entry(in folder: String, prompt: String, answer: String) throws -> CacheEntry? {
        do throws(CacheError) {
            var options = ResponseCache.Options()
            options.readOnly = true
            options.mustExist = true
            let cache = try ResponseCache(folder: folder, options: options)
            defer { cache.close() }
            return try cache.first { Self.isIt($0, prompt: prompt, answer: answer) }
        } catch {
            guard error.code == .missing else { throw TaskFailure(.failed, error.message) }
            return nil
        }
    }

    private func prompt(_ hash: String, of entry: CacheEntry) -> Explanation.Part {
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

    private func answer(_ hash: String, _ read: ChatAnswer, of entry: CacheEntry) -> Explanation.Part {
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
