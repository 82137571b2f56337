// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Records

/// Points in time as these commands write and read them.
enum CacheTime {
    /// `2026-01-01T12:00:00Z`
    static func text(_ time: Timestamp) -> String {
        Date(timeIntervalSince1970: Double(time) / 1000).formatted(.iso8601)
    }

    /// Reads a day, a moment, or an age.
    static func parse(_ text: String) throws -> Timestamp {
        let day = text.wholeMatch(of: /\d{4}-\d{2}-\d{2}/) != nil
        if let date = try? Date(day ? text + "T00:00:00Z" : text, strategy: .iso8601) {
            return Timestamp(date.timeIntervalSince1970 * 1000)
        }
        let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800]
        if let unit = text.last.flatMap({ units[$0] }), let count = Int64(text.dropLast()),
            (0...1_000_000_000).contains(count)
        {
            return Timestamp(Date().timeIntervalSince1970 * 1000) - count * unit * 1000
        }
        throw ValidationError(
            "“\(text)” is no time: write 2026-01-01, 2026-01-01T12:00:00Z, or an age such as 90d, 12h or 30m.")
    }
}
