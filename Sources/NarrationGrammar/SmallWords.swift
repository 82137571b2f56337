// SPDX-License-Identifier: Apache-2.0

/// The words of English that hold a sentence together.
enum SmallWords {
    private static func set(_ words: String) -> Set<String> { Set(words.split(separator: " ").map(String.init)) }

    /// Words that may stand before the verb and say nothing of it.
    static let beforeVerb = SmallWords.set(
        """
        slowly carefully then still now again also properly gently quickly just is are to lightly thoroughly evenly , \
        repeatedly briefly continuously finally and partially
        """)

    static let prepositions = SmallWords.set(
        """
        in into inside on onto from to with under underneath below over above at off out of beside near next between \
        behind through around across against along towards toward by using for beneath within among before after until \
        down up away back aside without about outside upon unto during past round like together apart
        """)

    /// Prepositions that say where, where to or where from.
    static let places: Set<String> = SmallWords.set(
        """
        in into inside on onto from to under underneath below over above at off beside near between behind through \
        around across against along towards toward beneath within among outside upon
        """
    ).union(SmallWords.compoundPrepositions.map { $0.joined(separator: " ") })

    /// Prepositions that a sentence may begin with.
    static let leading = SmallWords.set("in into inside on onto from at with using")

    /// Units that things are measured in; behind a number such a word is part of it.
    static let measures = SmallWords.set(
        """
        teaspoon teaspoons tsp tablespoon tablespoons tbsp cup cups oz ounce ounces gram grams g kg ml liter liters inch \
        inches pinch heaped medium slices pieces bit bits
        """)

    /// Prepositions whose noun is what an oblique verb is done to.
    static let obliques = SmallWords.set("at to with for into towards toward on through")

    static let compoundPrepositions: [[String]] = [
        ["on", "top", "of"], ["in", "front", "of"], ["next", "to"], ["out", "of"], ["close", "to"], ["back", "to"],
        ["back", "in"], ["back", "into"], ["back", "on"], ["away", "from"], ["off", "of"], ["up", "to"],
        ["down", "on"],
        ["out", "from"], ["up", "from"], ["down", "from"], ["down", "in"], ["on", "to"], ["in", "to"],
    ]

    static let determiners = SmallWords.set(
        "the some any this that these those other more all both half rest remaining extra new same such much enough")

    static let possessives = SmallWords.set("his her their its my your our")

    static let quantities = SmallWords.set(
        """
        two three four five six seven eight nine ten eleven twelve several many few couple dozen pair lot lots bunch \
        number plenty
        """)

    static let pronouns = SmallWords.set(
        """
        it them him himself herself themselves itself something someone somebody everything anything nothing he she they \
        each-other one
        """)

    static let adverbs = SmallWords.set(
        """
        again also then too forward forwards backward backwards around well away back twice once together aside apart \
        properly there here upside downward downwards upward upwards sideways more open shut
        """)

    /// Words at which the first clause ends.
    static let endsClause = SmallWords.set(
        """
        , and or while as when then which that who so because but where whilst if is are was be being been before after \
        until not
        """)
}
