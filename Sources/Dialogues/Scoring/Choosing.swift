// SPDX-License-Identifier: Apache-2.0

/// The choice of the dialogues of a video that stay.
enum Choosing {
    /// One of a video's dialogues, as far as the choice depends on it.
    struct Candidate: Hashable {
        let userType: String
        let score: Double
    }

    /// The types of user that an evaluated video needs, in the order of its dialogues.
    static let userTypes = ["no_talk", "talk_some", "talk_more"]

    /// The most copies that a ratio asks for.
    static let copiesMax = 1000

    /// The dialogues for training, by index, in the original's way: those that reach the score, by user type in the
    /// order in which types occur, **ascending** by score; a ratio above 1 repeats the whole list so often, one below
    /// keeps the first of it. A score that is no number reaches every threshold.
    static func trainedAsOriginal(_ candidates: [Candidate], least: Double, ratio: Double) -> [Int] {
        self.byType(candidates, keeping: { !($0 < least) }).flatMap { type -> [Int] in
            let sorted = Self.sorted(type, candidates, descending: false)
            guard ratio > 1 else { return Array(sorted.prefix(Self.share(sorted.count, ratio))) }
            return Array(repeatElement(sorted, count: Int(min(ratio, Double(Self.copiesMax)))).joined())
        }
    }

    /// The dialogues for training: of each user type the best first; a ratio below 1 keeps the best part, one above is
    /// a weight.
    static func trained(
        _ candidates: [Candidate], least: Double, ratio: Double
    ) -> (kept: [Int], weight: Double) {
        let kept = self.byType(candidates, keeping: { $0 >= least }).flatMap { type -> ArraySlice<Int> in
            let sorted = Self.sorted(type, candidates, descending: true)
            return sorted.prefix(Self.share(sorted.count, min(ratio, 1)))
        }
        return (kept, max(ratio, 1))
    }

    /// The dialogues of a video for evaluation: the best of each user type, the first of equals; none where a type has
    /// none that reaches the score.
    static func evaluated(_ candidates: [Candidate], least: Double, _ manner: Manner) -> [Int] {
        var best: [String: Int] = [:]
        for (index, candidate) in candidates.enumerated() {
            let reaches = manner == .original ? !(candidate.score < least) : candidate.score >= least
            guard reaches else { continue }
            if let held = best[candidate.userType] {
                if candidate.score > candidates[held].score { best[candidate.userType] = index }
            } else {
                best[candidate.userType] = index
            }
        }
        let chosen = self.userTypes.compactMap { best[$0] }
        return chosen.count == self.userTypes.count && best.count == chosen.count ? chosen : []
    }

    private static func byType(_ candidates: [Candidate], keeping: (Double) -> Bool) -> [[Int]] {
        var types: [String] = []
        var indices: [String: [Int]] = [:]
        for (index, candidate) in candidates.enumerated() where keeping(candidate.score) {
            if indices[candidate.userType] == nil { types.append(candidate.userType) }
            indices[candidate.userType, default: []].append(index)
        }
        return types.compactMap { indices[$0] }
    }

    /// Equal scores stay in their order.
    private static func sorted(_ indices: [Int], _ candidates: [Candidate], descending: Bool) -> [Int] {
        indices.sorted { left, right in
            let (a, b) = (candidates[left].score, candidates[right].score)
            return a == b ? left < right : descending ? a > b : a < b
        }
    }

    private static func share(_ count: Int, _ ratio: Double) -> Int {
        guard ratio > 0, ratio.isFinite else { return 0 }
        return min(Int((Double(count) * min(ratio, 1)).rounded(.up)), count)
    }

    /// The split of a video that the source's own split keeps for evaluation: `val` or `test`, by half of the first bit
    /// of a hash of its session.
    static func evaluationSplit(of session: String) -> String {
        var draw = Draws(["split", session])
        return draw.below(2) == 0 ? "val" : "test"
    }
}
