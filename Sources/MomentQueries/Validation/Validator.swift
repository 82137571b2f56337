// SPDX-License-Identifier: Apache-2.0

public import Dataflow
import NarrationGrammar
import VideoAnnotations

/// One test of one query by itself: a pure value with its reason code.
///
/// The rates in the comments are those of human queries that it would reject, counted over the official validation
/// split (v1, 3,875 queries); `millrace profile --nlq FILE` counts them over a file of your own.
public struct Validator: Sendable {
    /// The reason for which it rejects.
    public let reason: RejectReason
    /// Tells whether it compares the query with its narrations, so that it says nothing of a human one.
    public let needsNarrations: Bool
    private let check: @Sendable (Proposal) -> String?

    /// Creates a validator.
    /// - Parameter check: answers what is wrong with a query, if something is.
    init(_ reason: RejectReason, needsNarrations: Bool = false, _ check: @escaping @Sendable (Proposal) -> String?) {
        self.reason = reason
        self.needsNarrations = needsNarrations
        self.check = check
    }

    /// Returns the fault of a query; `nil` where there is none.
    public func problem(with proposal: Proposal) -> String? { self.check(proposal) }

    /// Tells whether it can judge a query at all.
    func judges(_ proposal: Proposal) -> Bool { !self.needsNarrations || proposal.source != nil }
}

// MARK: Form

extension Validator {
    /// Rejects a query without a word (0.03 %: one lacks its text).
    public static let empty = Validator(.empty) { proposal in
        proposal.words.isEmpty ? "there is no word in it" : nil
    }

    /// Rejects queries of fewer words. Fewer than 3 or more than 20: 0.03 %.
    public static func tooShort(minimum: Int) -> Validator {
        Validator(.tooShort) { proposal in
            let count = Self.wordCount(proposal)
            return count < minimum ? "it has \(count) words, at least \(minimum) are wanted" : nil
        }
    }

    /// Rejects queries of more words.
    public static func tooLong(maximum: Int) -> Validator {
        Validator(.tooLong) { proposal in
            let count = Self.wordCount(proposal)
            return count > maximum ? "it has \(count) words, at most \(maximum) are wanted" : nil
        }
    }

    /// White space was made single before.
    private static func wordCount(_ proposal: Proposal) -> Int {
        proposal.query.isEmpty ? 0 : proposal.query.utf8.count { $0 == UInt8(ascii: " ") } + 1
    }

    /// Rejects more than one question mark: 0.08 %.
    public static let severalQuestions = Validator(.severalQuestions) { proposal in
        let count = proposal.query.utf8.count { $0 == UInt8(ascii: "?") }
        return count > 1 ? "it has \(count) question marks" : nil
    }
}

// MARK: Template and window

extension Validator {
    /// Rejects a name that is none of the 13, and a query without one (0.4 %: 16 have none).
    public static let unknownTemplate = Validator(.unknownTemplate) { proposal in
        if proposal.template != nil { return nil }
        return proposal.templateName.map { "there is no template \"\($0)\"" } ?? "it names no template"
    }

    /// The rule for a query's first word.
    public enum FirstWordRule: String, Choice {
        /// It may be any word.
        case off
        /// It must be a word that questions begin with; at most 0.4 % begin otherwise (17 begin with none of the seven
        /// commonest).
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

    private static let openings: WordSet = [
        "where", "what", "how", "in", "who", "did", "when", "which", "whose", "whom", "was", "were", "is", "are", "do",
        "does", "had", "have", "has", "at", "on", "from", "to", "with", "by", "for", "could", "can", "would", "should",
        "where's", "what's", "who's", "after", "before", "during", "i", "am", "why", "into", "under", "near", "while",
    ]

    /// Rejects a window that is missing, no longer than some seconds, longer than some, or not wholly in the clip. Of
    /// the human windows 8.8 % have no length and 1.5 % leave their clip, which are faults of the annotation; the
    /// longest has 480 s.
    public static func window(longerThan minimum: Double, upTo maximum: Double) -> Validator {
        Validator(.window) { proposal in
            guard let window = proposal.window else { return "it has no window in the clip" }
            guard window.length > minimum else { return "its window has \(window.length) seconds" }
            // Times are sums of decimals: a hundredth of a frame is no fault.
            let slack = 1e-4
            guard window.length <= maximum + slack else { return "its window has \(window.length) seconds" }
            let isInside = window.start >= proposal.clip.start - slack && window.end <= proposal.clip.end + slack
            return isInside ? nil : "its window \(window.start)…\(window.end) s is not in the clip"
        }
    }
}
