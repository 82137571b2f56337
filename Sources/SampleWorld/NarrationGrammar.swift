// SPDX-License-Identifier: Apache-2.0

/// Writes narrations as the field's narrators do: present tense, third person, a tag in front, and the slips that were
/// measured in the real files (tag misspellings, blanks, line breaks). Shares are in 10,000ths.
struct NarrationGrammar {
    let inventory: PairInventory

    /// One narration of an event. `isClean` is false if a careful reader would drop it as unsure.
    func line(for event: WorldEvent, _ generator: inout SeededGenerator) -> (text: String, isClean: Bool) {
        var words = [self.actor(byOther: event.byOther, &generator)]
        words.append(self.inventory.verb(of: event.pair).third)
        words.append(self.article(before: self.inventory.noun(of: event.pair).text, &generator))
        words.append(self.inventory.noun(of: event.pair).text)
        if generator.chance(3_500) { words.append(generator.pick(Self.circumstances)) }
        let sentence = words.filter { !$0.isEmpty }.joined(separator: " ")
        let (tagged, isClean) = self.tag(sentence, byOther: event.byOther, &generator)
        return (self.soil(tagged, &generator), isClean)
    }

    /// A narration of nothing that has features: no verb or noun of the lexicon occurs in it.
    func filler(_ generator: inout SeededGenerator) -> String {
        self.soil(generator.pick(Self.fillers), &generator)
    }

    /// The text of a summary: what the wearer did most of the time.
    func summary(of events: [WorldEvent], scenario: Scenario, _ generator: inout SeededGenerator) -> String {
        let place = Self.places[scenario.rawValue]
        guard let event = events.isEmpty ? nil : generator.pick(events) else { return "#summary C was \(place)" }
        let noun = self.inventory.noun(of: event.pair)
        return "#summary C was \(place), busy with the \(noun.text) and other things"
    }

    private func actor(byOther: Bool, _ generator: inout SeededGenerator) -> String {
        byOther ? generator.pick(Self.others) : "C"
    }

    private func article(before noun: String, _ generator: inout SeededGenerator) -> String {
        let dice = generator.below(100)
        if dice < 78 { return "the" }
        if dice < 95 { return noun.first.map { "aeiou".contains($0) } == true ? "an" : "a" }
        return ""
    }

    /// Puts the tag in front: `#C` or `#O`, seldom misspelt, and 1.5 % unsure in one of the spellings found.
    private func tag(
        _ sentence: String, byOther: Bool, _ generator: inout SeededGenerator
    ) -> (text: String, isClean: Bool) {
        if generator.chance(150) { return (generator.pick(Self.unsureTags) + " " + sentence, false) }
        if byOther { return ("#O " + sentence, true) }
        if generator.chance(120) { return (generator.pick(Self.oddTags) + sentence, true) }
        return ("#C " + sentence, true)
    }

    /// Blanks around 19 % of the texts, and a line break in 3 %.
    private func soil(_ text: String, _ generator: inout SeededGenerator) -> String {
        let dice = generator.below(10_000)
        switch dice {
        case ..<1_500: return text + " "
        case ..<1_600: return text + "  "
        case ..<1_900: return " " + text
        case ..<2_100: return text + "\n"
        case ..<2_200:
            guard let blank = text.lastIndex(of: " ") else { return text }
            return text.replacingCharacter(at: blank, with: "\n")
        default: return text
        }
    }

    private static let others = ["A man X", "A woman Y", "The man X", "The woman Y", "A person B", "The lady Z"]
    private static let unsureTags = [
        "#unsure", "#unsure", "#Unsure", "#Unsure", "# unsure", "#Usure", "#EUnsure", "#nsure", "#unusre",
    ]
    private static let oddTags = ["# C ", "# C ", "#c ", "#C  ", "#CC "]
    private static let circumstances = [
        "with his right hand", "with his left hand", "with both hands", "on the table", "near the wall",
        "by the window", "on the floor", "in the corner", "carefully", "once more", "with his fingers",
    ]
    private static let fillers = [
        "#C C looks around", "#C C looks around", "#C C walks forward", "#C C stands still", "#C C turns left",
        "#C C adjusts the camera", "#C C scratches his arm", "#C C walks towards the door", "#C C steps back",
        "#O A man X walks past", "#O A woman Y laughs", "#O A person B talks to C", "points around ",
    ]
    private static let places = ["in a kitchen", "in a workshop", "in a garden", "at home"]
}

extension String {
    fileprivate func replacingCharacter(at index: Index, with character: String) -> String {
        String(self[..<index]) + character + String(self[self.index(after: index)...])
    }
}
