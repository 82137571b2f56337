// SPDX-License-Identifier: Apache-2.0

import NarrationGrammar

/// The 13 question templates of Ego4D's Natural Language Queries. Raw values are the names as the official files spell
/// them, with their curly apostrophe (U+2019) and their odd spacing.
public enum QueryTemplate: String, CaseIterable, Hashable, Sendable {
    /// "Where was the knife before I cut the onion?"
    case whereBeforeOrAfter = "Objects: Where is object X before / after event Y?"
    /// "Where did I put the knife?"
    case whereDidIPut = "Place: Where did I put X?"
    /// "What did I put in the pan?"
    case whatDidIPutIn = "Objects: What did I put in X?"
    /// "Where was the drawer I opened?"
    case whereIsObject = "Objects: Where is object X?"
    /// "What vegetable did I cut?"
    case whatDidI = "Objects: What X did I Y?"
    /// "What color was the plate I washed?"
    case whatIs = "Objects: What X is Y?"
    /// "How many eggs did I break?"
    case howMany = "Objects: How many X\u{2019}s? (quantity question)"
    /// "In what location did I see the knife?"
    case inWhatLocation = "Objects: In what location did I see object X ?"
    /// "Did I close the drawer?"
    case state = "Objects: State of an object"
    /// "Who did I give the phone to?"
    case whoDidIInteractWith = "People: Who did I interact with when I did activity X?"
    /// "Who did I talk to in the kitchen?"
    case whoDidITalkTo = "People: Who did I talk to in location X?"
    /// "Where was my phone when I picked it up?"
    case whereIsMyObject = "Objects: Where is my object X?"
    /// "When did I talk to the man?"
    case whenDidIInteract = "People: When did I talk to or interact with person with role X?"

    /// Finds a template by its name, forgiving case, white space and the kind of apostrophe, which models get wrong.
    public init?(named name: String) {
        if let exact = Self.byName[name] {
            self = exact
        } else if let near = Self.byLooseName[Self.loose(name)] {
            self = near
        } else {
            return nil
        }
    }

    /// The number of queries with this template among the 3,859 of the official validation split (v1) that have one.
    public var humanCount: Int {
        switch self {
        case .whereBeforeOrAfter: 644
        case .whereDidIPut: 626
        case .whatDidIPutIn: 476
        case .whereIsObject: 447
        case .whatDidI: 312
        case .whatIs: 306
        case .howMany: 300
        case .inWhatLocation: 293
        case .state: 168
        case .whoDidIInteractWith: 102
        case .whoDidITalkTo: 83
        case .whereIsMyObject: 77
        case .whenDidIInteract: 25
        }
    }

    /// The words that human queries of this template begin with, the commonest first. They cover 95 to 100 % of the
    /// official validation split: State → did (163 of 168), In what location → in (278 of 293), When → when (23 of 25),
    /// put in → what (451 of 476) or where (24), the others one word at 96 % or more.
    public var firstWords: [String] {
        switch self {
        case .whereBeforeOrAfter, .whereDidIPut, .whereIsObject, .whereIsMyObject: ["where"]
        case .whatDidIPutIn: ["what", "where"]
        case .whatDidI, .whatIs: ["what"]
        case .howMany: ["how"]
        case .inWhatLocation: ["in"]
        case .state: ["did"]
        case .whoDidIInteractWith, .whoDidITalkTo: ["who"]
        case .whenDidIInteract: ["when"]
        }
    }

    /// The kind of thing that answers a query of this template.
    enum AnswerKind {
        case place, object, attribute, quantity, state, person, time

        /// Finds the kind of thing a question asks for: by its first words, in small letters, or by its template where
        /// they do not tell. Models name templates that their questions do not follow.
        init?(asking words: [String], template: QueryTemplate?) {
            guard let first = words.first else { return nil }
            let second = words.count > 1 ? words[1] : ""
            switch (first, second) {
            case ("where", _), ("in", "what"), ("in", "which"): self = .place
            case ("how", "many"), ("how", "much"): self = .quantity
            case ("who", _), ("whom", _): self = .person
            case ("when", _): self = .time
            case ("did", _): self = .state
            case ("what", _), ("which", _):
                // "What did I do with the onion?" asks for what was done, which is in no narration's object.
                if second == "did", words.contains("do") { return nil }
                let asksAttribute = words.contains("color") || words.contains("colour") || template == .whatIs
                self = asksAttribute ? .attribute : .object
            default:
                guard let template else { return nil }
                self = template.answerKind
            }
        }
    }

    var answerKind: AnswerKind {
        switch self {
        case .whereBeforeOrAfter, .whereDidIPut, .whereIsObject, .inWhatLocation, .whereIsMyObject: .place
        case .whatDidIPutIn, .whatDidI: .object
        case .whatIs: .attribute
        case .howMany: .quantity
        case .state: .state
        case .whoDidIInteractWith, .whoDidITalkTo: .person
        case .whenDidIInteract: .time
        }
    }

    private static let byName = WordTable(QueryTemplate.allCases.map { ($0.rawValue, $0) })

    private static let byLooseName: [String: QueryTemplate] = {
        var names: [String: QueryTemplate] = [:]
        for template in Self.allCases { names[Self.loose(template.rawValue)] = template }
        return names
    }()

    /// Letters and digits alone, in small letters.
    private static func loose(_ name: String) -> String {
        String(decoding: name.lowercased().utf8.filter { 0x61...0x7a ~= $0 || 0x30...0x39 ~= $0 }, as: UTF8.self)
    }
}
