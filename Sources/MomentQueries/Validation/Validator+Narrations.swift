// SPDX-License-Identifier: Apache-2.0

import NarrationGrammar
import VideoAnnotations

/// Validators that compare a query with its narrations. Human queries have none, so their rates are not known.
extension Validator {
    /// Rejects queries about no narration of the block, and ids that the block does not have.
    /// - Parameter isTolerant: passes over such ids beside known ones.
    public static func unknownNarration(isTolerant: Bool) -> Validator {
        Validator(.unknownNarration, needsNarrations: true) { proposal in
            if proposal.narrations.isEmpty {
                return proposal.unknownNarrations.first.map { "the block has no narration \($0)" }
                    ?? "it names no narration"
            }
            guard !isTolerant, let id = proposal.unknownNarrations.first else { return nil }
            return "the block has no narration \(id)"
        }
    }

    /// Rejects a query that gives its answer away, as far as the narrations tell (`AnswerLeak`).
    public static let answerLeak = Validator(.answerLeak, needsNarrations: true) { proposal in
        guard let kind = QueryTemplate.AnswerKind(asking: proposal.words, template: proposal.template) else {
            return nil
        }
        for narration in proposal.narrations {
            guard let clause = narration.clause else { continue }
            if let word = AnswerLeak.word(in: proposal.words, asking: kind, narration: clause) {
                return "it names \"\(word)\", which answers it"
            }
        }
        return nil
    }

    /// Rejects a query of whose content words too few occur in its block: a model that invents, or repeats an example
    /// of its prompt. Stop-words are left out, and forms of one word taken together (`NarrationFit.ground`).
    /// - Parameter share: how much of the content words must occur, 0…1; one of them must in any case.
    public static func notGrounded(share: Double) -> Validator {
        Validator(.notGrounded, needsNarrations: true) { proposal in
            guard let source = proposal.source else { return nil }
            // "When did I see the lady?": somebody who acts is enough.
            let actors = source.reading.narrations.compactMap { narration -> String? in
                if case .other(let noun) = narration.text.actor { noun } else { nil }
            }
            if !actors.isEmpty, proposal.words.contains(where: actors.contains) { return nil }
            let (there, missing) = NarrationFit.ground(proposal.content, in: source.reading)
            if there.isEmpty { return "it shares no word with the narrations of its block" }
            guard Double(there.count) < share * Double(there.count + missing.count) else { return nil }
            let words = missing.map { "\"\($0)\"" }.joined(separator: ", ")
            return "\(words): not in the narrations of its block"
        }
    }

    /// Rejects a query that fits another narration of the block better than every one that it names: its window would
    /// be another's. It goes by the words of the clause that asks (`NarrationFit.score`).
    public static let wrongNarration = Validator(.wrongNarration, needsNarrations: true) { proposal in
        guard let source = proposal.source, !source.about.isEmpty else { return nil }
        let content = proposal.content
        let scores = source.reading.narrations.map { NarrationFit.score(content, $0) }
        guard let own = source.about.map({ scores[$0] }).max(), let best = scores.max(), best > own,
            let other = scores.firstIndex(of: best)
        else { return nil }
        let narration = source.reading.block.narrations[other]
        return "it fits narration \(narration.index) better: \"\(source.reading.narrations[other].text.text)\""
    }
}
