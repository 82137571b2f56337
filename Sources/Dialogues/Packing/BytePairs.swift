// SPDX-License-Identifier: Apache-2.0

/// Byte-pair encoding of a word: pairs of neighbours are joined, the pair of the lowest rank first and of equals the
/// leftmost, until no neighbours are a pair (Sennrich, Haddow and Birch 2016).
struct BytePairs: Sendable {
    /// The rank of a pair, and the token that it becomes.
    struct Merge: Sendable {
        let rank: Int
        let id: Int
    }

    /// The tokens of single bytes, by byte.
    let singles: [Int]
    private let merges: [UInt64: Merge]

    /// Takes pairs by their tokens.
    init(singles: [Int], merges: [(left: Int, right: Int, Merge)]) {
        self.singles = singles
        var table: [UInt64: Merge] = [:]
        table.reserveCapacity(merges.count)
        // Of a pair that is there twice, the first has the lower rank.
        for (left, right, merge) in merges where table[Self.key(left, right)] == nil {
            table[Self.key(left, right)] = merge
        }
        self.merges = table
    }

    private static func key(_ left: Int, _ right: Int) -> UInt64 {
        UInt64(UInt32(truncatingIfNeeded: left)) << 32 | UInt64(UInt32(truncatingIfNeeded: right))
    }

    /// A pair of neighbours that may be joined.
    private struct Candidate {
        let rank: Int
        let left: Int
        /// The tokens that it is about; where a neighbour has changed since, it is stale.
        let leftID: Int
        let rightID: Int

        static func < (a: Candidate, b: Candidate) -> Bool { (a.rank, a.left) < (b.rank, b.left) }
    }

    /// The tokens of a word, with the number of bytes of each.
    func encode(_ word: ArraySlice<UInt8>) -> [(id: Int, length: Int)] {
        var ids = word.map { self.singles[Int($0)] }
        var lengths = Array(repeating: 1, count: ids.count)
        var next = Array(ids.indices.map { $0 + 1 })
        var previous = Array(ids.indices.map { $0 - 1 })
        var heap = Heap()
        func push(_ left: Int) {
            guard left >= 0, next[left] < ids.count else { return }
            let (leftID, rightID) = (ids[left], ids[next[left]])
            guard let merge = self.merges[Self.key(leftID, rightID)] else { return }
            heap.push(Candidate(rank: merge.rank, left: left, leftID: leftID, rightID: rightID))
        }
        for left in ids.indices { push(left) }
        while let best = heap.pop() {
            let left = best.left
            guard lengths[left] > 0, ids[left] == best.leftID, next[left] < ids.count,
                ids[next[left]] == best.rightID, let merge = self.merges[Self.key(best.leftID, best.rightID)]
            else { continue }
            let right = next[left]
            ids[left] = merge.id
            lengths[left] += lengths[right]
            lengths[right] = 0
            next[left] = next[right]
            if next[left] < ids.count { previous[next[left]] = left }
            push(previous[left])
            push(left)
        }
        return ids.indices.filter { lengths[$0] > 0 }.map { (ids[$0], lengths[$0]) }
    }

    /// The candidates, the best first.
    private struct Heap {
        private var items: [Candidate] = []

        mutating func push(_ item: Candidate) {
            self.items.append(item)
            var child = self.items.count - 1
            while child > 0, self.items[child] < self.items[(child - 1) / 2] {
                self.items.swapAt(child, (child - 1) / 2)
                child = (child - 1) / 2
            }
        }

        mutating func pop() -> Candidate? {
            guard let best = self.items.first, let last = self.items.popLast() else { return nil }
            guard !self.items.isEmpty else { return best }
            self.items[0] = last
            var parent = 0
            while true {
                let left = 2 * parent + 1
                guard left < self.items.count else { return best }
                let right = left + 1
                let child = right < self.items.count && self.items[right] < self.items[left] ? right : left
                guard self.items[child] < self.items[parent] else { return best }
                self.items.swapAt(child, parent)
                parent = child
            }
        }
    }
}
