// SPDX-License-Identifier: Apache-2.0

/// The text of a training sequence as LLaMA 3 is shown it, and what of it is learnt.
public struct ChatForm: Hashable, Sendable {
    /// The tokens of an image, one text each.
    public static let image = "<image>"
    static let beginning = "<|begin_of_text|>"
    static let endOfTurn = "<|eot_id|>"

    /// The tokens of a frame: 1, 5, 10 or 26.
    public let tokensPerFrame: Int
    /// The text between frames of one run; empty for none.
    public let separator: String

    /// Describes a form.
    public init(tokensPerFrame: Int, separator: String = "") {
        self.tokensPerFrame = max(tokensPerFrame, 1)
        self.separator = separator
    }

    /// The most characters of one run of frames that are written out.
    static let framesMax = 1_000_000

    /// The text of a turn. Of frames, one text of `<image>` a token.
    public func text(of turn: SequenceTurn) -> String {
        guard turn.role == .frames else {
            let words = PythonText.stripped(turn.content)
            return "<|start_header_id|>\(turn.role.rawValue)<|end_header_id|>\n\n\(words)\(Self.endOfTurn)"
        }
        let frame = String(repeating: Self.image, count: self.tokensPerFrame)
        let count = min(turn.frames.count, Self.framesMax)
        return Array(repeating: frame, count: count).joined(separator: self.separator)
    }

    /// The text of a sequence.
    public func text(of turns: [SequenceTurn]) -> String {
        turns.reduce(Self.beginning) { $0 + self.text(of: $1) }
    }

    /// The parts of a sequence's text that are learnt, in UTF-8 bytes: an assistant's whole turn, from its header on;
    /// and of each run of frames what follows a frame before the run's last one, where the assistant stays silent.
    /// - Parameters:
    ///   - silentShare: the share of silent frames that is learnt, at least one a run; 1 or more: all; negative: none.
    ///   - permutation: a permutation of `0..<count`, asked for once a run of which a share is learnt.
    public func learnt(
        of turns: [SequenceTurn], silentShare: Double, permutation: (Int) -> [Int]
    ) -> [Range<Int>] {
        var learnt: [Range<Int>] = []
        var offset = Self.beginning.utf8.count
        for turn in turns {
            let length = self.text(of: turn).utf8.count
            if turn.role == .assistant { learnt.append(offset..<offset + length) }
            if turn.role == .frames, silentShare >= 0 {
                learnt += self.silentFrames(min(turn.frames.count, Self.framesMax), silentShare, permutation)
                    .map { $0.lowerBound + offset..<$0.upperBound + offset }
            }
            offset += length
        }
        return learnt
    }

    private func silentFrames(_ count: Int, _ share: Double, _ permutation: (Int) -> [Int]) -> [Range<Int>] {
        guard count > 1 else { return [] }
        let step = self.tokensPerFrame * Self.image.utf8.count + self.separator.utf8.count
        let length = self.separator.isEmpty ? Self.image.utf8.count : self.separator.utf8.count
        let all = (1..<count).map { frame -> Range<Int> in
            let start = frame * step - self.separator.utf8.count
            return start..<start + length
        }
        guard share < 1 else { return all }
        let kept = max(Int(share * Double(count - 1)), 1)
        return permutation(count - 1).prefix(kept).sorted().compactMap { all.indices.contains($0) ? all[$0] : nil }
    }

    /// For each token what it has to predict: the token after it, where that is learnt, else `nil`. Without a separator
    /// a silent frame predicts the end of a turn, where the image after it stands.
    /// - Parameters:
    ///   - tokens: the tokens of the text, without any that were added.
    ///   - image: the token of `<image>`.
    ///   - endOfTurn: the token of the end of a turn.
    public func targets(
        _ tokens: [SequenceToken], learnt: [Range<Int>], image: Int?, endOfTurn: Int?
    ) -> [Int?] {
        var targets: [Int?] = Array(repeating: nil, count: tokens.count)
        var starts: [Int: Int] = [:]
        for (index, token) in tokens.enumerated() { starts[token.range.lowerBound] = index }
        for range in learnt {
            guard let start = starts[range.lowerBound], start > 0 else { continue }
            let stop = starts[range.upperBound] ?? tokens.count
            for index in start..<max(stop, start) {
                targets[index - 1] = index
            }
        }
        return targets.map { index in
            guard let index else { return nil }
            let id = tokens[index].id
            return self.separator.isEmpty && id == image ? endOfTurn ?? id : id
        }
    }
}
