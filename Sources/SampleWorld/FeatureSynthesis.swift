// SPDX-License-Identifier: Apache-2.0

/// Makes the features of a video: while an event lasts the sum of its verb's and its noun's vector, and always a
/// background of the video's own, a slow drift and white noise. Nothing in it tells the video's uid or the time.
struct FeatureSynthesis {
    /// Width of a feature; that of EgoVLP's.
    static let dimensions = 256
    /// Three slots last 1.6 s: 30/16 slots a second, a slot for every 16 frames at 30 frames a second.
    static let threeSlots: Microseconds = 1_600_000
    /// Standard deviation in each dimension.
    static let conceptScale: Float = 0.3
    static let backgroundScale: Float = 0.3
    static let driftScale: Float = 0.15
    /// Slots between two knots of the drift, 32 s.
    static let driftStep = 60

    private let inventory: PairInventory
    private let seed: UInt64
    private let noise: Float
    /// Row-major, `dimensions` numbers a verb or noun. The same in every world, whatever its seed.
    let verbVectors: [Float]
    let nounVectors: [Float]

    init(inventory: PairInventory, seed: UInt64, noise: Float) {
        self.inventory = inventory
        self.seed = seed
        self.noise = noise
        self.verbVectors = Self.vectors(count: Lexicon.verbs.count, part: 1)
        self.nounVectors = Self.vectors(count: Lexicon.nouns.count, part: 2)
    }

    private static func vectors(count: Int, part: Int) -> [Float] {
        var generator = SeededGenerator(seed: 0, stream: .concepts, part: part)
        return (0..<count * Self.dimensions).map { _ in generator.bell() * Self.conceptScale }
    }

    /// Number of slots that begin within `duration`.
    static func slots(in duration: Microseconds) -> Int {
        (duration * 3 + Self.threeSlots - 1) / Self.threeSlots
    }

    /// The features, row-major (slots, dimensions).
    func features(of video: VideoPlan, events: [WorldEvent]) -> [Float] {
        var generator = SeededGenerator(seed: self.seed, stream: .features, index: video.index)
        let slots = Self.slots(in: video.duration)
        var values = self.background(slots: slots, &generator)
        for event in events {
            let verb = self.inventory.pairs[event.pair].verb * Self.dimensions
            let noun = self.inventory.pairs[event.pair].noun * Self.dimensions
            // In thirds of a microsecond slot k spans [k, k + 1) * threeSlots exactly.
            let start = event.start * 3
            let end = event.end * 3
            let last = min(slots - 1, (end - 1) / Self.threeSlots)
            for slot in stride(from: start / Self.threeSlots, through: last, by: 1) {
                let from = max(start, slot * Self.threeSlots)
                let to = min(end, (slot + 1) * Self.threeSlots)
                let share = Float(to - from) / Float(Self.threeSlots)
                for dimension in 0..<Self.dimensions {
                    values[slot * Self.dimensions + dimension] +=
                        share * (self.verbVectors[verb + dimension] + self.nounVectors[noun + dimension])
                }
            }
        }
        return values
    }

    /// Background, drift and noise. The drift is a stationary random walk through knots (0.8² + 0.6² = 1, so that its
    /// variance stays the same) with straight lines between them.
    private func background(slots: Int, _ generator: inout SeededGenerator) -> [Float] {
        let width = Self.dimensions
        let base = (0..<width).map { _ in generator.bell() * Self.backgroundScale }
        var left = (0..<width).map { _ in generator.bell() * Self.driftScale }
        var right = left
        var values = [Float](repeating: 0, count: slots * width)
        for slot in 0..<slots {
            let step = slot % Self.driftStep
            if step == 0 {
                left = right
                for dimension in 0..<width {
                    right[dimension] = 0.8 * left[dimension] + 0.6 * Self.driftScale * generator.bell()
                }
            }
            let share = Float(step) / Float(Self.driftStep)
            for dimension in 0..<width {
                let drift = left[dimension] + share * (right[dimension] - left[dimension])
                values[slot * width + dimension] = base[dimension] + drift + self.noise * generator.bell()
            }
        }
        return values
    }
}
