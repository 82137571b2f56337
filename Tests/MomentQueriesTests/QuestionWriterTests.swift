// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import MomentQueries

@Suite struct QuestionWriterTests {
    /// Template, narration, the question in its first wording.
    @Test(arguments: [
        (QueryTemplate.whereDidIPut, "#C C puts the knife on the table", "Where did I put the knife?"),
        (.whereDidIPut, "#C C hangs the towel on the rack", "Where did I hang the towel?"),
        (.whereDidIPut, "put away spoon", "Where did I put away the spoon?"),
        (.whereDidIPut, "#C C throws the banana peel in the bin", "Where did I throw the banana peel?"),
        (.whereBeforeOrAfter, "#C C picks up the knife from the rack", "Where was the knife before I picked it up?"),
        (.whereBeforeOrAfter, "take forks", "Where were the forks before I took them?"),
        (.whereBeforeOrAfter, "put down knife", "Where was the knife after I put it down?"),
        (.whereIsObject, "#C C opens the drawer", "Where was the drawer when I opened it?"),
        (.whereIsObject, "#C C looks at the phone", "Where was the phone when I looked at it?"),
        (.whereIsObject, "turn off tap", "Where was the tap when I turned it off?"),
        (.inWhatLocation, "#C C washes the plate in the sink", "In what location did I see the plate?"),
        (.whereIsMyObject, "#C C picks his phone", "Where was my phone when I picked it?"),
        (.whereIsMyObject, "#C C drops the jacket on the bed", "Where did I drop my jacket?"),
        (.whatDidIPutIn, "#C C puts the knife in the drawer", "What did I put in the drawer?"),
        (.whatDidIPutIn, "pour pasta into colander", "What did I pour into the colander?"),
        (.whatDidIPutIn, "Adds salt to pan", "What did I add to the pan?"),
        (.whatDidIPutIn, "#C C puts it in the box", "What did I put in the box?"),
        (.whatDidI, "#C C cuts the onion", "What vegetable did I cut?"),
        (.whatDidI, "take milk container", "What container did I take?"),
        (.whatDidI, "#C C cuts the onion with the knife", "What utensil did I use to cut the onion?"),
        (.whatDidI, "#C C picks the marble from the shelf", "What item did I pick from the shelf?"),
        (.whatIs, "#C C washes the plate", "What color was the plate I washed?"),
        (.whatIs, "#C C opens the red box", "What color was the box I opened?"),
        (.howMany, "#C C picks three eggs from the tray", "How many eggs did I pick from the tray?"),
        (.howMany, "peel potatoes", "How many potatoes did I peel?"),
        (.state, "close drawer", "Did I close the drawer?"),
        (.state, "#C C turns off the tap", "Did I turn off the tap?"),
        (.state, "wash hands", "Did I wash my hands?"),
        (.whoDidIInteractWith, "#C C gives a woman some money", "Who did I give the money to?"),
        (.whoDidIInteractWith, "#O man Y gives C the phone", "Who gave the phone to me?"),
        (.whoDidIInteractWith, "#O X shuffles the cards", "Who did I see shuffle the cards?"),
        (.whoDidITalkTo, "#C C talks to man X in the kitchen", "Who did I talk to in the kitchen?"),
        (.whoDidITalkTo, "#O person A talks to C", "Who did I talk to?"),
        (.whenDidIInteract, "#C C passes the card to the woman Y", "When did I pass the card to the woman?"),
        (.whenDidIInteract, "#C C converses with a man", "When did I converse with the man?"),
        (.whenDidIInteract, "#O A boy X opens the gate", "When did I see the boy open the gate?"),
    ])
    func questions(template: QueryTemplate, narration: String, question: String) {
        #expect(ask(template, narration) == question)
    }

    @Test func everyTemplateIsInTheTableAbove() {
        #expect(Set(QueryTemplate.allCases).count == 13)
        // Reached through the writer, too: over many blocks each template comes up.
        let texts = [
            "#C C puts the knife in the drawer", "#C C picks three eggs from the tray", "#C C closes the red drawer",
            "#C C cuts the onion with a knife", "#C C operates his phone", "#C C gives the phone to man X",
            "#C C talks to a lady Y in the garden", "#C C washes the plate",
        ]
        var seen: Set<String> = []
        for number in 0..<300 {
            let (candidates, _) = RuleWriter().write(about: makeBlock(texts, id: "block \(number)"))
            seen.formUnion(candidates.map(\.template))
        }
        #expect(seen == Set(QueryTemplate.allCases.map(\.rawValue)))
    }

    @Test func neighboursTellTheMoment() {
        let question = ask(.whereBeforeOrAfter, "put knife", after: "wash plate", variant: 0)
        #expect(question == "Where did I put the knife after I washed the plate?")
        let taken = ask(.whereBeforeOrAfter, "take knife", before: "open the fridge", variant: 0)
        #expect(taken == "Where was the knife before I opened the fridge?")
        #expect(ask(.state, "close fridge", after: "get milk") == "Did I close the fridge after I got the milk?")
    }

    @Test func aThingNamedBeforeIsIt() {
        let question = ask(.inWhatLocation, "pick up the book", before: "read the book")
        #expect(question == "In what location did I see the book before I read it?")
    }

    @Test func aNeighbourThatNamesTheAnswerIsLeftOut() {
        let question = ask(.whereBeforeOrAfter, "take knife from drawer", after: "open drawer", variant: 0)
        #expect(question == "Where was the knife before I took it?")
        #expect(ask(.whatDidI, "cut onion", after: "peel onion") == "What vegetable did I cut?")
    }

    @Test func aPutWithoutAPlaceIsPutDown() {
        #expect(ask(.whereIsObject, "put glass", variant: 16) == "Where was the glass I put down?")
        #expect(
            ask(.state, "close jar", after: "put spoon in bowl")
                == "Did I close the jar after I put the spoon in the bowl?")
        #expect(ask(.state, "close jar", after: "put spoon") == "Did I close the jar after I put down the spoon?")
    }

    @Test(arguments: [
        (QueryTemplate.whereDidIPut, "#C C opens the drawer"), (.whereDidIPut, "#C C puts on gloves"),
        (.whatDidIPutIn, "#C C opens the drawer"), (.howMany, "#C C picks the scissors"), (.howMany, "take a plate"),
        (.whatIs, "pour milk"), (.whereIsMyObject, "take fork"), (.whoDidITalkTo, "#C C gives the cup to man X"),
        (.whenDidIInteract, "#C C opens the drawer"), (.state, "take plate"), (.whatDidI, "take fig"),
        (.whereIsObject, "#C C lifts his left hand"), (.whereIsObject, "#O man X opens the drawer"),
    ])
    func whatATemplateDoesNotAllow(template: QueryTemplate, narration: String) {
        #expect(ask(template, narration) == nil)
    }
}
