// SPDX-License-Identifier: Apache-2.0

import NarrationGrammar
public import VideoAnnotations

/// Writes queries by rule, without a model: each narration is taken apart by a small grammar and becomes at most one
/// question of one of the 13 templates, in the first person and the past tense, with its answer left out.
///
/// A hash of the block and the narration picks one of the possible questions, weighted so that the mix resembles the
/// human one; nothing is random, and the same block always yields the same questions. A narration that no sensible
/// question can be made of is a gap with its reason, never a bad question.
public struct RuleWriter: Sendable {
    /// The reason a narration has no question.
    public enum Gap: String, CaseIterable, Sendable {
        /// The annotator was unsure.
        case unsure
        /// It is a summary of minutes.
        case summary
        /// It says nothing.
        case blank
        /// No verb was found.
        case noVerb = "no-verb"
        /// Nothing is named that could be asked for: "walks around", "picks it up".
        case noObject = "no-object"
        /// It is about the actor's own body, which the camera wearer never looks for.
        case ownBody = "own-body"
        /// The noun names a place or an abstraction, not a thing: "the kitchen", "the heat".
        case notAThing = "not-a-thing"
        /// Every question that could be made of it is too long or gives its answer away.
        case noQuestion = "no-question"
    }

    /// The words that a question has at least and at most; 97 % of the human queries lie in this range.
    static let wordRange = 4...13

    private let forms: RuleForms

    /// Creates a writer.
    public init(forms: RuleForms = .plain) { self.forms = forms }

    /// The most questions about a narration.
    private var questionsMax: Int { self.forms == .people ? 2 : 1 }

    /// Writes about a block.
    /// - Returns: at most one query a narration, or two in people's forms, in the order of the narrations, and a gap
    ///   for each narration without.
    public func write(about block: Block) -> (candidates: [Candidate], gaps: [AnswerGap]) {
        self.write(about: BlockReading(block))
    }

    /// Writes about a block that has been read.
    func write(about reading: BlockReading) -> (candidates: [Candidate], gaps: [AnswerGap]) {
        var candidates: [Candidate] = []
        var gaps: [AnswerGap] = []
        for (position, narration) in reading.block.narrations.enumerated() {
            switch self.questions(about: position, of: reading) {
            case .success(let questions):
                for question in questions {
                    candidates.append(
                        Candidate(
                            narrationIDs: [narration.index], template: question.template.rawValue, query: question.text)
                    )
                }
            case .failure(let gap):
                gaps.append(AnswerGap(narrationID: narration.index, reason: gap.reason.rawValue))
            }
        }
        return (candidates, gaps)
    }

    /// A question with the template it follows.
    struct Question {
        let template: QueryTemplate
        let text: String
    }

    struct NoQuestion: Error {
        let reason: Gap
    }

    private func questions(about position: Int, of reading: BlockReading) -> Result<[Question], NoQuestion> {
        let line = reading.narrations[position]
        if let defect = line.text.defect {
            switch defect {
            case .unsure: return .failure(NoQuestion(reason: .unsure))
            case .summary: return .failure(NoQuestion(reason: .summary))
            case .blank: return .failure(NoQuestion(reason: .blank))
            }
        }
        guard let clause = line.clause, !clause.verb.use.contains(.empty) else {
            return .failure(NoQuestion(reason: .noVerb))
        }
        let block = reading.block
        var choice = StableHash(block.blockID, String(block.narrations[position].index), line.text.text)
        let relation = Self.relation(around: position, of: reading.narrations, &choice)
        var writer = QuestionWriter(clause: clause, relation: relation, grounds: line.stems)
        writer.forms = self.forms
        if self.forms == .people { writer.times = line.times(clause) }
        var questions: [Question] = []
        for template in Self.order(&choice) where questions.count < self.questionsMax {
            writer.variant = choice.below(1 << 16)
            if let text = writer.question(template) { questions.append(Question(template: template, text: text)) }
        }
        return questions.isEmpty ? .failure(NoQuestion(reason: Self.reason(clause))) : .success(questions)
    }

    /// The templates, each once, drawn by their weights.
    private static func order(_ choice: inout StableHash) -> [QueryTemplate] {
        var left = self.weights
        var total = left.reduce(0) { $0 + $1.weight }
        var order: [QueryTemplate] = []
        while !left.isEmpty {
            var dice = choice.below(total)
            var index = 0
            while index < left.count - 1, dice >= left[index].weight {
                dice -= left[index].weight
                index += 1
            }
            total -= left[index].weight
            order.append(left.remove(at: index).template)
        }
        return order
    }

    /// The human counts, raised for templates that few narrations allow, so that those that do mostly become one.
    private static let weights: [(template: QueryTemplate, weight: Int)] = QueryTemplate.allCases.map { template in
        let scarcity =
            switch template {
            case .whoDidIInteractWith, .whoDidITalkTo, .whenDidIInteract, .whereIsMyObject: 40
            case .howMany: 14
            case .whatDidIPutIn, .whereDidIPut: 8
            case .whereBeforeOrAfter, .whatIs, .state: 2
            case .whereIsObject, .whatDidI, .inWhatLocation: 1
            }
        return (template, template.humanCount * scarcity)
    }

    /// Returns what the camera wearer did just before or after, if it differs from what the narration says.
    private static func relation(
        around position: Int, of lines: [NarrationReading], _ choice: inout StableHash
    ) -> Relation? {
        let own = Relation("", lines[position].clause)?.identity
        func relation(_ conjunction: String, _ index: Int) -> Relation? {
            guard lines.indices.contains(index) else { return nil }
            return Relation(conjunction, lines[index].clause).flatMap { $0.identity == own ? nil : $0 }
        }
        let before = relation("before", position + 1)
        let after = relation("after", position - 1)
        return choice.below(2) == 0 ? after ?? before : before ?? after
    }

    private static func reason(_ clause: Clause) -> Gap {
        guard let object = clause.object else { return .noObject }
        switch object.kind {
        case .body: return .ownBody
        case .vague: return .noObject
        case .place, .abstract: return .notAThing
        default: return .noQuestion
        }
    }
}

extension Clause {
    /// Tells whether another says that the same person does the same to a thing of the same name.
    func isLike(_ other: Clause) -> Bool {
        guard let object = self.object, let theirs = other.object else { return false }
        return self.actor == other.actor && self.verb.base == other.verb.base && self.particle == other.particle
            && Morphology.singular(of: object.head) == Morphology.singular(of: theirs.head)
    }
}
