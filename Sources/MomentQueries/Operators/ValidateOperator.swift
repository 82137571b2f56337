// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import NarrationGrammar
import Records
import VideoAnnotations

/// Judges the queries of an answer one by one. Those that pass go on with their window and lineage; the others are
/// rejected, each with the reason code of the first test it failed, as an answer of that candidate alone.
///
/// The window of a query is the union of the windows of its narrations, cut to the clip. `QueryJudge` judges a query by
/// itself, `QueryMemory` by what was asked before.
struct ValidateOperator: Operator {
    static let unknownNarration = Field(
        "unknown-narration", default: true,
        help: """
            Reject queries that name a narration which the block does not have. If false, such ids are passed over; a \
            query about no known narration is rejected in any case.
            """)
    static let minimumWords = Field(
        "minimum-words", default: 3, in: 0...100, help: "Reject queries of fewer words: `too-short`.")
    static let maximumWords = Field(
        "maximum-words", default: 20, in: 1...1000, help: "Reject queries of more words: `too-long`.")
    static let severalQuestions = Field(
        "several-questions", default: true, help: "Reject queries with more than one question mark.")
    static let markup = Field(
        "markup", default: true,
        help: """
            Reject queries with marks of lists, code or templates (`2)`, `**`, `{`, a label before a colon, the X of \
            "Where did I put X?"), or with letters that are not Latin.
            """)
    static let marker = Field(
        "marker", default: true,
        help: """
            Reject queries with a narrator's word: `#`, the letter C, "man X", "the person", "camera wearer", he or she, \
            "the narration".
            """)
    static let unknownTemplate = Field(
        "unknown-template", default: true, help: "Reject queries that follow none of the 13 templates.")
    static let firstWord = Field(
        "first-word", default: Validator.FirstWordRule.lenient,
        help: """
            `lenient` rejects queries whose first word begins no question, `strict` those whose first word is not one \
            that human queries of the template begin with, `off` none.
            """)
    static let answerLeak = Field(
        "answer-leak", default: true,
        help: "Reject queries that name the place, thing, color or number that they ask for, as the narration has it.")
    static let notGrounded = Field(
        "not-grounded", default: true,
        help: "Reject queries of whose content words too few occur in the narrations of their block.")
    static let groundedShare = Field(
        "grounded-share", default: 0.5, in: 0...1,
        help: "For `not-grounded`: the share of the content words that must occur. One of them must in any case.")
    static let wrongNarration = Field(
        "wrong-narration", default: true,
        help: "Reject queries that fit another narration of the block better than those they name.")
    static let minimumSeconds = Field(
        "minimum-seconds", default: 0.0, in: 0...86_400,
        help: "Reject queries whose window, cut to the clip, is no longer than this many seconds: `window`.")
    static let maximumSeconds = Field(
        "maximum-seconds", default: 480.0, in: 0...86_400,
        help: "Reject queries whose window is longer than this many seconds: `window`. The longest human one has 480.")
    static let duplicateInClip = Field(
        "duplicate-in-clip", default: QueryMemory.ClipRule.anyWindow,
        help: """
            Reject a question that was asked in the clip before: `any-window`, or only about the `same-window`, or `off`. \
            Case, punctuation and white space make no difference.
            """)
    static let nearDuplicate = Field(
        "near-duplicate", default: 0.85, in: 0...1,
        help: """
            Treat questions alike by this much, 0 to 1, as the same: `near-duplicate-in-clip`, and in `repeats-in-video`. \
            They are compared by the characters of what is left without articles, auxiliaries and endings. 0: never.
            """)
    static let repeatsInVideo = Field(
        "repeats-in-video", default: 3, in: 0...1_000_000,
        help: "Times that one question may be asked in a video before it is rejected: `repeated-in-video`. 0: no limit."
    )
    static let videosRemembered = Field(
        "videos-remembered", default: 64, in: 1...100_000,
        help: "Of how many videos and passes a task remembers the questions; the one longest ago is forgotten first.")
    static let queriesRemembered = Field(
        "queries-remembered", default: 4096, in: 1...100_000,
        help: "Number of questions of a video and pass that a task remembers; the oldest is forgotten first.")

    static let carryNarrations = Field(
        "carry-narrations", default: false, isAdded: true,
        help: """
            Write into each query the narrations that its window covers, for a `judge` behind whose rubric shows them.
            """)
    static let carryOthers = Field(
        "carry-others", default: false, isAdded: true,
        help: """
            Write into each query the other narrations of its block, for a `judge` behind whose rubric shows them: whether \
            one moment alone answers it shows in what else happened.
            """)

    static let specification = OperatorSpecification(
        name: "validate", summary: "Passes the queries that a person might ask, and rejects the others with a reason.",
        fields: [
            Self.unknownNarration, Self.minimumWords, Self.maximumWords, Self.severalQuestions, Self.markup,
            Self.marker, Self.unknownTemplate, Self.firstWord, Self.minimumSeconds, Self.maximumSeconds,
            Self.answerLeak, Self.notGrounded, Self.groundedShare, Self.wrongNarration, Self.duplicateInClip,
            Self.nearDuplicate, Self.repeatsInVideo, Self.videosRemembered, Self.queriesRemembered,
            Self.carryNarrations, Self.carryOthers,
        ], isStateful: true, remembers: true)

    private let judge: QueryJudge
    private let topologyHash: String
    private let carriesNarrations: Bool
    private let carriesOthers: Bool
    private var memory: QueryMemory

    init(_ configuration: Configuration, _ context: OperatorContext) throws(ConfigurationError) {
        guard configuration[Self.minimumWords] <= configuration[Self.maximumWords] else {
            throw ConfigurationError("it is greater than `maximum-words`", field: Self.minimumWords.name)
        }
        guard configuration[Self.minimumSeconds] < configuration[Self.maximumSeconds] else {
            throw ConfigurationError("it is not less than `maximum-seconds`", field: Self.minimumSeconds.name)
        }
        self.judge = QueryJudge(configuration)
        self.topologyHash = context.topologyHash
        self.carriesNarrations = configuration[Self.carryNarrations]
        self.carriesOthers = configuration[Self.carryOthers]
        self.memory = QueryMemory(Self.memoryRules(configuration))
    }

    /// Reads a configuration's rules for questions that were asked before.
    static func memoryRules(_ configuration: Configuration) -> QueryMemory.Rules {
        QueryMemory.Rules(
            clip: configuration[Self.duplicateInClip], similarity: configuration[Self.nearDuplicate],
            repeatsMax: configuration[Self.repeatsInVideo], videosMax: configuration[Self.videosRemembered],
            queriesMax: configuration[Self.queriesRemembered])
    }

    mutating func process(_ element: Element<Answer>, into output: inout Collector<Query>) {
        let answer = element.value
        for candidate in answer.candidates {
            switch self.query(of: candidate, in: answer) {
            case .success(let query): output.emit(query, from: element)
            case .failure(let verdict):
                var rejected = answer
                rejected.candidates = [candidate]
                rejected.gaps = []
                output.reject(
                    rejected, from: element, reason: verdict.reason.rawValue, message: verdict.problem ?? "rejected")
            }
        }
    }

    private mutating func query(of candidate: Candidate, in answer: Answer) -> Result<Query, Verdict> {
        let proposal = Proposal(candidate, of: answer.reading)
        if let verdict = self.judge.rejection(of: proposal) { return .failure(verdict) }
        guard let window = proposal.window else {
            return .failure(Verdict(.window, .rejected("it has no window in the clip")))
        }
        if let verdict = self.memory.judge(proposal, of: answer.block, window: window) { return .failure(verdict) }
        return .success(self.query(proposal, window, answer))
    }

    private func query(_ proposal: Proposal, _ window: Interval, _ answer: Answer) -> Query {
        let block = answer.block
        let indices = proposal.narrationIndices
        let template = proposal.template?.rawValue ?? proposal.templateName
        var query = Query(
            queryID: Self.identity(block.blockID, indices, template, proposal.query), videoUID: block.videoUID,
            pass: block.pass, clip: block.clip, query: proposal.query, template: template, window: window,
            narrationIndices: indices,
            narrations: self.carriesNarrations
                ? Self.narrations(of: answer.reading) { Self.isCovered($0, window, indices) } : nil,
            lineage: Lineage(
                videoUID: block.videoUID, pass: block.pass, narrations: indices, block: block.blockID,
                prompt: answer.promptHash, answer: answer.answerHash, topology: self.topologyHash))
        if self.carriesOthers {
            query.others = Self.narrations(of: answer.reading) { !Self.isCovered($0, window, indices) }
        }
        return query
    }

    /// Tells whether a window covers a narration, or the query is about it.
    private static func isCovered(_ narration: Narration, _ window: Interval, _ indices: [Int]) -> Bool {
        window.contains(narration.timestampSec) || indices.contains(narration.index)
    }

    /// The texts of some narrations of a block, in their order.
    private static func narrations(of reading: BlockReading, _ isWanted: (Narration) -> Bool) -> [String] {
        zip(reading.block.narrations, reading.narrations).compactMap { isWanted($0) ? $1.shown : nil }
    }

    /// UUIDv5 of `["query", block, [index, …], template, query]`.
    private static func identity(_ block: String, _ indices: [Int], _ template: String?, _ query: String) -> String {
        var json = JSONWriter()
        json.beginArray()
        json.value("query")
        json.value(block)
        json.beginArray()
        for index in indices { json.value(index) }
        json.endArray()
        if let template { json.value(template) } else { json.null() }
        json.value(query)
        json.endArray()
        return DerivedID.uuid(json)
    }

    mutating func stateChanges() -> [StateChange] { self.memory.stateChanges() }

    mutating func restore(_ entries: [StateEntry]) throws(JSONError) { try self.memory.restore(entries) }
}
