// SPDX-License-Identifier: Apache-2.0

/// A step of a video towards its goal: some events of the camera wearer that follow each other.
struct WorldStep {
    /// The part that a step plays for the goal.
    enum Relevance: String {
        case essential, optional, irrelevant
    }

    /// At least one; the first one names the step.
    let events: [WorldEvent]
    let relevance: Relevance
    /// The numbers of the events that go wrong.
    let mistakes: Set<Int>

    /// In video time.
    var start: Microseconds { self.events.first?.start ?? 0 }
    var end: Microseconds { self.events.last?.end ?? 0 }
}

/// The aim of a video, and the steps to it.
///
/// Drawn from a stream of its own, so that narrations and queries are the same with steps and without.
struct VideoSteps {
    /// As annotators classify it: `COOKING:MAKE_SOUP`.
    let category: String
    /// The camera wearer's whole doing: `Makes a pot of soup`.
    let goal: String
    let steps: [WorldStep]

    /// Events of a step, at least and at most.
    private static let eventsPerStep = 3...7

    /// Finds the steps among the events of a video.
    init(of video: VideoPlan, events: [WorldEvent], seed: UInt64) {
        var generator = SeededGenerator(seed: seed, stream: .steps, index: video.index)
        (self.category, self.goal) = generator.pick(Self.goals(of: video.scenario))
        // One video in eight is annotated so sparsely that no dialogue can be made of it.
        let isSparse = generator.chance(1_250)
        var steps: [WorldStep] = []
        var own = events.filter { !$0.byOther }[...]
        while !own.isEmpty {
            let part = Array(own.prefix(generator.within(Self.eventsPerStep)))
            own = own.dropFirst(part.count)
            let dice = generator.below(100)
            let mistakes = part.indices.filter { $0 > 0 && generator.chance(700) }
            let step = WorldStep(
                events: part, relevance: dice < 82 ? .essential : dice < 92 ? .optional : .irrelevant,
                mistakes: Set(mistakes))
            if !isSparse || generator.chance(2_500) { steps.append(step) }
        }
        self.steps = steps
    }

    private static func goals(of scenario: Scenario) -> [(category: String, goal: String)] {
        switch scenario {
        case .cooking:
            [
                ("COOKING:MAKE_SOUP", "Makes a pot of vegetable soup"),
                ("COOKING:MAKE_LEMONADE", "Makes a jug of lemonade"),
                ("COOKING:CLEAN_KITCHEN", "Cleans the kitchen after a meal"),
            ]
        case .woodwork:
            [
                ("CRAFT:BUILD_SHELF", "Builds a small shelf"), ("CRAFT:REPAIR_DOOR", "Repairs a cupboard door"),
                ("CRAFT:TIDY_WORKSHOP", "Puts the workshop in order"),
            ]
        case .gardening:
            [
                ("GARDENING:PLANT_BED", "Plants a vegetable bed"), ("GARDENING:HARVEST", "Brings in the harvest"),
                ("GARDENING:WATER_POTS", "Looks after the potted plants"),
            ]
        case .housework:
            [
                ("HOUSEHOLD:PACK", "Packs for a journey"), ("HOUSEHOLD:TIDY_ROOM", "Tidies up the living room"),
                ("HOUSEHOLD:WRAP_GIFT", "Gets a parcel ready to be sent"),
            ]
        }
    }
}
