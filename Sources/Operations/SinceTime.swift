// SPDX-License-Identifier: Apache-2.0

import Foundation
public import Records

/// A time as `--since` takes it: so long ago, `90s`, `30m`, `2h`, `3d`, `2w`, or a time, `2026-11-01T00:00:00Z`,
/// `2026-11-01T00:00`, `2026-11-01`, in UTC unless it says otherwise.
public enum SinceTime {
    private static let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800]

    /// The forms, for messages.
    public static let forms = "2h, 3d, 2026-11-01 or 2026-11-01T00:00:00Z"

    /// Reads a time, in milliseconds since 1970; `nil` for what is none.
    /// - Parameter now: the present, in the same unit.
    public static func parse(_ text: String, now: Timestamp) -> Timestamp? {
        if let unit = text.last.flatMap({ self.units[$0] }) {
            let digits = text.dropLast()
            guard !digits.isEmpty, digits.utf8.allSatisfy({ 0x30...0x39 ~= $0 }), let count = Int64(digits),
                count <= now / 1000 / unit
            else { return nil }
            return now - count * unit * 1000
        }
        guard text.utf8.count <= 40 else { return nil }
        let candidates = [text, text + "Z", text + ":00Z", text + "T00:00:00Z"]
        let date = candidates.lazy.compactMap(self.date).first
        guard let seconds = date?.timeIntervalSince1970, 0...253_402_300_799 ~= seconds else { return nil }
        return Timestamp(seconds * 1000)
    }
    /// A date of the form; the parser alone takes 25:00 for one o'clock of the next day.
    private static func date(_ text: String) -> Date? {
        let local = String(text.prefix(19)) + "Z"
        guard let plain = try? Date(local, strategy: .iso8601), plain.formatted(.iso8601) == local else {
            return nil
        }
        return try? Date(text, strategy: .iso8601)
    }
}
