// SPDX-License-Identifier: Apache-2.0

/// Cells of one quality of queries (templates, lengths, places), with the share that each should have, and the numbers
/// that have come and were kept so far.
struct QuotaAxis: Hashable, Sendable {
    /// The wanted shares; they make 1.
    let wanted: [Double]
    /// The queries that have come, by cell.
    var seen: [Int]
    /// Those that were kept.
    var kept: [Int]

    /// The weight, in queries, of the guess that the stream is as wanted; it fades as queries come.
    private static let prior = 30.0

    /// Starts with nothing.
    /// - Parameter wanted: weights; those of all cells are made to 1.
    init(_ wanted: [Double]) {
        let all = wanted.reduce(0, +)
        self.wanted = wanted.map { all > 0 ? $0 / all : 0 }
        self.seen = [Int](repeating: 0, count: wanted.count)
        self.kept = self.seen
    }

    /// The shares that cells can have where a share of the stream is kept at least, and the share of the stream that
    /// is kept then.
    ///
    /// A cell gives at most all that it has; what it lacks is shared among the others by what is wanted of them. So a
    /// template that the source has no queries of takes nothing from the rest.
    func quotas(after count: Int, keepingAtLeast least: Double) -> (shares: [Double], keeps: Double) {
        let all = Double(count) + Self.prior
        let supply = self.wanted.indices.map { (Double(self.seen[$0]) + Self.prior * self.wanted[$0]) / all }
        let caps = self.wanted.indices.map { self.wanted[$0] > 0 ? supply[$0] / least : 0 }
        var shares = self.wanted
        var capped = [Bool](repeating: false, count: shares.count)
        var rest = 1.0
        var changed = true
        while changed {
            changed = false
            var free = 0.0
            for cell in shares.indices where !capped[cell] { free += self.wanted[cell] }
            guard free > 0 else { break }
            let scale = rest / free
            for cell in shares.indices where !capped[cell] {
                shares[cell] = scale * self.wanted[cell]
                guard shares[cell] > caps[cell] else { continue }
                shares[cell] = caps[cell]
                capped[cell] = true
                rest = max(0, rest - caps[cell])
                changed = true
            }
        }
        var keeps = 1.0
        for cell in shares.indices where shares[cell] > 0 { keeps = min(keeps, supply[cell] / shares[cell]) }
        return (shares, keeps)
    }
}
