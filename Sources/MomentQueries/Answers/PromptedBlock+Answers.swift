// SPDX-License-Identifier: Apache-2.0

import ModelRequests

extension PromptedBlock {
    /// The questions of the examples in the messages, as they are written. The same for all blocks of a prompt file.
    public var exampleQueries: Set<String> {
        var queries: Set<String> = []
        for message in self.messages where message.role == .assistant {
            let parsed = AnswerParser.parse(message.content, finishReason: nil, ids: Self.exampleIDs)
            queries.formUnion(parsed.candidates.map(\.query))
        }
        return queries
    }

    /// More ids than an example has notes.
    private static let exampleIDs = 0..<1_000

    /// Turns a parsed answer into one that names the narrations by their indices in the pass.
    ///
    /// - Parameters:
    ///   - parsed: an answer that was parsed for `ids`. A query or a gap that names another id is left out, whole.
    ///   - answerHash: SHA-256 of the answer's text as it came, in hexadecimal.
    public func answer(from parsed: ParsedAnswer, answerHash: String) -> Answer {
        let candidates = parsed.candidates.compactMap { item -> Candidate? in
            let indices = item.ids.compactMap(self.narrationIndex(ofID:))
            guard indices.count == item.ids.count else { return nil }
            return Candidate(narrationIDs: indices, template: item.template, query: item.query)
        }
        let gaps = parsed.gaps.compactMap { gap in
            self.narrationIndex(ofID: gap.id).map { AnswerGap(narrationID: $0, reason: gap.reason) }
        }
        return Answer(
            reading: self.reading, promptHash: self.promptHash, answerHash: answerHash, candidates: candidates,
            gaps: gaps)
    }
}
