// SPDX-License-Identifier: Apache-2.0

/// The reason a query is rejected. The raw values are the reason codes of the `rejects` topic.
///
/// `ops/validators.md` says for each what it rejects, by which field it is set, and how many of the human queries it
/// would reject.
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
    /// It has the marks of a list, of code or of a template: `2) …`, `**Objects:** …`, `Where did I put X?`
    case markup
    /// It has a word that narrators use and people do not: "#", "C", "the person", "he".
    case marker
    /// It follows none of the 13 templates.
    case unknownTemplate = "unknown-template"
    /// It does not begin as questions of its template do.
    case firstWord = "first-word"
    /// It gives its answer away.
    case answerLeak = "answer-leak"
    /// It speaks of what does not occur in the block.
    case notGrounded = "not-grounded"
    /// It fits another narration of the block better than those it names.
    case wrongNarration = "wrong-narration"
    /// Its window is empty, too long, or not in the clip.
    case window
    /// The same question was asked in the clip before.
    case duplicateInClip = "duplicate-in-clip"
    /// Nearly the same question was asked in the clip before.
    case nearDuplicateInClip = "near-duplicate-in-clip"
    /// The same question, or nearly the same, was asked too often in the video.
    case repeatedInVideo = "repeated-in-video"

    /// Tells whether it depends on what was asked before, and not on the query alone.
    public var dependsOnHistory: Bool {
        switch self {
        case .duplicateInClip, .nearDuplicateInClip, .repeatedInVideo: true
        default: false
        }
    }
}
