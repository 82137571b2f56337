// SPDX-License-Identifier: Apache-2.0

/// The verbs of everyday actions, and how to find one by any of its forms.
public enum VerbLexicon {
    /// The form of a verb that a word is.
    public enum Form: Sendable {
        case base, third, past, gerund
    }

    /// A word as a form of a verb.
    public struct Reading: Sendable {
        /// The verb.
        public let verb: Verb
        /// The form of it that the word is.
        public let form: Form
    }

    /// The verb that a word, in small letters, is a form of. Where a word is several forms (put), the base form wins.
    public static func reading(of word: String) -> Reading? { self.readings[word] }

    /// The particles that make one verb with a base form: turn → on, off, …
    static func particles(of base: String) -> WordSet? { self.particles[base] }

    private static let readings: WordTable<Reading> = {
        var readings = WordTable<Reading>()
        let verbs = VerbLexicon.verbs
        for verb in verbs { readings[verb.base] = Reading(verb: verb, form: .base) }
        for verb in verbs {
            let forms = [(verb.third, Form.third), (verb.gerund, .gerund), (verb.past, .past)]
            for (word, form) in forms where readings[word] == nil { readings[word] = Reading(verb: verb, form: form) }
        }
        return readings
    }()

    /// Every verb, those of several uses once.
    private static var verbs: [Verb] {
        var uses: [String: VerbUse] = [:]
        var order: [String] = []
        for (use, words) in self.words {
            for word in words.split(separator: " ").map(String.init) {
                if uses[word] == nil { order.append(word) }
                uses[word, default: []].formUnion(use)
            }
        }
        return order.map { Verb($0, past: self.irregularPasts[$0], use: uses[$0] ?? []) }
    }

    private static let words: [(use: VerbUse, words: String)] = [
        (
            .placing,
            """
            put place drop keep leave set lay hang store return throw toss dump rest position stack insert stick tuck \
            hide load transfer deposit park trash replace pile discard dispose reposition refrigerate stash file shelve
            """
        ),
        (
            .filling,
            """
            put add pour place insert throw drop pack load sprinkle scoop transfer dip soak toss dump spoon squeeze \
            crack spray spread drizzle squirt immerse submerge stuff pipe fit deposit drip
            """
        ),
        (
            .taking,
            """
            take pick grab get remove collect fetch lift carry pull bring hold retrieve receive raise select choose \
            gather detach withdraw extract grasp acquire find catch
            """
        ),
        (
            .changing,
            """
            open close shut lock unlock turn switch wash clean rinse wipe dry cover uncover fill empty plug unplug seal \
            unseal wrap unwrap peel cut chop slice dice fold unfold tie untie light fix lower tighten loosen screw \
            unscrew start stop clear drain sweep mop scrub iron press break split activate deactivate preheat adjust \
            regulate wear zip unzip button unbutton charge connect disconnect grease season garnish rekindle reseal \
            organize arrange tidy declutter ignite water trim paint polish sharpen repair assemble sort pack unpack
            """
        ),
        (
            .oblique,
            "look stare point gaze talk speak chat converse listen search reach step sit knock walk move go run wait lean play"
        ),
        (.talking, "talk speak chat converse discuss interact gesture wave greet argue laugh communicate smile nod"),
        (.giving, "give hand pass show offer throw lend return pay serve deliver send sell"),
        (.moving, "walk move go run step enter approach climb pass jog stroll head stand turn pace"),
        (.aspect, "continue start begin keep try attempt proceed resume finish stop"),
        (.empty, "have do seem want need let allow ensure appear become"),
        (
            [],
            """
            stir mix touch use operate shake check inspect examine read write draw move adjust rub scratch hit tap push \
            roll unroll knead mold mould shape flatten compress flip rotate twist bend stretch squash crush grind grate \
            mince mash beat whisk blend boil fry cook bake roast toast grill steam simmer saute blanch braise stir-fry \
            deep-fry pan-fry heat reheat warm cool freeze defrost thaw serve prepare make measure weigh count taste eat \
            drink sip chew bite lick swallow smell sniff watch see view observe tear rip shred strip scrape shave smooth \
            smoothen level thin even divide separate attach apply coat brush dust marinate lubricate oil sieve sift \
            strain drill hammer saw nail weld sand file plane align straighten mark trace build construct install mount \
            dig rake plant weed prune mow harvest pluck uproot spade till plough hoe shovel sew knit weave crochet \
            thread stitch pin unpin clip unclip staple glue tape stick peg hook unhook drag slide swing spin wind unwind \
            poke pierce stab prick pinch pat stroke massage caress pet feed bathe comb dress undress wring lather soap \
            scour sanitize sterilize dissolve dilute stuff crumble crumple press shuffle deal count play type scroll \
            swipe click dial call record film photograph paint sketch color colour print scan study browse operate drive \
            ride steer park pedal push kick bounce dribble shoot serve pump inflate deflate lift balance exercise dance \
            squat kneel lie sleep wake blow breathe cough sneeze sing whistle clap burn melt proof brew microwave extract \
            change swap exchange test sample score carve engrave chisel level dismantle disassemble rearrange organise \
            unload load fetch tilt tip invert overturn turn rinse splash spill squeegee vacuum steam swirl toggle aim \
            envelop wedge clamp unclamp grip release drop clean buy sell pay bag box label record connect unclose untwist \
            unpack repackage package roast steady support hold stain dab dot trickle skim ladle sweeten salt pepper skewer \
            stack combine secure line blitz refill power manage create slash pound spice savor maintain reduce dish sauce sear \
            sauté top plait twirl untangle tangle braid lace unlace scatter crawl jump hop climb stoop stoke fan kindle work search
            """
        ),
    ]

    /// Verbs of the lexicon whose past tense no rule gives.
    private static let irregularPasts: [String: String] = {
        let pairs = """
            put put cut cut set set hit hit let let shut shut split split spread spread read read take took get got \
            give gave hold held keep kept leave left break broke make made throw threw draw drew drive drove drink drank \
            eat ate bring brought buy bought build built bend bent bite bit blow blew catch caught choose chose dig dug \
            do did have had feed fed find found freeze froze go went grind ground hang hung hide hid lay laid lie \
            lay lend lent light lit mow mowed pay paid ride rode run ran saw sawed see saw sell sold send sent sew sewed \
            shake shook shoot shot show showed sing sang sit sat sleep slept slide slid speak spoke spin spun stand stood \
            stick stuck sweep swept swing swung tear tore wake woke wear wore weave wove wind wound unwind unwound wring \
            wrung write wrote withdraw withdrew begin began become became beat beat deal dealt fit fitted stir-fry \
            stir-fried deep-fry deep-fried pan-fry pan-fried knit knitted overturn overturned kneel knelt swim swam
            """.split(separator: " ").map(String.init)
        var pasts: [String: String] = [:]
        for index in stride(from: 0, to: pairs.count - 1, by: 2) { pasts[pairs[index]] = pairs[index + 1] }
        return pasts
    }()

    private static let particles: WordTable<WordSet> = {
        let lines = """
            pick: up out off
            put: down away back aside together up out on off
            place: down back aside
            turn: on off over around up down
            switch: on off
            take: out off away down up back apart
            throw: away out
            roll: out up
            wash: up off
            wipe: down off up
            clean: up out off
            hang: up
            fill: up
            cut: up off out down open
            set: down up aside
            lay: down out
            lift: up
            hold: up
            pull: out up down off apart
            push: aside away back down
            pour: out away
            scoop: out up
            scrape: off out
            tear: off open up apart
            open: up
            close: up
            break: up off apart
            fold: up
            gather: up
            spread: out
            shake: off out up
            squeeze: out
            mix: up together
            chop: up off
            pack: up away
            tie: up
            dry: off
            heat: up
            warm: up
            flip: over
            dish: out
            drop: off down
            bring: out back down
            carry: out
            move: aside away back
            return: back
            empty: out
            rinse: off out
            scrub: off
            wrap: up
            screw: on off
            sort: out
            zip: up
            get: out up down back
            keep: away aside back down
            plug: in out
            shut: off down
            even: out
            press: down out
            peel: off
            give: back out
            hand: over out
            pass: over
            slide: out
            stick: up
            tidy: up
            collect: up
            drain: out
            lower: down
            raise: up
            remove: out
            start: up
            light: up
            sweep: up
            dig: up out
            measure: out
            smooth: out
            straighten: out up
            stretch: out
            flatten: out
            bend: down up over
            load: up
            stack: up
            """
        var particles = WordTable<WordSet>()
        for line in lines.split(separator: "\n") {
            let parts = line.split(separator: ":")
            guard parts.count == 2 else { continue }
            particles[String(parts[0])] = WordSet(wordsOf: String(parts[1]))
        }
        return particles
    }()
}
