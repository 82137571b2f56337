// SPDX-License-Identifier: Apache-2.0

import Records

/// The counts of stages at the last looks, from which rates follow: those of commits, so they are the same whatever
/// process shows them.
struct RateBook {
    private struct Look {
        var time: Timestamp
        var recordsIn: Int
        var recordsOut: Int
        var rejected: Int
    }

    /// The milliseconds over which a rate is smoothed: commits come in jumps.
    private static let window: Timestamp = 10_000
    /// The milliseconds after which a look says nothing of now any more.
    private static let staleAfter: Timestamp = 120_000
    /// The most points of a curve, and the milliseconds between two.
    private static let (pointsMax, pointEvery) = (60, Timestamp(4_000))

    private var looks: [String: [Look]] = [:]
    private var curves: [String: (time: Timestamp, points: [Double])] = [:]

    /// Notes the counts of a stage, and answers its rates; `nil` at the first look.
    mutating func rates(
        of group: String, recordsIn: Int, recordsOut: Int, rejected: Int, now: Timestamp
    ) -> StageRates? {
        let look = Look(time: now, recordsIn: recordsIn, recordsOut: recordsOut, rejected: rejected)
        var looks = self.looks[group, default: []].filter { $0.time < now && now - $0.time <= Self.staleAfter }
        // Counts that have gone back are another life of the stage: a group that was reset, a set that was dropped.
        if let last = looks.last, last.recordsIn > recordsIn || last.recordsOut > recordsOut { looks = [] }
        defer {
            // One look older than the window stays, so that a rate is over all of it.
            let old = looks.lastIndex { now - $0.time >= Self.window } ?? 0
            self.looks[group] = Array(looks[old...]) + [look]
        }
        guard let before = looks.last(where: { now - $0.time >= Self.window }) ?? looks.first else { return nil }
        let seconds = Double(now - before.time) / 1000
        let rates = StageRates(
            recordsIn: Double(recordsIn - before.recordsIn) / seconds,
            recordsOut: Double(recordsOut - before.recordsOut) / seconds,
            rejected: max(0, Double(rejected - before.rejected)) / seconds)
        self.note(rates.recordsIn, of: group, now)
        return rates
    }

    private mutating func note(_ rate: Double, of group: String, _ now: Timestamp) {
        var curve = self.curves[group] ?? (time: 0, points: [])
        guard now - curve.time >= Self.pointEvery else { return }
        curve.time = now
        curve.points = Array((curve.points + [rate]).suffix(Self.pointsMax))
        self.curves[group] = curve
    }

    /// Input rates of the last minutes, the newest last.
    func curve(of group: String) -> [Double] { self.curves[group]?.points ?? [] }

    /// Forgets stages that are no longer there.
    mutating func keep(_ groups: Set<String>) {
        self.looks = self.looks.filter { groups.contains($0.key) }
        self.curves = self.curves.filter { groups.contains($0.key) }
    }
}
