// SPDX-License-Identifier: Apache-2.0

/// The kind of a thing, as far as questions about it differ.
public enum NounKind: String, CaseIterable, Sendable {
    case vegetable, fruit, seasoning, meat, drink, liquid, food
    case container, utensil, dish, tool, appliance, cloth, garment, device, furniture, fixture, paper
    case person, body, place, abstract, vague
}

/// Nouns by what they are.
public enum NounLexicon {
    /// Returns the kind of a noun, in the singular or the plural, in small letters.
    public static func kind(of noun: String) -> NounKind? {
        self.kinds[noun] ?? self.kinds[Morphology.singular(of: noun)]
    }

    /// The word for the class of a thing, for questions that hide which thing it was: "What vegetable did I cut?"
    public static func classWord(for kind: NounKind) -> String? {
        switch kind {
        case .vegetable, .fruit, .seasoning, .meat, .drink, .liquid, .container, .utensil, .tool, .appliance, .garment,
            .device, .dish:
            kind.rawValue
        case .food: "food"
        case .furniture: "piece of furniture"
        case .cloth, .fixture, .paper, .person, .body, .place, .abstract, .vague: nil
        }
    }

    /// Tells whether a colour can be asked for: a thing with a surface of its own.
    public static func hasColor(_ kind: NounKind) -> Bool {
        switch kind {
        case .container, .utensil, .dish, .tool, .appliance, .cloth, .garment, .device, .furniture: true
        default: false
        }
    }

    /// Tells whether a word is plural in form and can be counted.
    public static func isCountablePlural(_ noun: String) -> Bool {
        guard !self.pluraliaTantum.contains(noun) else { return false }
        if self.irregularPlurals.contains(noun) { return true }
        return noun.utf8.count > 3 && noun.ends(in: "s") && Morphology.singular(of: noun) != noun
    }

    /// Tells whether a noun takes "were" and "them".
    public static func isPlural(_ noun: String) -> Bool {
        self.isCountablePlural(noun) || (self.pluraliaTantum.contains(noun) && noun.ends(in: "s"))
    }

    /// Tells whether a thing is most often its user's own: phone, glasses.
    public static func isPersonal(_ noun: String) -> Bool { self.personal.contains(Morphology.singular(of: noun)) }

    /// Tells whether a word names a colour.
    public static func isColor(_ word: String) -> Bool { self.colors.contains(word) }

    /// Tells whether a word names the form of a thing: cubes, halves, a circle.
    public static func isShape(_ word: String) -> Bool { self.shapes.contains(Morphology.singular(of: word)) }

    private static let irregularPlurals: WordSet = [
        "men", "women", "children", "people", "knives", "leaves", "loaves",
    ]

    private static let shapes = WordSet(
        wordsOf:
            "cube piece slice chunk strip half ring segment portion bit wedge quarter circle ball stick round layer roll"
    )

    private static let kinds: WordTable<NounKind> = {
        var kinds = WordTable<NounKind>()
        for (kind, words) in NounLexicon.words {
            for word in words.split(separator: " ") { kinds[String(word)] = kind }
        }
        return kinds
    }()

    private static let pluraliaTantum = WordSet(
        wordsOf: """
            scissors tongs glasses trousers pants jeans shorts clothes pliers tweezers tights goggles headphones earphones \
            oats goods stairs contents leftovers shears news gas canvas series dregs noodles swiss molasses hummus couscous \
            greens grounds suds cutlery always lens
            """)

    private static let personal = WordSet(
        wordsOf: """
            phone cellphone smartphone wallet purse handbag backpack hat cap jacket coat watch shoe mask helmet apron scarf \
            laptop tablet ipad keys umbrella mobile spectacles sweater hoodie slipper sandal boot earphone headphone ring
            """)

    private static let colors = WordSet(
        wordsOf:
            "red green blue yellow white black brown orange pink purple grey gray silver golden gold beige transparent")

    private static let words: [(NounKind, String)] = [
        (
            .vegetable,
            """
            onion potato tomato carrot cabbage cucumber lettuce leek broccoli mushroom kale aubergine eggplant okra yam \
            spinach celery pea bean corn pumpkin asparagus sprout zucchini courgette cauliflower radish beetroot turnip \
            squash artichoke
            """
        ),
        (
            .fruit,
            """
            apple banana peach lemon lime mango strawberry grape pear pineapple berry blueberry watermelon melon \
            tamarind coconut raisin cherry plum avocado papaya pomegranate kiwi raspberry
            """
        ),
        (
            .seasoning,
            """
            salt pepper cumin oregano thyme turmeric paprika cinnamon parsley basil garlic ginger chilli chili herb \
            coriander cilantro rosemary nutmeg curry seasoning spice seasalt mint
            """
        ),
        (.meat, "chicken beef pork ham bacon salmon fish shrimp sausage turkey lamb steak prawn crab seafood crayfish"),
        (.drink, "coffee tea juice beer wine soda smoothie cola lemonade beverage"),
        (.liquid, "water oil milk vinegar sauce soup syrup honey cream broth batter detergent bleach"),
        (
            .food,
            """
            rice pasta noodle noodles bread dough cheese egg butter flour sugar cake cookie biscuit sandwich salad pizza \
            cereal oatmeal yoghurt yogurt pancake omelette tortilla tofu nut chip pie meat mixture lasagna flatbread \
            porridge spaghetti
            """
        ),
        (
            .container,
            """
            bowl cup mug glass jar bottle box bag can tin pot pan tray basket bucket kettle jug tupperware packet pack \
            carton crate bin colander saucepan container skillet wok tub pail package sack pouch suitcase drum sieve \
            casserole cafetiere dustbin trashcan flask pitcher toolbox case wok tube
            """
        ),
        (
            .utensil,
            """
            knife fork spoon spatula ladle whisk peeler grater tongs chopstick chopsticks teaspoon tablespoon strainer \
            skimmer masher cutlery scoop cutter turner
            """
        ),
        (.dish, "plate saucer dish"),
        (
            .tool,
            """
            hammer screwdriver wrench drill saw scissors pliers spanner chisel trowel shovel spade hoe rake sickle \
            cutlass ruler pencil pen marker needle broom mop brush paintbrush roller sponge rag clamp plier grinder \
            sander machete axe crowbar sandpaper lighter shears hose ladder
            """
        ),
        (
            .appliance,
            """
            fridge refrigerator oven microwave toaster blender mixer cooker dishwasher stove freezer hob iron vacuum fan \
            heater machine grill processor burner lamp
            """
        ),
        (.cloth, "towel napkin cloth blanket sheet curtain tablecloth pillow mat carpet rug duster"),
        (
            .garment,
            """
            shirt jacket trouser trousers glove apron hat cap shoe sock dress scarf mask helmet coat sweater skirt jeans \
            hoodie sandal boot slipper mitt pants shorts
            """
        ),
        (
            .device,
            """
            phone tablet laptop computer remote television tv ipad cellphone smartphone keyboard printer timer \
            calculator mouse mobile scale
            """
        ),
        (.furniture, "chair table bed sofa couch bench stool desk shelf rack bookshelf wardrobe"),
        (
            .fixture,
            """
            tap faucet drawer cupboard cabinet door window sink counter countertop wall gate switch socket shower \
            worktop basin fireplace
            """
        ),
        (.paper, "paper book notebook card newspaper magazine envelope note letter cardboard manual receipt tissue"),
        (
            .person,
            """
            man woman lady boy girl person child kid baby guy friend people player customer colleague someone somebody \
            human worker teacher student cashier seller mother father brother sister wife husband neighbour neighbor \
            helper partner guest waiter toddler individual female male
            """
        ),
        (
            .body,
            """
            hand arm leg head face hair finger foot eye mouth nose body neck knee shoulder ear chest palm thumb wrist \
            elbow chin cheek forehead lip tooth tongue stomach waist thigh hands fingers back camera skin
            """
        ),
        (
            .place,
            """
            room kitchen house compound garden field floor ground area street road yard workshop store shop corridor hall \
            side front stairs building supermarket place home office outside inside passage path pathway garage lawn \
            pavement farm surrounding surroundings environment forest park space end top bottom middle corner edge \
            location position direction course court
            """
        ),
        (
            .abstract,
            """
            heat temperature time speed size quality taste texture video game song work task process conversation \
            consistency doneness flame fire power water-temperature shape level volume music movie recipe call message \
            conversation exercise yoga aerobics break rest step instruction light gas smell air
            """
        ),
        (
            .vague,
            """
            it them something thing things stuff item items object objects this that these those one other everything \
            anything rest part some more half another content contents
            """
        ),
    ]
}
