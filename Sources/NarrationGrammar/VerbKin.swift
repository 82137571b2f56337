// SPDX-License-Identifier: Apache-2.0

/// Verbs that people use for one another: a narration says "adds", a question "put".
public enum VerbKin {
    /// Tells whether one might be said for the other: it is the same, or of a group with it, or says of anything that
    /// is put or taken what the other says of some.
    public static func areAlike(_ left: Verb, _ right: Verb) -> Bool {
        if left.base == right.base { return true }
        if let group = self.groups[left.base], group & (self.groups[right.base] ?? 0) != 0 { return true }
        return self.stands(left.base, for: right.use) || self.stands(right.base, for: left.use)
    }

    /// "What did I put in the bowl?" asks about whoever cracks an egg in it.
    private static func stands(_ base: String, for use: VerbUse) -> Bool {
        switch base {
        case "put", "place", "add": !use.isDisjoint(with: [.placing, .filling])
        case "take", "get", "pick": use.contains(.taking)
        default: false
        }
    }

    /// The groups that a verb is in, a bit each.
    private static let groups: WordTable<UInt64> = {
        var groups = WordTable<UInt64>()
        for (index, line) in VerbKin.lines.split(separator: "\n").enumerated() {
            for verb in line.split(separator: " ") {
                groups[String(verb)] = (groups[String(verb)] ?? 0) | 1 << UInt64(index)
            }
        }
        return groups
    }()

    /// One group a line. A verb may be in several, and need not be like those of its other groups.
    private static let lines = """
        put place set lay leave keep drop store hang return stack position rest
        put place add pour drop sprinkle squeeze scoop insert drizzle fill transfer spread load season
        take pick grab get remove collect fetch lift bring retrieve pull hold carry choose select raise gather
        cut chop slice dice mince trim shred
        wash rinse clean wipe scrub soap lather
        close shut lock cover seal
        open unlock uncover unseal unwrap
        turn switch start stop adjust regulate activate deactivate press light
        mix stir blend whisk beat combine fold toss shake knead
        cook fry boil heat saute simmer roast bake grill warm steam toast braise
        talk speak chat converse discuss interact communicate greet laugh argue
        give hand pass show offer lend deliver serve
        look see stare watch view check inspect observe examine read
        walk go move step enter approach climb
        throw discard dump dispose trash toss
        eat drink taste sip chew
        """
}
