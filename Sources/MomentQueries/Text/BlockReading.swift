// SPDX-License-Identifier: Apache-2.0

import NarrationGrammar
import VideoAnnotations

/// A block with each of its narrations read: cleaned, taken apart, reduced to stems.
///
/// The prompt, the rule-based writer and the validators all want the same of a narration, and reading it is what costs
/// most in each of them. So it is done once, by whichever step is first, and handed on with the block.
struct BlockReading: Hashable, Sendable {
    /// The block.
    let block: Block
    /// Its narrations, read, in their order.
    let narrations: [NarrationReading]

    /// Reads a block.
    init(_ block: Block) {
        self.block = block
        self.narrations = block.narrations.map { NarrationReading($0.text, covered: $0.covered ?? []) }
    }

    /// The reading depends on the block alone.
    static func == (left: BlockReading, right: BlockReading) -> Bool { left.block == right.block }

    func hash(into hasher: inout Hasher) { hasher.combine(self.block) }
}

/// A narration in the forms in which it is asked for. An object, because every validator walks over those of a block.
final class NarrationReading: Sendable {
    /// The cleaned text.
    let text: NarrationText
    /// The clause: who does what to which thing; `nil` where there is no verb, or the narration has a defect.
    let clause: Clause?
    /// The stems of its content words, and the noun for whoever acts, where that is somebody else.
    let stems: StemSet
    /// The kinds of the things that it names.
    let kinds: Set<NounKind>
    /// The other narrations that its window covers, read.
    let covered: [NarrationReading]

    /// Reads a narration.
    /// - Parameter covered: the texts of the others that its window covers.
    init(_ raw: String, covered: [String] = []) {
        self.covered = covered.map { NarrationReading($0) }
        self.text = NarrationText(raw)
        self.clause = self.text.defect == nil ? ClauseParser.parse(self.text) : nil
        let words = self.text.words.map { $0.text }
        var stems = Stem.stems(of: words)
        if case .other(let noun) = self.text.actor { stems.insert(noun) }
        self.stems = stems
        self.kinds = Set(words.compactMap(NounLexicon.kind))
    }
}

extension NarrationReading {
    /// The narration as a reader is shown it, with what else its window covers.
    var shown: String { ([self] + self.covered).map { $0.text.display }.joined(separator: "; then ") }
}
