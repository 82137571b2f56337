// SPDX-License-Identifier: Apache-2.0

import Records

/// A token bucket over source records, for `--max-rate`. Holds at most a tenth of a second's worth.
struct RateLimit {
    let perSecond: Double
    private var tokens: Double
    private var updated: Timestamp

    /// Between one record in eleven days and what no machine reads, so that neither counts nor times can overflow.
    private static let bounds = 1e-6...1e9

    init(perSecond: Double, now: Timestamp) {
        self.perSecond = min(max(perSecond, Self.bounds.lowerBound), Self.bounds.upperBound)
        self.tokens = 0
        self.updated = now
    }

    private var capacity: Double { max(1, self.perSecond / 10) }

    /// The number of records that may be read now.
    mutating func available(now: Timestamp) -> Int {
        if now > self.updated {
            self.tokens = min(self.capacity, self.tokens + Double(now - self.updated) / 1000 * self.perSecond)
            self.updated = now
        }
        return Int(self.tokens)
    }

    /// Takes what was read.
    mutating func take(_ count: Int) { self.tokens -= Double(count) }

    /// The time at which at least one record may be read again.
    func nextTime(now: Timestamp) -> Timestamp {
        let missing = 1 - self.tokens
        return missing <= 0 ? now : now + max(1, Timestamp((missing / self.perSecond * 1000).rounded(.up)))
    }
}
