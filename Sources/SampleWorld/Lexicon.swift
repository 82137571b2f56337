// SPDX-License-Identifier: Apache-2.0

/// The kind of a thing, which decides what can be done with it.
enum NounKind: CaseIterable {
    case container, tool, food, cloth, piece
}

/// One of the four kinds of video.
enum Scenario: Int, CaseIterable {
    case cooking, woodwork, gardening, housework

    /// As in the `scenarios` field of the metadata.
    var label: String {
        switch self {
        case .cooking: "Cooking"
        case .woodwork: "Woodwork"
        case .gardening: "Gardening"
        case .housework: "Housework"
        }
    }
}

/// A thing that events happen to. Its words name it alone: no noun's words occur in another's.
struct Noun {
    let text: String
    let plural: String
    let kind: NounKind
    let scenario: Scenario

    init(_ text: String, _ kind: NounKind, _ scenario: Scenario, plural: String? = nil) {
        self.text = text
        self.plural = plural ?? text + "s"
        self.kind = kind
        self.scenario = scenario
    }
}

/// Something done to a thing. Past tense and past participle are the same word in every verb chosen here, so that
/// "I washed it" and "it was washed" need no further form.
struct Verb {
    private let stem: (base: String, third: String, past: String, gerund: String)
    private let particle: String
    /// The kinds of thing it is done to.
    let kinds: [NounKind]

    init(_ base: String, _ third: String, _ past: String, _ gerund: String, particle: String = "", _ kinds: [NounKind])
    {
        self.stem = (base, third, past, gerund)
        self.particle = particle.isEmpty ? "" : " " + particle
        self.kinds = kinds
    }

    /// "pick up"
    var base: String { self.stem.base + self.particle }
    /// "picks up"
    var third: String { self.stem.third + self.particle }
    /// "picked up"
    var past: String { self.stem.past + self.particle }
    /// "picked it up"
    var pastIt: String { self.stem.past + " it" + self.particle }
    /// "picking up"
    var gerund: String { self.stem.gerund + self.particle }
    /// "picking it up"
    var gerundIt: String { self.stem.gerund + " it" + self.particle }
}

/// The words of every sample world. A noun's or verb's index is its identity; feature vectors hang on it.
enum Lexicon {
    static let verbs: [Verb] = {
        let anything = NounKind.allCases
        return [
            Verb("pick", "picks", "picked", "picking", particle: "up", anything),
            Verb("put", "puts", "put", "putting", particle: "down", anything),
            Verb("lift", "lifts", "lifted", "lifting", anything),
            Verb("move", "moves", "moved", "moving", anything),
            Verb("drop", "drops", "dropped", "dropping", anything),
            Verb("carry", "carries", "carried", "carrying", anything),
            Verb("wipe", "wipes", "wiped", "wiping", anything),
            Verb("inspect", "inspects", "inspected", "inspecting", anything),
            Verb("push", "pushes", "pushed", "pushing", anything),
            Verb("rotate", "rotates", "rotated", "rotating", anything),
            Verb("open", "opens", "opened", "opening", [.container]),
            Verb("close", "closes", "closed", "closing", [.container]),
            Verb("fill", "fills", "filled", "filling", [.container]),
            Verb("empty", "empties", "emptied", "emptying", [.container]),
            Verb("fold", "folds", "folded", "folding", [.cloth]),
            Verb("squeeze", "squeezes", "squeezed", "squeezing", [.cloth, .food]),
            Verb("soak", "soaks", "soaked", "soaking", [.cloth]),
            Verb("stretch", "stretches", "stretched", "stretching", [.cloth]),
            Verb("peel", "peels", "peeled", "peeling", [.food]),
            Verb("slice", "slices", "sliced", "slicing", [.food]),
            Verb("wash", "washes", "washed", "washing", [.food, .cloth, .container, .tool]),
            Verb("sharpen", "sharpens", "sharpened", "sharpening", [.tool]),
            Verb("oil", "oils", "oiled", "oiling", [.tool]),
            Verb("measure", "measures", "measured", "measuring", [.piece]),
            Verb("tap", "taps", "tapped", "tapping", [.piece, .tool]),
            Verb("press", "presses", "pressed", "pressing", [.piece]),
        ]
    }()

    static let nouns: [Noun] = [
        Noun("cup", .container, .cooking), Noun("bowl", .container, .cooking),
        Noun("kettle", .container, .cooking), Noun("jar", .container, .cooking),
        Noun("saucepan", .container, .cooking), Noun("spatula", .tool, .cooking),
        Noun("ladle", .tool, .cooking), Noun("whisk", .tool, .cooking),
        Noun("carrot", .food, .cooking), Noun("onion", .food, .cooking),
        Noun("lemon", .food, .cooking), Noun("napkin", .cloth, .cooking),

        Noun("toolbox", .container, .woodwork, plural: "toolboxes"), Noun("paint tin", .container, .woodwork),
        Noun("hammer", .tool, .woodwork), Noun("chisel", .tool, .woodwork),
        Noun("wrench", .tool, .woodwork, plural: "wrenches"), Noun("screwdriver", .tool, .woodwork),
        Noun("clamp", .tool, .woodwork), Noun("plank", .piece, .woodwork),
        Noun("hinge", .piece, .woodwork), Noun("bracket", .piece, .woodwork),
        Noun("yellow helmet", .piece, .woodwork), Noun("rag", .cloth, .woodwork),

        Noun("bucket", .container, .gardening), Noun("watering can", .container, .gardening),
        Noun("flower pot", .container, .gardening), Noun("shovel", .tool, .gardening),
        Noun("rake", .tool, .gardening), Noun("trowel", .tool, .gardening),
        Noun("pumpkin", .food, .gardening), Noun("tomato", .food, .gardening, plural: "tomatoes"),
        Noun("green apple", .food, .gardening), Noun("glove", .cloth, .gardening),
        Noun("hose", .piece, .gardening), Noun("sapling", .piece, .gardening),

        Noun("basket", .container, .housework), Noun("suitcase", .container, .housework),
        Noun("wooden crate", .container, .housework), Noun("ruler", .tool, .housework),
        Noun("lint brush", .tool, .housework, plural: "lint brushes"), Noun("towel", .cloth, .housework),
        Noun("blanket", .cloth, .housework), Noun("red scarf", .cloth, .housework, plural: "red scarves"),
        Noun("envelope", .piece, .housework), Noun("notebook", .piece, .housework),
        Noun("lamp", .piece, .housework), Noun("candle", .piece, .housework),
    ]
}
