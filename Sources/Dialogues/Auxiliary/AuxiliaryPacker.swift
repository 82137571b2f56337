// SPDX-License-Identifier: Apache-2.0

/// Something to say after some frames: the caption of a picture, the label of a clip, the list of a picture's objects.
struct AuxiliaryItem: Hashable {
    var frames: Range<Int>
    var text: String

    /// A picture's caption as the original shows it: one sentence, of which only the first letter is capital; `nil`
    /// where it is empty.
    static func caption(_ text: String) -> String? {
        guard let last = text.unicodeScalars.last else { return nil }
        return PythonText.capitalized([".", "?", "!"].contains(last) ? text : text + ".")
    }

    /// A clip's label as the original shows it.
    static func label(_ text: String) -> String { PythonText.capitalized(text) }
}

/// Packs captions, labels and lists, or the speech over a video, into training sequences.
struct AuxiliaryPacker {
    /// The reasons why an item is in no sequence.
    enum Drop: String {
        /// With its prompt alone it is longer than the limit.
        case tooLong = "too-long"
        /// It says nothing.
        case emptyText = "empty-text"
    }

    /// One sequence of a file.
    struct Packed: Hashable {
        var ordinal: Int
        var turns: [SequenceTurn]
        var tokens: Int
        var frames: Range<Int>
        /// The number of the item whose facts stand beside it: its last, and to the original the one behind that.
        var about: Int
    }

    /// The tokens that no sequence reaches.
    let limit: Int
    let chat: ChatForm
    let tokenizer: any SequenceTokenizer
    /// The system prompts, one of which is drawn for each sequence.
    let prompts: [String]
    let manner: Manner

    /// Packs the items of a file, in their order.
    ///
    /// The original closes a sequence at the last item and never packs that one; otherwise the last sequence is closed
    /// at the file's end, so that nothing of it is lost.
    func pack(
        _ items: [AuxiliaryItem], draws: inout some PackingDraws
    ) -> (sequences: [Packed], drops: [Drop: Int]) {
        var drops: [Drop: Int] = [:]
        var sequences: [Packed] = []
        var open = self.begin(at: 0, &draws)
        for (index, item) in items.enumerated() {
            let turns = [SequenceTurn(frames: item.frames), SequenceTurn(.assistant, item.text)]
            let tokens = self.tokens(of: turns) - self.beginningTokens
            let isLast = self.manner == .original && index == items.count - 1
            if open.tokens + tokens >= self.limit || isLast {
                if self.manner == .original || open.turns.count > 1 { self.close(open, about: index, &sequences) }
                open = self.begin(at: item.frames.lowerBound, &draws)
            }
            if self.manner == .mended, open.tokens + tokens >= self.limit {
                drops[.tooLong, default: 0] += 1
                continue
            }
            if self.manner == .mended, open.turns.count == 1 { open.start = item.frames.lowerBound }
            open.turns += turns
            open.tokens += tokens
            open.end = item.frames.upperBound
            open.last = index
        }
        if self.manner == .mended, open.turns.count > 1 { self.close(open, about: items.count, &sequences) }
        return (sequences, drops)
    }

    /// A sequence that is being filled.
    private struct Open {
        var turns: [SequenceTurn]
        var tokens: Int
        var start: Int
        var end: Int
        var last = 0
    }

    private func begin(at start: Int, _ draws: inout some PackingDraws) -> Open {
        let prompt = SequenceTurn(.system, self.prompts[draws.choice(of: self.prompts.count)])
        return Open(turns: [prompt], tokens: self.tokens(of: [prompt]), start: start, end: start)
    }

    private func close(_ open: Open, about next: Int, _ sequences: inout [Packed]) {
        sequences.append(
            Packed(
                ordinal: sequences.count, turns: open.turns, tokens: open.tokens,
                frames: open.start..<max(open.start, open.end), about: self.manner == .original ? next : open.last))
    }

    /// The tokens of turns with the beginning of the text.
    private func tokens(of turns: [SequenceTurn]) -> Int { self.tokenizer.count(self.chat.text(of: turns)) }

    private var beginningTokens: Int { self.tokenizer.count(self.chat.text(of: [])) }
}

/// Packs what is said over a video into training sequences, each beginning with a few seconds of video.
struct SpeechPacker {
    /// The most tokens of a sequence.
    let limit: Int
    let chat: ChatForm
    let tokenizer: any SequenceTokenizer
    let prompts: [String]
    /// The frames of context at the beginning of a sequence that goes on: least and most.
    let context: ClosedRange<Int>
    let manner: Manner

    /// Prompts that are drawn one after the other where not even the first turn fits, before it is given up.
    private static let failuresMax = 16
    /// Sequences of one video; it has no more turns.
    private static let cutsMax = 100_000

    /// Packs a speech.
    /// - Returns: the sequences, and how often the rest was given up because a turn fits behind no prompt.
    func pack(
        _ turns: [SequenceTurn], draws: inout some PackingDraws
    ) -> (sequences: [AuxiliaryPacker.Packed], givenUp: Int) {
        let costs = Cut.Costs(tokenizer: self.tokenizer, chat: self.chat)
        let cut = Cut(
            limit: self.limit, context: self.context, costs: costs, reachesBack: self.manner == .original)
        var rest = turns.map { Cut.Costed($0, costs) }
        var sequences: [AuxiliaryPacker.Packed] = []
        var (failures, taken) = (0, 0)
        for _ in 0..<Self.cutsMax where !rest.isEmpty {
            let prompt = SequenceTurn(.system, self.prompts[draws.choice(of: self.prompts.count)])
            var drawn = draws
            let (part, left) = cut.first(of: [Cut.Costed(prompt, costs, isFirst: true)] + rest, behind: taken) {
                drawn.integer(in: $0)
            }
            draws = drawn
            rest = left
            guard !part.isEmpty else {
                failures += 1
                guard failures <= Self.failuresMax else { return (sequences, 1) }
                continue
            }
            failures = 0
            let runs = part.map(\.turn).filter { $0.role == .frames }.map(\.frames)
            guard let first = runs.first, let last = runs.last else { continue }
            taken = last.upperBound
            let packed = part.map(\.turn)
            sequences.append(
                AuxiliaryPacker.Packed(
                    ordinal: sequences.count, turns: packed, tokens: self.tokenizer.count(self.chat.text(of: packed)),
                    frames: first.lowerBound..<max(first.lowerBound, last.upperBound), about: 0))
        }
        return (sequences, 0)
    }
}
