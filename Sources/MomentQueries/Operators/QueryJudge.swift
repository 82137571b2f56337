// SPDX-License-Identifier: Apache-2.0

public import Dataflow
public import VideoAnnotations

/// The validators of single queries that a configuration asks for. Its verdicts are functions of the query and its
/// block: the same wherever and whenever they are asked for.
public struct QueryJudge: Sendable {
    /// The validators, in the order in which they judge.
    let validators: [Validator]

    /// Sets up the validators.
    /// - Parameter configuration: that of a `validate` step; by default the one in which every field has its default.
    public init(_ configuration: Configuration = Configuration()) {
        typealias Step = ValidateOperator
        var validators: [Validator] = [
            .unknownNarration(isTolerant: !configuration[Step.unknownNarration]), .empty,
            .tooShort(minimum: configuration[Step.minimumWords]),
            .tooLong(maximum: configuration[Step.maximumWords]),
        ]
        if configuration[Step.severalQuestions] { validators.append(.severalQuestions) }
        if configuration[Step.markup] { validators.append(.markup) }
        if configuration[Step.marker] { validators.append(.marker) }
        if configuration[Step.unknownTemplate] { validators.append(.unknownTemplate) }
        let firstWord = configuration[Step.firstWord]
        if firstWord != .off { validators.append(.firstWord(firstWord)) }
        validators.append(
            .window(longerThan: configuration[Step.minimumSeconds], upTo: configuration[Step.maximumSeconds]))
        if configuration[Step.answerLeak] { validators.append(.answerLeak) }
        if configuration[Step.notGrounded] {
            validators.append(.notGrounded(share: configuration[Step.groundedShare]))
        }
        if configuration[Step.wrongNarration] { validators.append(.wrongNarration) }
        self.validators = validators
    }

    /// Returns every validator's verdict on a candidate, or on a sample that came of one, in the order in which they
    /// judge; the first that rejects is the reason in the `rejects` topic.
    ///
    /// For a sample, the candidate has the narration indices of its lineage, its template and its query. Whether a
    /// query was asked before depends on the queries before it, so those verdicts are `notJudged`.
    public func verdicts(for candidate: Candidate, of block: Block) -> [Verdict] {
        let proposal = Proposal(candidate, of: BlockReading(block))
        let alone = self.validators.map { validator in
            Verdict(validator.reason, validator.problem(with: proposal).map { .rejected($0) } ?? .passed)
        }
        let others = RejectReason.allCases.filter(\.dependsOnHistory).map {
            Verdict($0, .notJudged("depends on what was asked before in the video"))
        }
        return alone + others
    }

    /// The first verdict that rejects a query; `nil` where none does.
    func rejection(of proposal: Proposal) -> Verdict? {
        for validator in self.validators {
            if let message = validator.problem(with: proposal) { return Verdict(validator.reason, .rejected(message)) }
        }
        return nil
    }
}
