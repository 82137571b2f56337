// SPDX-License-Identifier: Apache-2.0

import Dataflow
import NarrationGrammar
import VideoAnnotations

/// The templates and forms that a prompt asks for: one for each narration that a question can be made of, drawn by the
/// shares of a reference among the templates that the narration supports, as far as the rules can tell.
///
/// Draws are keyed by the block's id and the narration's place in it. Nothing but the block decides them: what comes
/// later in the stream cannot.
struct QueryWishes: Sendable {
    /// The source of the wishes.
    enum Draws: String, Choice {
        /// The model chooses template and form.
        case none
        /// They are drawn as people have them.
        case people
    }

    /// A question that is asked for, about one narration.
    struct Wish: Hashable, Sendable {
        /// The id that the prompt has for the narration.
        let id: Int
        let template: QueryTemplate
        /// Tells whether the question says "I".
        let saysI: Bool
        /// Tells whether it is in the present tense.
        let isPresent: Bool

        /// `[2] Objects: Where is object X? (without "I", in the present tense)`
        var line: String {
            let tense = self.isPresent ? "in the present tense" : "in the past tense"
            return "[\(self.id)] \(self.template.rawValue) (\(self.saysI ? "with" : "without") \"I\", \(tense))"
        }
    }

    /// The shares of the templates, in the order of `allCases`.
    private let shares: [Double]

    /// Takes the shares of a reference's templates.
    init(_ reference: QueryReference) {
        let shares = ComparedQueries.templates(of: reference)
        self.shares = QueryTemplate.allCases.map { shares[$0] ?? 0 }
    }

    /// The wishes about a block's narrations, in their order; none for those that support no template.
    func wishes(for reading: BlockReading) -> [Wish] {
        zip(PromptedBlock.ids(of: reading.block), reading.narrations).compactMap { id, narration in
            let supported = Self.templates(for: narration)
            let weights = zip(QueryTemplate.allCases, self.shares).map { supported.contains($0) ? $1 : 0 }
            let all = weights.reduce(0, +)
            guard all > 0 else { return nil }
            var draw = StableHash("wish", reading.block.blockID, String(id))
            var rest = draw.share() * all
            let die = draw.below(100)
            for (template, weight) in zip(QueryTemplate.allCases, weights) where weight > 0 {
                rest -= weight
                if rest < 0 { return Self.wish(id, template, die) }
            }
            return nil
        }
    }

    /// The wishes as a prompt has them, one a line.
    func text(for reading: BlockReading) -> String {
        let wishes = self.wishes(for: reading)
        return wishes.isEmpty ? "none: answer with an empty list" : wishes.map(\.line).joined(separator: "\n")
    }

    /// The names that the schema allows for a block; all of them where nothing is wished for.
    func templates(for reading: BlockReading) -> [QueryTemplate] {
        let wished = Set(self.wishes(for: reading).map(\.template))
        return QueryTemplate.allCases.filter { wished.isEmpty || wished.contains($0) }
    }

    private static func wish(_ id: Int, _ template: QueryTemplate, _ die: Int) -> Wish {
        let form = PeopleForms.form(of: template, die: die)
        let isPresent = form.map { form in ["{is}", " is ", " are "].contains(where: form.contains) } ?? false
        return Wish(id: id, template: template, saysI: form == nil, isPresent: isPresent)
    }

    /// The templates of which the rules could write a question.
    private static func templates(for narration: NarrationReading) -> Set<QueryTemplate> {
        guard let clause = narration.clause, !clause.verb.use.contains(.empty) else { return [] }
        var writer = QuestionWriter(clause: clause, relation: nil, grounds: narration.stems)
        writer.times = narration.times(clause)
        return Set(QueryTemplate.allCases.filter { writer.question($0) != nil })
    }
}

extension NarrationReading {
    /// The number of narrations in its window that say the same of a thing of the same name, itself included.
    func times(_ clause: Clause) -> Int { 1 + self.covered.count { $0.clause.map(clause.isLike) ?? false } }
}
