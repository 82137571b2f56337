// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import ModelAnswerCache
import ModelRequests
import MomentQueries
import Records
import VideoAnnotations

/// Finds what a model was asked and what it answered for a sample, in the response cache, by the hashes of its lineage.
///
/// The cache is looked through from its beginning, because a lineage names the answer by its text and not by its request.
struct AnswerTrail {
    private let lineage: Lineage

    init(_ lineage: Lineage) { self.lineage = lineage }

    /// The prompt, the answer and its circumstances, as lines of text.
    func lines(in home: Home) throws -> [String] {
        guard let prompt = self.lineage.prompt, let answer = self.lineage.answer else { return [] }
        let entry: CacheEntry?
        do throws(CacheError) {
            var options = ResponseCache.Options()
            options.readOnly = true
            options.mustExist = true
            let cache = try ResponseCache(folder: home.cacheFolder, options: options)
            defer { cache.close() }
            entry = try cache.first { Self.isIt($0, prompt: prompt, answer: answer) }
        } catch {
            guard error.code == .missing else { throw CommandFailure(.failed, error.message) }
            entry = nil
        }
        guard let entry, let read = try? ChatAnswer(parsing: entry.answer) else {
            return ["answer \(answer): not in the response cache; it was written by rules, or has been pruned"]
        }
        var lines = ["prompt \(prompt), put to \(entry.model), request \(entry.key):"]
        for message in Self.messages(of: entry) {
            lines.append("  @\(message.role.rawValue)")
            lines += message.content.split(separator: "\n", omittingEmptySubsequences: false).map { "  \($0)" }
        }
        let stored = Date(timeIntervalSince1970: Double(entry.storedAt) / 1000).formatted(.iso8601)
        let tokens = [read.promptTokens, read.completionTokens].map { $0.map(String.init) ?? "?" }
        lines.append(
            "answer \(answer), stored \(stored), finish reason \(read.finishReason ?? "none"), tokens in \(tokens[0]), out "
                + "\(tokens[1]):")
        lines += read.written.split(separator: "\n", omittingEmptySubsequences: false).map { "  \($0)" }
        return lines
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
            guard let role = message["role"]?.string.flatMap(ChatMessage.Role.init),
                let text = message["content"]?.string
            else { return nil }
            return ChatMessage(role: role, content: text)
        }
    }
}
