// SPDX-License-Identifier: Apache-2.0

import NarrationGrammar

/// The fit of a query and narrations, by the words that they share.
enum NarrationFit {
    /// The shares of a query's content words that a block has.
    ///
    /// A word is in the block where a narration has it in any form; where it is a verb for which people say one of the
    /// block's (`VerbKin`: add for pour, grab for take); and where it names the class of a thing in the block
    /// (vegetable for carrot).
    /// - Returns: the words that are in the block, and those that are not, in their order.
    static func ground(_ content: QueryContent, in reading: BlockReading) -> (there: [String], missing: [String]) {
        var there: [String] = []
        var missing: [String] = []
        for word in content.words {
            let isThere = reading.narrations.contains { self.has(word, $0) }
            if isThere { there.append(word.stem) } else { missing.append(word.stem) }
        }
        return (there, missing)
    }

    private static func has(_ word: QueryContent.Word, _ narration: NarrationReading) -> Bool {
        if narration.stems.contains(word.stem) { return true }
        guard let own = narration.clause?.verb else { return false }
        if let verb = word.verb { return VerbKin.areAlike(verb, own) }
        return word.kind.map(narration.kinds.contains) ?? false
    }

    /// Scores the fit of a query's asking clause and a narration: 4 for a thing or a quality of it, 3 for a verb, 2 for
    /// one that could stand for many (put), or that people say for it (add for pour).
    static func score(_ content: QueryContent, _ narration: NarrationReading) -> Int {
        content.words.reduce(0) { sum, word in
            guard word.isMain else { return sum }
            let isShared = narration.stems.contains(word.stem)
            guard let verb = word.verb else { return sum + (isShared ? 4 : 0) }
            // "stir-fry" is two words where a narration writes "stir fry".
            let own = narration.clause?.verb
            let isSame = isShared || own?.base == verb.base
            if isSame, !self.lightVerbs.contains(verb.base) { return sum + 3 }
            let isAlike = own.map { VerbKin.areAlike(verb, $0) } ?? false
            return sum + (isSame || isAlike ? 2 : 0)
        }
    }

    private static let lightVerbs: WordSet = [
        "put", "place", "take", "get", "pick", "have", "keep", "leave", "do", "hold", "bring", "go", "make",
    ]
}
