// SPDX-License-Identifier: Apache-2.0

/// A verb done to a noun; indices into `Lexicon`.
struct VerbNounPair: Hashable {
    let verb: Int
    let noun: Int
}

/// The verb-noun pairs that happen in one world, and those that its NLQ train split never asks about.
///
/// Each noun takes part in five pairs, and each verb in about nine, so that neither word alone tells a moment.
struct PairInventory {
    /// Pairs of each noun.
    static let pairsPerNoun = 5
    /// Nouns of each scenario that no train query names at all; all other held-out pairs are new combinations of
    /// words that train queries do name.
    static let heldOutNounsPerScenario = 2

    /// A pair's index in this list is its identity within the world.
    let pairs: [VerbNounPair]
    /// Tells whether the pair is kept out of the NLQ train split; a third of all pairs is.
    let isHeldOut: [Bool]
    /// For each scenario, pair indices to draw from: those of the scenario's own nouns stand there twice.
    private let drawLists: [[Int]]

    init(seed: UInt64) {
        var generator = SeededGenerator(seed: seed, stream: .inventory)
        let pairs = Self.combine(&generator)
        self.isHeldOut = Self.holdOut(pairs, &generator)
        self.drawLists = Scenario.allCases.map { scenario in
            pairs.indices.flatMap { Lexicon.nouns[pairs[$0].noun].scenario == scenario ? [$0, $0] : [$0] }
        }
        self.pairs = pairs
    }

    /// A pair for an event of a video of this scenario.
    func draw(for scenario: Scenario, _ generator: inout SeededGenerator) -> Int {
        generator.pick(self.drawLists[scenario.rawValue])
    }

    func verb(of pair: Int) -> Verb { Lexicon.verbs[self.pairs[pair].verb] }

    func noun(of pair: Int) -> Noun { Lexicon.nouns[self.pairs[pair].noun] }

    /// Gives each noun the five verbs that fit it and are least used so far.
    private static func combine(_ generator: inout SeededGenerator) -> [VerbNounPair] {
        var uses = [Int](repeating: 0, count: Lexicon.verbs.count)
        var order = Array(Lexicon.nouns.indices)
        generator.shuffle(&order)
        var pairs: [VerbNounPair] = []
        for noun in order {
            var fitting = Lexicon.verbs.indices.filter { Lexicon.verbs[$0].kinds.contains(Lexicon.nouns[noun].kind) }
            generator.shuffle(&fitting)
            // `sort` is stable in practice but not by promise, so the place after the shuffle breaks ties.
            let ranked = fitting.enumerated().sorted { (uses[$0.element], $0.offset) < (uses[$1.element], $1.offset) }
            for (_, verb) in ranked.prefix(Self.pairsPerNoun) {
                uses[verb] += 1
                pairs.append(VerbNounPair(verb: verb, noun: noun))
            }
        }
        return pairs.sorted { ($0.noun, $0.verb) < ($1.noun, $1.verb) }
    }

    private static func holdOut(_ pairs: [VerbNounPair], _ generator: inout SeededGenerator) -> [Bool] {
        var heldOutNouns = Set<Int>()
        for scenario in Scenario.allCases {
            var nouns = Lexicon.nouns.indices.filter { Lexicon.nouns[$0].scenario == scenario }
            generator.shuffle(&nouns)
            heldOutNouns.formUnion(nouns.prefix(Self.heldOutNounsPerScenario))
        }
        var held = pairs.map { heldOutNouns.contains($0.noun) }
        var rest = pairs.indices.filter { !held[$0] }
        generator.shuffle(&rest)
        let missing = max(0, pairs.count / 3 - held.count(where: { $0 }))
        for pair in rest.prefix(missing) { held[pair] = true }
        return held
    }
}
