// SPDX-License-Identifier: Apache-2.0

/// A model's text about a block, parsed, in the ids of its prompt. `PromptedBlock.answer(from:answerHash:)` replaces
/// them by the narrations' indices.
public struct ParsedAnswer: Hashable, Sendable {
    /// The form in which the answer was written.
    public enum Form: String, CaseIterable, Hashable, Sendable {
        /// JSON alone, as asked, if perhaps cut off.
        case json
        /// JSON in a code fence, in prose, in several pieces, or with a piece that is none.
        case jsonInText = "json-in-text"
        /// Lines of free text, each with the id of the narration that it is about.
        case numberedLines = "numbered-lines"
    }

    /// A query that the text proposes.
    public struct Item: Hashable, Sendable {
        /// The ids of the prompt that it names, each in the prompt, each once, at least one.
        public var ids: [Int]
        /// The name of the template as it is written; empty where it names none.
        public var template: String
        /// The question as it is written.
        public var query: String

        /// Creates an item.
        public init(ids: [Int], template: String, query: String) {
            self.ids = ids
            self.template = template
            self.query = query
        }
    }

    /// An id of the prompt that no query is about, and why.
    public struct Gap: Hashable, Sendable {
        /// The id.
        public var id: Int
        /// The code of the first problem of an item that named it; else the answer's own (`refused`, `truncated`,
        /// `too-large`, or `no-answer` where the answer is not usable); else `not-asked`: the model passed it over.
        public var reason: String

        /// Creates a gap.
        public init(id: Int, reason: String) {
            self.id = id
            self.reason = reason
        }
    }

    /// The queries, in the order of the text.
    public var candidates: [Item]
    /// The ids without a query, in order.
    public var gaps: [Gap]
    /// The problems, and the count of each.
    public var problems: [AnswerProblem: Int]
    /// The form in which the answer was written; `nil` where nothing could be read.
    public var form: Form?
    /// Tells whether the answer is a list that is empty on purpose: no narration yields a good question.
    public var isEmptyList: Bool

    /// Tells whether the answer goes on to the validators as it is: it has a query, or says that there is none, or had
    /// one that only repeats an example (the form is right, and a model that does so will do so again). If not, and
    /// unless it was refused, another turn may help (`AnswerRepair`).
    public var isUsable: Bool {
        !self.candidates.isEmpty || self.isEmptyList || self.problems[.exampleEcho] != nil
    }
    /// Tells whether it reached the limit of tokens.
    public var isTruncated: Bool { self.problems[.truncated] != nil }
    /// Tells whether the server's filter stopped it.
    public var isRefused: Bool { self.problems[.refused] != nil }

    /// Creates a parsed answer.
    public init(
        candidates: [Item], gaps: [Gap], problems: [AnswerProblem: Int], form: Form?, isEmptyList: Bool
    ) {
        self.candidates = candidates
        self.gaps = gaps
        self.problems = problems
        self.form = form
        self.isEmptyList = isEmptyList
    }
}
