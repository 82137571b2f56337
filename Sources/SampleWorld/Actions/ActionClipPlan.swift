// SPDX-License-Identifier: Apache-2.0

/// The actions of a clip: a Markov chain with memory of two kinds.
///
/// Verbs walk on a ring and nouns on another, each in a direction that the clip keeps: of two actions in a row one sees
/// which, of one alone one does not. Now and then a step slips. And the first action tells a choice, one of four, that
/// nothing shows after it, until from `lateFrom` on every `lateEvery`th action is the choice's own verb: who has
/// forgotten the first action can but guess.
struct ActionClipPlan {
    /// A segment of the clip.
    struct Segment {
        var verb: Int
        var noun: Int
        /// Its start in microseconds of the clip.
        var start: Microseconds
        var end: Microseconds { self.start + ActionClipPlan.segmentLength }
    }

    /// The first place at which the early choice shows again.
    static let lateFrom = 12
    /// The places from one such to the next.
    static let lateEvery = 3
    /// The length of a segment: 8 s, as in the real data.
    static let segmentLength: Microseconds = 8_000_000
    /// The length of a clip's file; its annotated part begins and ends 8 s within it.
    static let length: Microseconds = 316_000_000
    /// The most that a segment begins later than the one before has ended.
    private static let gapMax = 300_000
    /// The shares of slips, in 10,000ths.
    private static let verbSlips = 800
    private static let nounStays = 1_000
    private static let nounSlips = 500

    let index: Int
    let uid: String
    let videoUID: String
    /// The start of the clip in its video.
    let parentStart: Microseconds
    /// The early choice.
    let choice: Int
    let segments: [Segment]

    init(index: Int, seed: UInt64) {
        var generator = SeededGenerator(seed: seed, stream: .actions, index: index)
        self.index = index
        self.videoUID = generator.uid()
        self.uid = generator.uid()
        self.parentStart = 1_000_000 * generator.below(1200)
        self.choice = generator.below(ActionLexicon.choices)
        let count = generator.within(32...36)
        let direction = generator.chance(5_000) ? 1 : ActionLexicon.ringVerbs - 1
        let drift = generator.chance(5_000) ? 1 : ActionLexicon.nouns - 1
        var verb = generator.below(ActionLexicon.ringVerbs)
        var noun = generator.below(ActionLexicon.nouns)
        var time: Microseconds = 8_000_000
        var segments: [Segment] = []
        for place in 0..<count {
            let isTold = place == 0 || place >= Self.lateFrom && place % Self.lateEvery == 0
            segments.append(
                Segment(verb: isTold ? ActionLexicon.ringVerbs + self.choice : verb, noun: noun, start: time))
            time += Self.segmentLength + generator.below(Self.gapMax)
            verb =
                generator.chance(Self.verbSlips)
                ? generator.below(ActionLexicon.ringVerbs) : (verb + direction) % ActionLexicon.ringVerbs
            if generator.chance(Self.nounSlips) {
                noun = generator.below(ActionLexicon.nouns)
            } else if !generator.chance(Self.nounStays) {
                noun = (noun + drift) % ActionLexicon.nouns
            }
        }
        self.segments = segments
    }
}
