// SPDX-License-Identifier: Apache-2.0

/// Numbers that packing draws: a system prompt, and how much context a sequence keeps.
protocol PackingDraws {
    /// An index below a count.
    mutating func choice(of count: Int) -> Int
    /// A number of a closed range.
    mutating func integer(in range: ClosedRange<Int>) -> Int
}

extension Draws: PackingDraws {
    mutating func choice(of count: Int) -> Int { self.below(count) }
}

/// The texts of a sequence that are no dialogue's.
public struct PackingPrompts: Hashable, Sendable {
    /// The system prompts of an assistant, one of which is drawn for each sequence.
    public var assistant: [String]
    /// The system prompt of a sequence of summaries alone.
    public var tracking: String
    /// The request for a summary.
    public var summary: String

    /// Creates texts.
    public init(assistant: [String], tracking: String, summary: String) {
        self.assistant = assistant
        self.tracking = tracking
        self.summary = summary
    }

    /// Those of ProAssist (`prompts.py`, Apache-2.0), which its trained models know.
    public static let proassist = PackingPrompts(
        assistant: [
            "You are a proactive assistant. Pay close attention to the user's actions and provide relevant information "
                + "proactively.",
            "You are a proactive assistant. Predict the user's needs and provide assistance before being requested.",
            "You are a responsive and proactive assistant. Address questions quickly and offer assistance before it's "
                + "needed.",
            "You are a helpful and proactive assistant. Always be ready to assist and provide useful information ahead "
                + "of time.",
            "You are a helpful assistant. Be responsive to the user's questions, and provide useful information "
                + "proactively when needed.",
            "You are a supportive assistant. Always be ready to help and offer useful advice without being asked.",
        ],
        tracking: "Watch the user's actons and track the task progress.", summary: "Please summarize the progress.")
}

/// One training sequence of a dialogue.
struct PackedSequence: Hashable {
    var ordinal: Int
    var turns: [SequenceTurn]
    var tokens: Int
    /// The frames from its first to its last, whatever lies between.
    var frames: Range<Int>
    /// The progress that it ends with.
    var progress: String?
}

/// Packs a dialogue into training sequences.
struct SequencePacker {
    /// The reason why a dialogue, or a part of it, is in no sequence.
    enum Drop: String, Hashable {
        /// Its longest summaries leave too little room.
        case longSummary = "long-summary"
        /// Its system prompt leaves no room for a turn.
        case promptTooLong = "prompt-too-long"
        /// It is longer than the limit with its summary.
        case tooLong = "too-long"
        /// It has no frames, or ends with the video's last one.
        case outsideFrames = "outside-frames"
        /// No turn of the assistant is in it.
        case silent
    }

    /// Tokens that a summary may take; beyond, the original passes over the dialogue.
    static let summaryTokensMax = 768
    /// Tokens for the request for a summary and the header of its answer.
    static let summaryRoom = 20
    /// Contexts that are drawn for a turn that does not fit behind its prompt, the last one the shortest, before the
    /// rest of the dialogue is given up. The original draws for ever.
    static let drawsMax = 16
    /// Cuts of one dialogue; it has no more turns.
    static let cutsMax = 100_000

    /// The most tokens of a sequence; 0: the whole dialogue, uncut and without a summary.
    let limit: Int
    let chat: ChatForm
    let tokenizer: any SequenceTokenizer
    let rate: Double
    /// The frames of context, at least and at most.
    let context: ClosedRange<Int>
    let addsKnowledge: Bool
    let addsSummary: Bool
    /// Leaves the assistant's turns out but for the summary.
    let summaryOnly: Bool
    let prompts: PackingPrompts
    let manner: Manner

    private var hasSummary: Bool { (self.addsSummary || self.summaryOnly) && self.limit > 0 }
    var hasKnowledge: Bool { self.addsKnowledge && !self.summaryOnly }

    /// Packs a dialogue.
    /// - Parameters:
    ///   - turns: the dialogue's.
    ///   - knowledge: the description of the task.
    ///   - frameCount: the frames of the video.
    ///   - start: the moment at which the activity begins in the video, in seconds.
    func pack(
        _ turns: [SequenceTurn], knowledge: String, frameCount: Int, start: Double, draws: inout some PackingDraws
    ) -> (sequences: [PackedSequence], drops: [Drop: Int]) {
        var drops: [Drop: Int] = [:]
        var limit = self.limit
        if self.hasSummary {
            let room = self.summaryTokens(turns)
            guard room <= Self.summaryTokensMax else { return ([], [.longSummary: 1]) }
            limit -= room
        }
        let task = self.hasKnowledge ? "Task knowledge: \(knowledge)" : ""
        let costs = Cut.Costs(tokenizer: self.tokenizer, chat: self.chat)
        var rest = FramedDialogue.turns(turns, rate: self.rate, frameCount: frameCount, start: start, knowledge: task)
            .map { Cut.Costed($0, costs) }
        if rest.isEmpty { drops[.outsideFrames, default: 0] += 1 }
        var sequences: [PackedSequence] = []
        var failures = 0
        var taken = 0
        for _ in 0..<Self.cutsMax where !rest.isEmpty {
            let prompt = Cut.Costed(self.prompt(after: sequences.last, task, &draws), costs, isFirst: true)
            var part: [Cut.Costed]
            if self.limit > 0 {
                (part, rest) = self.cut([prompt] + rest, behind: taken, limit, costs, failures, &draws)
            } else {
                (part, rest) = ([prompt] + rest, [])
            }
            guard !part.isEmpty else {
                failures += 1
                if self.manner == .mended, failures > Self.drawsMax, !rest.isEmpty {
                    drops[.promptTooLong, default: 0] += 1
                    rest = []
                }
                if sequences.isEmpty, rest.isEmpty, drops.isEmpty { drops[.silent, default: 0] += 1 }
                continue
            }
            taken = part.last { $0.turn.role == .frames }?.turn.frames.upperBound ?? taken
            failures = 0
            switch self.sequence(part, frameCount, ordinal: sequences.count, costs) {
            case .success(let sequence): sequences.append(sequence)
            case .failure(let drop): drops[drop.reason, default: 0] += 1
            }
        }
        return (sequences, drops)
    }

    private struct Dropped: Error {
        let reason: Drop
    }

    private func cut(
        _ turns: [Cut.Costed], behind taken: Int, _ limit: Int, _ costs: Cut.Costs, _ failures: Int,
        _ draws: inout some PackingDraws
    ) -> (first: [Cut.Costed], rest: [Cut.Costed]) {
        let cut = Cut(limit: limit, context: self.context, costs: costs, reachesBack: self.manner == .original)
        var drawn = draws
        let result = cut.first(of: turns, behind: taken) { range in
            self.manner == .mended && failures >= Self.drawsMax - 1 ? range.lowerBound : drawn.integer(in: range)
        }
        draws = drawn
        return result
    }

    /// The tokens to leave for the summary: the longest of the ten with most words, an image, and what is around it.
    private func summaryTokens(_ turns: [SequenceTurn]) -> Int {
        let summaries = turns.compactMap(\.progress).map { (text: $0, words: PythonText.words($0).count) }
        let longest = summaries.enumerated().sorted { left, right in
            left.element.words == right.element.words
                ? left.offset < right.offset : left.element.words > right.element.words
        }.prefix(10)
        let tokens = longest.map { self.tokenizer.count($0.element.text, added: true) }.max() ?? 0
        return tokens + self.chat.tokensPerFrame + Self.summaryRoom
    }

    private func prompt(
        after last: PackedSequence?, _ knowledge: String, _ draws: inout some PackingDraws
    ) -> SequenceTurn {
        var text = self.prompts.tracking
        if !self.summaryOnly { text = self.prompts.assistant[draws.choice(of: self.prompts.assistant.count)] }
        if let last {
            if let progress = last.turns.last(where: { $0.role == .assistant && $0.progress != nil })?.progress {
                text += " \(progress)"
            }
            if self.hasKnowledge { text += " \(knowledge)" }
        }
        return SequenceTurn(.system, text)
    }

    private func sequence(
        _ part: [Cut.Costed], _ frameCount: Int, ordinal: Int, _ costs: Cut.Costs
    ) -> Result<PackedSequence, Dropped> {
        let runs = part.map(\.turn).filter { $0.role == .frames }
        guard let first = runs.first, let last = runs.last else { return .failure(Dropped(reason: .outsideFrames)) }
        var end = last.frames.upperBound
        var progress: String?
        if self.hasSummary, end + 1 < frameCount {
            progress = part.last { $0.turn.role == .assistant }?.turn.progress
        }
        if self.summaryOnly, progress == nil { return .failure(Dropped(reason: .silent)) }
        var turns = self.summaryOnly ? Self.withoutAssistant(part) : part
        if let progress {
            turns.append(Cut.Costed(SequenceTurn(.system, self.prompts.summary), costs))
            turns.append(Cut.Costed(SequenceTurn(frames: end..<end + 1), costs))
            turns.append(Cut.Costed(SequenceTurn(.assistant, progress), costs))
            end += 1
        }
        guard end < frameCount, first.frames.lowerBound <= end else { return .failure(Dropped(reason: .outsideFrames)) }
        let tokens = turns.reduce(0) { sum, turn in
            let isEmptyRun = turn.turn.role == .frames && turn.turn.frames.isEmpty
            return sum + (isEmptyRun ? 0 : turn.tokens(costs))
        }
        guard tokens <= self.limit || self.limit <= 0 else { return .failure(Dropped(reason: .tooLong)) }
        return .success(
            PackedSequence(
                ordinal: ordinal, turns: turns.map(\.turn), tokens: tokens, frames: first.frames.lowerBound..<end,
                progress: progress))
    }

    /// The turns without the assistant's; runs of frames that meet become one.
    private static func withoutAssistant(_ turns: [Cut.Costed]) -> [Cut.Costed] {
        var kept: [Cut.Costed] = []
        var isRun = false
        for turn in turns where turn.turn.role != .assistant {
            if turn.turn.role == .frames, isRun, let last = kept.indices.last {
                let start = kept[last].turn.frames.lowerBound
                kept[last].turn.frames = start..<max(turn.turn.frames.upperBound, start)
            } else {
                kept.append(turn)
            }
            isRun = turn.turn.role == .frames
        }
        return kept
    }
}
