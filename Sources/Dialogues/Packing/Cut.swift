// SPDX-License-Identifier: Apache-2.0

/// Cuts a dialogue to the length of a training sequence.
struct Cut {
    /// The number of tokens that a turn takes.
    struct Costs {
        let tokenizer: any SequenceTokenizer
        let chat: ChatForm

        /// The tokens of words in their chat form, or of frames with the separators between them. Frames of none take
        /// one less than nothing where there is a separator, as in the original.
        func tokens(_ turn: SequenceTurn, isFirst: Bool) -> Int {
            guard turn.role == .frames else {
                return self.tokenizer.count(self.chat.text(of: turn), added: isFirst)
            }
            let count = turn.frames.count
            let (images, overflow) = count.multipliedReportingOverflow(by: self.chat.tokensPerFrame)
            return (overflow ? .max / 4 : min(images, .max / 4)) + (self.chat.separator.isEmpty ? 0 : count - 1)
        }
    }

    /// A turn with the tokens of its words, which are counted once.
    struct Costed {
        var turn: SequenceTurn
        /// The tokens of its words, where nothing precedes them but other turns.
        let words: Int

        init(_ turn: SequenceTurn, _ costs: Costs, isFirst: Bool = false) {
            self.turn = turn
            self.words = turn.role == .frames ? 0 : costs.tokens(turn, isFirst: isFirst)
        }

        func tokens(_ costs: Costs) -> Int {
            self.turn.role == .frames ? costs.tokens(self.turn, isFirst: false) : self.words
        }
    }

    /// The tokens of a sequence.
    let limit: Int
    /// The frames of context that a sequence begins with, at least and at most; `nil` leaves them all.
    let context: ClosedRange<Int>?
    let costs: Costs
    /// Lets the context reach back into the frames of the last sequence, as the original does.
    let reachesBack: Bool

    /// Splits a dialogue behind the last assistant's turn that fits, and shortens the frames that the rest begins with.
    ///
    /// Nothing is first where not even the first assistant's turn fits; the rest begins with the frames before that
    /// turn; or with nothing, where there are none.
    /// - Parameter taken: the end of the last sequence's frames.
    func first(
        of turns: [Costed], behind taken: Int, draw: (ClosedRange<Int>) -> Int
    ) -> (first: [Costed], rest: [Costed]) {
        var length = 0
        var lastAssistant: Int?
        for (index, turn) in turns.enumerated() {
            length = length.addingReportingOverflow(turn.tokens(self.costs)).partialValue
            guard turn.turn.role == .assistant else { continue }
            guard length > self.limit else {
                lastAssistant = index
                continue
            }
            guard let lastAssistant else {
                guard index > 0, turns[index - 1].turn.role == .frames else { return ([], []) }
                return ([], self.shortened(Array(turns[(index - 1)...]), from: taken, draw))
            }
            let rest = Array(turns[(lastAssistant + 1)...])
            guard rest.contains(where: { $0.turn.role == .assistant }) else {
                return (Array(turns[...lastAssistant]), [])
            }
            let floor = rest[0].turn.frames.lowerBound
            return (Array(turns[...lastAssistant]), self.shortened(rest, from: floor, draw))
        }
        // There is nothing to learn behind the last assistant's turn.
        return (lastAssistant.map { Array(turns[...$0]) } ?? [], [])
    }

    private func shortened(
        _ turns: [Costed], from floor: Int, _ draw: (ClosedRange<Int>) -> Int
    ) -> [Costed] {
        guard let context, turns[0].turn.role == .frames else { return turns }
        var turns = turns
        let end = turns[0].turn.frames.upperBound
        let start = max(self.reachesBack ? 0 : floor, end - draw(context))
        turns[0].turn.frames = min(start, end)..<end
        return turns
    }
}
