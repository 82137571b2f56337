// SPDX-License-Identifier: Apache-2.0

public import Dataflow
import NarrationGrammar
import VideoAnnotations

/// The validators' judgement of queries that people wrote: each is tried on every query by itself, so that none hides
/// behind another. A rejection is the validator's mistake, or the annotator's.
public struct FalseRejects: Sendable {
    /// The numbers of queries that a validator judged and rejected.
    public struct Rate: Hashable, Sendable {
        /// The queries that it could judge.
        public var judged = 0
        /// Those that it would reject.
        public var rejected = 0

        /// 0…1; 0 where nothing was judged.
        public var share: Double { self.judged == 0 ? 0 : Double(self.rejected) / Double(self.judged) }

        mutating func add(isRejected: Bool) {
            self.judged += 1
            if isRejected { self.rejected += 1 }
        }
    }

    /// A query that a validator would reject.
    public struct Example: Hashable, Sendable {
        /// Its text.
        public let query: String
        /// The fault, in the validator's words.
        public let message: String
    }

    /// One validator's rates.
    public struct Row: Sendable {
        /// Its reason code; with `(strict)` behind it where it is a setting that is off by default.
        public let name: String
        /// Over all queries.
        public var rate = Rate()
        /// By template; `nil` is for queries without one.
        public var byTemplate: [QueryTemplate?: Rate] = [:]
        /// The first queries that it would reject.
        public var examples: [Example] = []
        /// The reason it could judge none, where it could not.
        public var note: String?

        mutating func add(_ problem: String?, of query: String, template: QueryTemplate?, examplesMax: Int) {
            self.rate.add(isRejected: problem != nil)
            self.byTemplate[template, default: Rate()].add(isRejected: problem != nil)
            if let problem, self.examples.count < examplesMax {
                self.examples.append(Example(query: query, message: problem))
            }
        }
    }

    /// The validators, in the order in which they judge.
    public private(set) var rows: [Row]
    /// The queries that the step would reject for any reason.
    public private(set) var any = Row(name: "any")

    private let judge: QueryJudge
    private let rules: QueryMemory.Rules
    private let examplesMax: Int

    /// Tries the validators.
    /// - Parameters:
    ///   - configuration: that of the `validate` step.
    ///   - examplesMax: how many rejected queries are kept for each.
    public init(of file: HumanQueryFile, configuration: Configuration = Configuration(), examplesMax: Int = 3) {
        self.judge = QueryJudge(configuration)
        self.rules = ValidateOperator.memoryRules(configuration)
        self.examplesMax = examplesMax
        self.rows = []
        for validator in self.judge.validators {
            var row = Row(name: validator.reason.rawValue)
            row.note = validator.needsNarrations ? "needs the narrations that a query was made from" : nil
            self.rows.append(row)
        }
        let problems = self.judgeAlone(file)
        if configuration[ValidateOperator.firstWord] != .strict {
            self.judgeAlone(file, by: .firstWord(.strict), name: "first-word (strict)")
        }
        self.judgeByHistory(file, after: problems)
    }

    private static func proposal(_ query: HumanQuery) -> Proposal {
        Proposal(
            query: query.query ?? "", templateName: query.template, window: query.window, clip: query.clip)
    }

    /// - Returns: for each query the first thing that is wrong with it by itself.
    private mutating func judgeAlone(_ file: HumanQueryFile) -> [String?] {
        file.queries.map { query in
            let proposal = Self.proposal(query)
            var first: String?
            for (index, validator) in self.judge.validators.enumerated() {
                guard validator.judges(proposal), self.hasWhatIsJudged(query, validator) else { continue }
                let problem = validator.problem(with: proposal)
                self.rows[index].add(
                    problem, of: proposal.query, template: proposal.template, examplesMax: self.examplesMax)
                if first == nil, let problem { first = "\(validator.reason.rawValue): \(problem)" }
            }
            return first
        }
    }

    /// A file of test queries has no windows; that says nothing about the validator of windows. And a query without
    /// text is one mistake, not several.
    private func hasWhatIsJudged(_ query: HumanQuery, _ validator: Validator) -> Bool {
        switch validator.reason {
        case .window: query.window != nil
        case .empty, .unknownTemplate: true
        default: query.query.map { !$0.pieces.isEmpty } ?? false
        }
    }

    private mutating func judgeAlone(_ file: HumanQueryFile, by validator: Validator, name: String) {
        var row = Row(name: name)
        for query in file.queries where self.hasWhatIsJudged(query, validator) {
            let proposal = Self.proposal(query)
            if proposal.template == nil { continue }
            row.add(
                validator.problem(with: proposal), of: proposal.query, template: proposal.template,
                examplesMax: self.examplesMax)
        }
        let place = self.rows.lastIndex { $0.name == RejectReason.firstWord.rawValue }
        self.rows.insert(row, at: place.map { $0 + 1 } ?? self.rows.count)
    }

    /// The validators that know what was asked before, in the file's order. A query that one rejects is not remembered.
    private mutating func judgeByHistory(_ file: HumanQueryFile, after problems: [String?]) {
        let reasons = RejectReason.allCases.filter(\.dependsOnHistory)
        var rows = reasons.map { Row(name: $0.rawValue) }
        var memory = QueryMemory(self.rules)
        for (query, problem) in zip(file.queries, problems) {
            let proposal = Self.proposal(query)
            guard !proposal.words.isEmpty else {
                self.any.add(problem, of: proposal.query, template: proposal.template, examplesMax: self.examplesMax)
                continue
            }
            let block = Block(
                blockID: "", videoUID: query.videoUID, pass: 1, clip: Clip(clipUID: query.clipUID, span: query.clip),
                narrations: [], meanGapSec: nil)
            let verdict = memory.judge(proposal, of: block, window: query.window ?? Interval(0, 0))
            for (index, reason) in reasons.enumerated() {
                rows[index].add(
                    verdict?.reason == reason ? verdict?.problem : nil, of: proposal.query,
                    template: proposal.template, examplesMax: self.examplesMax)
            }
            let first =
                problem ?? verdict.flatMap { verdict in verdict.problem.map { "\(verdict.reason.rawValue): \($0)" } }
            self.any.add(first, of: proposal.query, template: proposal.template, examplesMax: self.examplesMax)
        }
        self.rows += rows
    }
}
