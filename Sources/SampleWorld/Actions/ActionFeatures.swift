// SPDX-License-Identifier: Apache-2.0

/// Makes the features of a clip of actions: while a segment lasts the sum of its verb's and its noun's vector, and
/// always white noise. The vectors are the same in every world.
struct ActionFeatures {
    /// Width of a feature.
    static let dimensions = 64
    private static let conceptScale: Float = 0.3

    private let seed: UInt64
    private let noise: Float
    private let verbs: [Float]
    private let nouns: [Float]

    init(seed: UInt64, noise: Float) {
        self.seed = seed
        self.noise = noise
        self.verbs = Self.vectors(ActionLexicon.verbTexts.count, part: 3)
        self.nouns = Self.vectors(ActionLexicon.nounTexts.count, part: 4)
    }

    private static func vectors(_ count: Int, part: Int) -> [Float] {
        var generator = SeededGenerator(seed: 0, stream: .concepts, part: part)
        return (0..<count * Self.dimensions).map { _ in generator.bell() * Self.conceptScale }
    }

    /// The number of slots of a clip, of 16 frames at 30 frames a second.
    static let slots = FeatureSynthesis.slots(in: ActionClipPlan.length)

    /// The features, row-major (slots, dimensions).
    func features(of clip: ActionClipPlan) -> [Float] {
        var generator = SeededGenerator(seed: self.seed, stream: .actionFeatures, index: clip.index)
        var values = (0..<Self.slots * Self.dimensions).map { _ in generator.bell() * self.noise }
        for segment in clip.segments {
            // In thirds of a microsecond slot k begins at k * threeSlots exactly.
            let first = (segment.start * 3 + FeatureSynthesis.threeSlots - 1) / FeatureSynthesis.threeSlots
            let last = min(Self.slots, segment.end * 3 / FeatureSynthesis.threeSlots)
            for slot in first..<max(first, last) {
                for dimension in 0..<Self.dimensions {
                    values[slot * Self.dimensions + dimension] +=
                        self.verbs[segment.verb * Self.dimensions + dimension]
                        + self.nouns[segment.noun * Self.dimensions + dimension]
                }
            }
        }
        return values
    }
}
