// SPDX-License-Identifier: Apache-2.0

/// The words of English that hold a sentence together.
enum SmallWords {
    /// Words that may stand before the verb and say nothing of it.
    static let beforeVerb = WordSet(
        wordsOf: """
            slowly carefully then still now again also properly gently quickly just is are to lightly thoroughly evenly , \
            repeatedly briefly continuously finally and partially
            """)

    static let prepositions = WordSet(
        wordsOf: """
            in into inside on onto from to with under underneath below over above at off out of beside near next between \
            behind through around across against along towards toward by using for beneath within among before after until \
            down up away back aside without about outside upon unto during past round like together apart
            """)

    /// Prepositions that say where, where to or where from.
    static let places = WordSet(
        """
        in into inside on onto from to under underneath below over above at off beside near between behind through \
        around across against along towards toward beneath within among outside upon
        """.split(separator: " ").map(String.init)
            + SmallWords.compoundPrepositions.map { $0.joined(separator: " ") })

    /// Prepositions that a sentence may begin with.
    static let leading = WordSet(wordsOf: "in into inside on onto from at with using")

    /// Units that things are measured in; behind a number such a word is part of it.
    static let measures = WordSet(
        wordsOf: """
            teaspoon teaspoons tsp tablespoon tablespoons tbsp cup cups oz ounce ounces gram grams g kg ml liter liters inch \
            inches pinch heaped medium slices pieces bit bits
            """)

    /// Prepositions whose noun is what an oblique verb is done to.
    static let obliques = WordSet(wordsOf: "at to with for into towards toward on through")

    static let compoundPrepositions: [[String]] = [
        ["on", "top", "of"], ["in", "front", "of"], ["next", "to"], ["out", "of"], ["close", "to"], ["back", "to"],
        ["back", "in"], ["back", "into"], ["back", "on"], ["away", "from"], ["off", "of"], ["up", "to"],
        ["down", "on"],
        ["out", "from"], ["up", "from"], ["down", "from"], ["down", "in"], ["on", "to"], ["in", "to"],
    ]

    /// Words in front of "fry" that make one verb with it.
    static let beforeFry = WordSet(wordsOf: "stir stirs deep pan")

    /// Determiners of a single thing.
    static let singular = WordSet(wordsOf: "a an one another each every 1")

    static let determiners = WordSet(
        wordsOf:
            "the some any this that these those other more all both half rest remaining extra new same such much enough"
    )

    static let possessives = WordSet(wordsOf: "his her their its my your our")

    static let quantities = WordSet(
        wordsOf: """
            two three four five six seven eight nine ten eleven twelve several many few couple dozen pair lot lots bunch \
            number plenty
            """)

    static let pronouns = WordSet(
        wordsOf: """
            it them him himself herself themselves itself something someone somebody everything anything nothing he she they \
            each-other one
            """)

    static let adverbs = WordSet(
        wordsOf: """
            again also then too forward forwards backward backwards around well away back twice once together aside apart \
            properly there here upside downward downwards upward upwards sideways more open shut
            """)

    /// Words at which the first clause ends.
    static let endsClause = WordSet(
        wordsOf: """
            , and or while as when then which that who so because but where whilst if is are was be being been before after \
            until not
            """)
}
