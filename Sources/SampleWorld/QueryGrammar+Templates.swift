// SPDX-License-Identifier: Apache-2.0

extension QueryGrammar {
    /// The 13 templates. The names are the data's; the sentences are ours, and each is worded so that a writer that
    /// only fills in a template would not arrive at it.
    static let templates: [WorldTemplate] = placeTemplates + objectTemplates + peopleTemplates

    private static let placeTemplates: [WorldTemplate] = [
        WorldTemplate(
            name: "Objects: Where is object X before / after event Y?", weight: 644,
            sentences: [
                .wearer("Where was the $noun just before I $pastIt"),
                .wearer("Where was the $noun right after I $pastIt"),
                .wearer("Where did I have the $noun before $gerundIt"),
                .anybody("Where was the $noun before getting $past"),
            ]),
        WorldTemplate(
            name: "Place: Where did I put X?", weight: 626,
            sentences: [
                .wearer("Where did I leave the $noun I $past"),
                .wearer("Where did I place the $noun I $past"),
                .wearer("Where did I leave my $past $noun"),
                .anybody("Where did the $past $noun go"),
            ]),
        WorldTemplate(
            name: "Objects: Where is object X?", weight: 447,
            sentences: [
                .wearer("Where was the $noun when I last $pastIt"),
                .wearer("Where did I last $base the $noun"),
                .wearer("Where is the $noun I $past earlier"),
                .anybody("Where is the $noun that got $past"),
            ]),
        WorldTemplate(
            name: "Objects: In what location did I see object X ?", weight: 293,
            sentences: [
                .wearer("In what place did I $base the $noun"),
                .wearer("In what location is the $noun I $past"),
                .anybody("In what place was the $noun $past"),
            ]),
        WorldTemplate(
            name: "Objects: Where is my object X?", weight: 77,
            sentences: [
                .wearer("Where was my $noun by the time I $pastIt"),
                .wearer("Where is my $noun that I $past"),
            ]),
    ]

    private static let objectTemplates: [WorldTemplate] = [
        WorldTemplate(
            name: "Objects: What did I put in X?", weight: 476,
            sentences: [
                .wearer("What is inside the $noun I $past"),
                .wearer("What did I keep in the $noun I $past"),
                .anybody("What did the $past $noun hold"),
            ]),
        WorldTemplate(
            name: "Objects: What X did I Y?", weight: 312,
            sentences: [
                .wearer("What $noun did I $base last"),
                .wearer("What $noun was the one I $past"),
                .wearer("What kind of $noun did I $base"),
            ]),
        WorldTemplate(
            name: "Objects: What X is Y?", weight: 306,
            sentences: [
                .wearer("What colour was the $noun I $past"),
                .wearer("What brand is the $noun I $past"),
                .wearer("What shape was the $noun I $past"),
                .anybody("What colour was the $past $noun"),
            ]),
        WorldTemplate(
            name: "Objects: How many X\u{2019}s? (quantity question)", weight: 300,
            sentences: [
                .wearer("How many $nouns did I $base in total"),
                .wearer("How many $nouns had I $past"),
                .anybody("How many $nouns got $past"),
            ]),
        WorldTemplate(
            name: "Objects: State of an object", weight: 168,
            sentences: [
                .wearer("Did I $base the $noun at all"),
                .wearer("Did I remember to $base the $noun"),
                .wearer("Did I ever $base the $noun"),
                .anybody("Did anyone $base the $noun at all"),
            ]),
    ]

    private static let peopleTemplates: [WorldTemplate] = [
        WorldTemplate(
            name: "People: Who did I interact with when I did activity X?", weight: 102,
            sentences: [
                .wearer("Who did I interact with the moment I $past the $noun"),
                .wearer("Who was around me while I was $gerund the $noun"),
                .other("Who $past the $noun near me"),
                .other("Who was busy $gerund the $noun"),
            ]),
        WorldTemplate(
            name: "People: Who did I talk to in location X?", weight: 83,
            sentences: [
                .wearer("Who did I talk to beside the $noun I $past"),
                .wearer("Who did I chat with while $gerund the $noun"),
            ]),
        WorldTemplate(
            name: "People: When did I talk to or interact with person with role X?", weight: 25,
            sentences: [
                .wearer("When did I talk to my $person over the $noun I $past"),
                .other("When did I see the $person $base the $noun"),
                .other("When did I notice the $person $gerund the $noun"),
            ]),
    ]
}
