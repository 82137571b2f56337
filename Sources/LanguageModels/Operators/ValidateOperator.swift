// SPDX-License-Identifier: Apache-2.0

internal import Dataflow
internal import Narrations
internal import Records

/// Judges the queries of an answer one by one. Those that pass go on with their window and lineage; the others are
/// rejected, each with the reason code of the first test it failed, as an answer of that candidate alone.
///
/// The window of a query is the union of the windows of its narrations, cut to the clip.
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
    static let marker = Field(
        "marker", default: true,
        help: "Reject queries with a narrator's mark: `#`, the letter C, \"the person\", \"camera wearer\", he or she.")
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
        help: "Reject queries that share no content word with the narrations they are about.")
    static let minimumSeconds = Field(
        "minimum-seconds", default: 0.0, in: 0...86_400,
        help: "Reject queries whose window, cut to the clip, is no longer than this many seconds: `window`.")
    static let duplicateInClip = Field(
        "duplicate-in-clip", default: QueryMemory.ClipRule.anyWindow,
        help: """
            Reject a question that was asked in the clip before: `any-window`, or only about the `same-window`, or `off`. \
            Case, punctuation and white space make no difference.
            """)
    static let repeatsInVideo = Field(
        "repeats-in-video", default: 3, in: 0...1_000_000,
        help: "How often one question may be asked in a video before it is rejected: `repeated-in-video`. 0: no limit.")
    static let videosRemembered = Field(
        "videos-remembered", default: 64, in: 1...100_000,
        help: "Of how many videos and passes a task remembers the questions; the one longest ago is forgotten first.")

    static let specification = OperatorSpecification(
        name: "validate", summary: "Passes the queries that a person might ask, and rejects the others with a reason.",
        fields: [
            Self.unknownNarration, Self.minimumWords, Self.maximumWords, Self.severalQuestions, Self.marker,
            Self.unknownTemplate, Self.firstWord, Self.answerLeak, Self.notGrounded, Self.minimumSeconds,
            Self.duplicateInClip, Self.repeatsInVideo, Self.videosRemembered,
        ], isStateful: true)

    private let validators: [Validator]
    private let topologyHash: String
    private let clipRule: QueryMemory.ClipRule
    private let repeatsMax: Int
    private var memory: QueryMemory

    init(_ configuration: Configuration, _ context: OperatorContext) throws(ConfigurationError) {
        guard configuration[Self.minimumWords] <= configuration[Self.maximumWords] else {
            throw ConfigurationError("it is greater than `maximum-words`", field: Self.minimumWords.name)
        }
        self.validators = Self.validators(configuration)
        self.topologyHash = context.topologyHash
        self.clipRule = configuration[Self.duplicateInClip]
        self.repeatsMax = configuration[Self.repeatsInVideo]
        self.memory = QueryMemory(videosMax: configuration[Self.videosRemembered])
    }

    /// The tests of single queries that a configuration asks for, in the order in which they are made.
    static func validators(_ configuration: Configuration) -> [Validator] {
        var validators: [Validator] = []
        if configuration[Self.unknownNarration] { validators.append(.unknownNarration) }
        validators.append(.empty)
        validators.append(.tooShort(minimum: configuration[Self.minimumWords]))
        validators.append(.tooLong(maximum: configuration[Self.maximumWords]))
        if configuration[Self.severalQuestions] { validators.append(.severalQuestions) }
        if configuration[Self.marker] { validators.append(.marker) }
        if configuration[Self.unknownTemplate] { validators.append(.unknownTemplate) }
        validators.append(.firstWord(configuration[Self.firstWord]))
        if configuration[Self.answerLeak] { validators.append(.answerLeak) }
        if configuration[Self.notGrounded] { validators.append(.notGrounded) }
        validators.append(.window(longerThanSeconds: configuration[Self.minimumSeconds]))
        return validators
    }

    mutating func process(_ element: Element<Answer>, into output: inout Collector<Query>) {
        let answer = element.value
        for candidate in answer.candidates {
            switch self.judge(candidate, of: answer) {
            case .success(let query): output.emit(query, from: element)
            case .failure(let verdict):
                var rejected = answer
                rejected.candidates = [candidate]
                rejected.gaps = []
                output.reject(rejected, from: element, reason: verdict.reason.rawValue, message: verdict.message)
            }
        }
    }

    private struct Verdict: Error {
        let reason: RejectReason
        let message: String
    }

    private mutating func judge(_ candidate: Candidate, of answer: Answer) -> Result<Query, Verdict> {
        let block = answer.block
        let ids = Set(candidate.narrationIDs)
        let narrations = block.narrations.filter { ids.contains($0.index) }
        let known = Set(narrations.map(\.index))
        let proposal = Proposal(
            query: candidate.query, templateName: candidate.template.isEmpty ? nil : candidate.template,
            narrations: narrations, unknownNarrations: ids.subtracting(known).sorted(),
            window: Self.window(of: narrations, in: block.clip.span), clip: block.clip.span)
        if narrations.isEmpty {
            let message = Validator.unknownNarration.problem(with: proposal) ?? "it is about no narration of the block"
            return .failure(Verdict(reason: .unknownNarration, message: message))
        }
        for validator in self.validators {
            if let message = validator.problem(with: proposal) {
                return .failure(Verdict(reason: validator.reason, message: message))
            }
        }
        guard let window = proposal.window else {
            return .failure(Verdict(reason: .window, message: "it has no window in the clip"))
        }
        let repeated = self.memory.judge(
            proposal, of: block, window: window, rule: self.clipRule, repeatsMax: self.repeatsMax)
        if let repeated { return .failure(Verdict(reason: repeated.reason, message: repeated.message)) }
        return .success(self.query(proposal, known.sorted(), window, answer))
    }

    /// From the earliest start to the latest end, cut to the clip.
    private static func window(of narrations: [Narration], in clip: Interval) -> Interval? {
        let windows = narrations.compactMap(\.window)
        guard let start = windows.map(\.start).min(), let end = windows.map(\.end).max() else { return nil }
        return Interval(start, end).intersection(clip)
    }

    private func query(_ proposal: Proposal, _ indices: [Int], _ window: Interval, _ answer: Answer) -> Query {
        let block = answer.block
        let template = proposal.template?.rawValue ?? proposal.templateName
        return Query(
            queryID: Self.identity(block.blockID, indices, template, proposal.query), videoUID: block.videoUID,
            pass: block.pass, clip: block.clip, query: proposal.query, template: template, window: window,
            narrationIndices: indices,
            lineage: Lineage(
                videoUID: block.videoUID, pass: block.pass, narrations: indices, block: block.blockID,
                prompt: answer.promptHash, answer: answer.answerHash, topology: self.topologyHash))
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
        return ContentHash.uuid5(String(decoding: json.bytes, as: UTF8.self))
    }

    mutating func stateChanges() -> [StateChange] { self.memory.stateChanges() }

    mutating func restore(_ entries: [StateEntry]) throws(JSONError) { try self.memory.restore(entries) }
}
