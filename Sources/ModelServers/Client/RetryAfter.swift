// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1

/// The time at which a server wants to be asked again (RFC 9110, section 10.2.3).
enum RetryAfter {
    /// Seconds from now; `nil` if the server does not say, or says it illegibly.
    ///
    /// A date is compared with the answer's own `Date`, so that two clocks that differ do no harm.
    static func seconds(_ headers: HTTPHeaders, now: Double) -> Double? {
        if let text = headers.first(name: "retry-after-ms"), let value = self.number(text) { return value / 1000 }
        guard let text = headers.first(name: "retry-after") else { return nil }
        if let value = self.number(text) { return value }
        guard let date = self.date(text) else { return nil }
        let reference = headers.first(name: "date").flatMap { self.date($0) } ?? now
        return max(0, date - reference)
    }

    private static func number(_ text: String) -> Double? {
        let digits = text.filter { !$0.isWhitespace }
        guard let first = digits.utf8.first, UInt8(ascii: "0")...UInt8(ascii: "9") ~= first,
            let value = Double(digits), value.isFinite
        else { return nil }
        return value
    }

    /// `Sun, 06 Nov 1994 08:49:37 GMT` in seconds since 1970; of the three forms of an HTTP date the only one that may
    /// still be written.
    static func date(_ text: String) -> Double? {
        let fields = text.split(whereSeparator: { $0 == " " || $0 == "," || $0 == ":" })
        guard fields.count == 8, fields[7] == "GMT", let day = Int(fields[1]), let year = Int(fields[3]),
            let month = self.months.firstIndex(of: String(fields[2])), let hour = Int(fields[4]),
            let minute = Int(fields[5]), let second = Int(fields[6]), 1...31 ~= day, 1970...9999 ~= year,
            0...23 ~= hour, 0...59 ~= minute, 0...60 ~= second
        else { return nil }
        let days = self.daysSince1970(year: year, month: month + 1, day: day)
        return Double(days * 86400 + hour * 3600 + minute * 60 + second)
    }

    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// The days of the Gregorian calendar, counted in years that begin in March (Hinnant, "chrono-compatible low-level
    /// date algorithms", `days_from_civil`).
    private static func daysSince1970(year: Int, month: Int, day: Int) -> Int {
        let year = month <= 2 ? year - 1 : year
        let era = year / 400
        let yearOfEra = year - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
