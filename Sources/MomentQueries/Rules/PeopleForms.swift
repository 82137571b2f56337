// SPDX-License-Identifier: Apache-2.0

public import Dataflow
import NarrationGrammar

/// The forms in which the rules ask.
public enum RuleForms: String, Choice {
    /// First person and past tense, one question a narration at most.
    case plain
    /// As people do: a quarter without "I", a seventh in the present tense, short ones too, what was done several times
    /// counted, and up to two questions of different templates a narration.
    case people
}

/// Forms without "I", by template, each with the percentage of the template's questions that have it. What is left has
/// the forms of `QuestionWriter`, in the first person.
///
/// Together they come to the human shares where all templates come as often as in the human sets: 75 % say "I", 14 %
/// are in the present tense. A form that a narration has no words for is left out.
///
/// | in a form | stands for |
/// |---|---|
/// | `{thing}` | the object: the knife, my phone |
/// | `{name}`, `{names}` | its name without an article, and its plural |
/// | `{uncolored}` | its name without a color, where it has one that could be asked for |
/// | `{is}`, `{was}` | the same as its number has them |
/// | `{in}` | "in" or "on", with what it was put into or onto |
/// | `{place}` | where it was done |
enum PeopleForms {
    static let table: [(template: QueryTemplate, percent: Int, form: String)] = [
        (.whereIsObject, 48, "Where {is} {thing}"),
        (.whereIsObject, 37, "Where {was} {thing}"),
        (.whereIsMyObject, 55, "Where {is} my {name}"),
        (.whereIsMyObject, 30, "Where {was} my {name}"),
        (.whatIs, 50, "What color {is} the {uncolored}"),
        (.whatIs, 30, "What color {was} the {uncolored}"),
        (.whatIs, 5, "What is the color of the {uncolored}"),
        (.inWhatLocation, 10, "In what location {is} {thing}"),
        (.inWhatLocation, 15, "In what location {was} {thing}"),
        (.whatDidIPutIn, 6, "What is {in}"),
        (.whatDidIPutIn, 8, "What was put {in}"),
        (.howMany, 8, "How many {names} are {place}"),
        (.howMany, 12, "How many {names} were {place}"),
    ]

    private static let byTemplate = Dictionary(grouping: Self.table) { $0.template }

    /// The form that a die of 0 to 99 falls on; `nil` where it falls on none.
    static func form(of template: QueryTemplate, die: Int) -> String? {
        var die = die
        for (_, percent, form) in self.byTemplate[template] ?? [] {
            if die < percent { return form }
            die -= percent
        }
        return nil
    }

    /// Puts words in for what is in braces.
    /// - Returns: `nil` where one has no words.
    static func fill(_ form: String, _ word: (String) -> String?) -> String? {
        var text = ""
        var rest = form[...]
        while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
            guard let found = word(String(rest[rest.index(after: open)..<close])) else { return nil }
            text += rest[..<open] + found
            rest = rest[rest.index(after: close)...]
        }
        return text + rest
    }
}

extension QuestionWriter {
    /// A sentence in one of people's forms, where the template has one that the bits choose and the clause allows.
    func peopleSentence(_ template: QueryTemplate, _ detail: Detail) -> String? {
        guard self.clause.isByWearer, let form = PeopleForms.form(of: template, die: (self.variant >> 6) % 100) else {
            return nil
        }
        switch template {
        case .whereIsMyObject:
            guard let thing = self.thing, thing.isPossessed || NounLexicon.isPersonal(thing.head) else { return nil }
        case .whatDidIPutIn:
            guard self.holder != nil else { return nil }
        case .howMany:
            guard self.counted != nil else { return nil }
        default: break
        }
        return PeopleForms.fill(form) { slot in
            switch slot {
            case "thing": self.thing?.phrase(byWearer: true, long: detail.long)
            case "name": self.thing?.bare(long: detail.long)
            case "names": self.counted
            case "uncolored": self.uncolored
            case "is": self.thing.map { $0.isPlural ? "are" : "is" }
            case "was": self.thing?.was
            case "in": self.holder
            case "place": self.whereabouts(detail)
            default: nil
            }
        }
    }

    /// A place where things are, not one that they come from or go to.
    private func whereabouts(_ detail: Detail) -> String? {
        guard let preposition = self.clause.place?.preposition, Self.being.contains(preposition) else { return nil }
        return self.place(detail)
    }

    private static let being: WordSet = [
        "in", "on", "inside", "under", "near", "by", "next to", "behind", "at", "on top of", "beside",
    ]

    /// "in the pan", "on the plate": what something was put into or onto.
    private var holder: String? {
        guard self.whatDidIPutIn(Detail(relation: false, long: false)) != nil, let place = self.clause.place,
            place.preposition != "to"
        else { return nil }
        let isOn = place.preposition.hasPrefix("on") || place.preposition == "over"
        return "\(isOn ? "on" : "in") \(place.noun.phrase(byWearer: true, long: false))"
    }

    /// The name of the things that can be counted: those of a plural, or of what was done several times.
    var counted: String? {
        guard let thing = self.thing, thing.contents.isEmpty else { return nil }
        if !thing.isSingular, NounLexicon.isCountablePlural(thing.head) { return thing.bare() }
        guard self.times > 1, let head = thing.words.last else { return nil }
        let plural = Morphology.plural(of: head)
        guard NounLexicon.isCountablePlural(plural) else { return nil }
        return (thing.words.dropLast() + [plural]).joined(separator: " ")
    }

    /// "How many plates did I wash?", of several narrations of one plate each.
    func howManyTimes(_ detail: Detail) -> String? {
        guard self.times > 1, let names = self.counted else { return nil }
        let place = detail.long ? self.place(detail) : nil
        let does = place == nil ? self.clause.baseAlone : self.clause.base
        return self.join("How many \(names) did I \(does)", place, related: detail)
    }
}
