// SPDX-License-Identifier: Apache-2.0

public import Dataflow
internal import Narrations

/// Why a query is rejected. The raw values are the reason codes of the `rejects` topic.
public enum RejectReason: String, CaseIterable, Sendable {
    /// It names narrations that the block does not have, or none.
    case unknownNarration = "unknown-narration"
    /// It says nothing.
    case empty
    /// It has too few words.
    case tooShort = "too-short"
    /// It has too many words.
    case tooLong = "too-long"
    /// It asks more than once.
    case severalQuestions = "several-questions"
    /// It has a mark that narrators use and people do not: "#", "C", "the person", "he".
    case marker
    /// It follows none of the 13 templates.
    case unknownTemplate = "unknown-template"
    /// It does not begin as questions of its template do.
    case firstWord = "first-word"
    /// It gives its answer away.
    case answerLeak = "answer-leak"
    /// It shares no word with the narrations it is about.
    case notGrounded = "not-grounded"
    /// Its window is empty, or not in the clip.
    case window
    /// The same question was asked in the clip before.
    case duplicateInClip = "duplicate-in-clip"
    /// The same question was asked too often in the video.
    case repeatedInVideo = "repeated-in-video"
}

/// One test of one query by itself: a pure value with its reason code.
public struct Validator: Sendable {
    /// The reason for which it rejects.
    public let reason: RejectReason
    private let check: @Sendable (Proposal) -> String?

    /// Creates a validator.
    /// - Parameter check: answers what is wrong with a query, if something is.
    init(_ reason: RejectReason, _ check: @escaping @Sendable (Proposal) -> String?) {
        self.reason = reason
        self.check = check
    }

    /// What is wrong with a query; `nil` where nothing is.
    public func problem(with proposal: Proposal) -> String? { self.check(proposal) }
}

extension Validator {
    /// Rejects ids that the block does not have, and queries about no narration at all.
    public static let unknownNarration = Validator(.unknownNarration) { proposal in
        guard let narrations = proposal.narrations else { return nil }
        if let id = proposal.unknownNarrations.first { return "the block has no narration \(id)" }
        return narrations.isEmpty ? "it names no narration" : nil
    }

    /// Rejects a query without a word.
    public static let empty = Validator(.empty) { proposal in
        proposal.words.isEmpty ? "there is no word in it" : nil
    }

    /// Rejects queries of fewer words. Fewer than 3 or more than 20: 0.03 % of the human queries.
    public static func tooShort(minimum: Int) -> Validator {
        Validator(.tooShort) { proposal in
            let count = proposal.query.split(separator: " ").count
            return count < minimum ? "it has \(count) words, at least \(minimum) are wanted" : nil
        }
    }

    /// Rejects queries of more words.
    public static func tooLong(maximum: Int) -> Validator {
        Validator(.tooLong) { proposal in
            let count = proposal.query.split(separator: " ").count
            return count > maximum ? "it has \(count) words, at most \(maximum) are wanted" : nil
        }
    }

    /// Rejects more than one question mark: 0.08 % of the human queries.
    public static let severalQuestions = Validator(.severalQuestions) { proposal in
        let count = proposal.query.utf8.count { $0 == UInt8(ascii: "?") }
        return count > 1 ? "it has \(count) question marks" : nil
    }

    /// Rejects what narrators write and people almost never do: tags and the letter C (none of the human queries),
    /// "camera wearer" (none), "the person" (0.03 %), he and she in any case (0.13 %).
    public static let marker = Validator(.marker) { proposal in
        if proposal.query.utf8.contains(UInt8(ascii: "#")) { return "it has a `#`" }
        let words = NarrationWord.words(of: proposal.query)
        if words.contains(where: \.isWearer) { return "it has the letter C for the camera wearer" }
        let pairs = zip(proposal.words, proposal.words.dropFirst())
        for (first, second) in pairs where Self.markerPairs.contains(first + " " + second) {
            return "it says \"\(first) \(second)\""
        }
        if let word = proposal.words.first(where: Self.thirdPerson.contains) { return "it says \"\(word)\"" }
        return nil
    }

    private static let markerPairs: Set<String> = [
        "camera wearer", "camera-wearer was", "the person", "the wearer", "camera wearer's", "person's hand",
    ]

    private static let thirdPerson: Set<String> = [
        "he", "she", "him", "her", "his", "hers", "himself", "herself", "camera-wearer", "he's", "she's",
    ]

    /// Rejects a name that is none of the 13, and a query without one.
    public static let unknownTemplate = Validator(.unknownTemplate) { proposal in
        if proposal.template != nil { return nil }
        return proposal.templateName.map { "there is no template \"\($0)\"" } ?? "it names no template"
    }

    /// How closely a query's first word is looked at.
    public enum FirstWordRule: String, Choice {
        /// Not at all.
        case off
        /// It must be a word that questions begin with; 0.5 % of the human queries begin otherwise.
        case lenient
        /// It must be a word that human queries of the template begin with; about 2 % begin otherwise.
        case strict
    }

    /// Rejects by the first word, after the table of the official data (`QueryTemplate.firstWords`).
    public static func firstWord(_ rule: FirstWordRule) -> Validator {
        Validator(.firstWord) { proposal in
            guard let word = proposal.words.first else { return nil }
            switch rule {
            case .off: return nil
            case .lenient: return Self.openings.contains(word) ? nil : "no question begins with \"\(word)\""
            case .strict:
                guard let template = proposal.template, !template.firstWords.contains(word) else { return nil }
                let words = template.firstWords.joined(separator: "\" or \"")
                return "it begins with \"\(word)\", this template with \"\(words)\""
            }
        }
    }

    private static let openings: Set<String> = [
        "where", "what", "how", "in", "who", "did", "when", "which", "whose", "whom", "was", "were", "is", "are", "do",
        "does", "had", "have", "has", "at", "on", "from", "to", "with", "by", "for", "could", "can", "would", "should",
        "where's", "what's", "who's", "after", "before", "during", "i", "am", "why", "into", "under", "near",
    ]

    /// Rejects a query that gives its answer away, as far as the narrations tell (`AnswerLeak`).
    public static let answerLeak = Validator(.answerLeak) { proposal in
        guard let template = proposal.template else { return nil }
        for text in proposal.texts {
            guard let clause = ClauseParser.parse(text) else { continue }
            if let word = AnswerLeak.word(in: proposal.query, template: template, narration: clause) {
                return "it names \"\(word)\", which answers it"
            }
        }
        return nil
    }

    /// Rejects a query that shares no content word, stop-words left out and forms of one word taken together, with the
    /// narrations it is about.
    public static let notGrounded = Validator(.notGrounded) { proposal in
        guard proposal.narrations != nil else { return nil }
        let stems = Stem.stems(of: proposal.words)
        for text in proposal.texts {
            if !Stem.stems(of: text.words.map(\.text)).isDisjoint(with: stems) { return nil }
            if case .other(let noun) = text.actor, proposal.words.contains(noun) { return nil }
        }
        return "it shares no word with the narrations it is about"
    }

    /// Rejects a window that is missing, no longer than some seconds, or not wholly in the clip.
    public static func window(longerThanSeconds minimum: Double) -> Validator {
        Validator(.window) { proposal in
            guard let window = proposal.window else { return "it has no window in the clip" }
            guard window.length > minimum else { return "its window has \(window.length) seconds" }
            // Times are sums of decimals: a hundredth of a frame is no fault.
            let slack = 1e-4
            let isInside = window.start >= proposal.clip.start - slack && window.end <= proposal.clip.end + slack
            return isInside ? nil : "its window \(window.start)…\(window.end) s is not in the clip"
        }
    }
}
