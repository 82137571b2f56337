// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Engine
import Foundation
import Operations
import Records

/// Options by which letters and rejects are chosen.
struct LetterOptions: ParsableArguments {
    @Option(help: "Only those with this reason code.")
    var reason: String?

    @Option(help: "Only those of this stage, or of this source of an ingest.")
    var stage: String?

    @Option(help: ArgumentHelp("Only those since then: \(SinceTime.forms).", valueName: "time"))
    var since: String?

    @Option(help: "At most this many.")
    var limit: Int?

    func validate() throws {
        if let limit, limit < 1 { throw ValidationError("--limit wants at least 1, and not \(limit).") }
        if let since, self.sinceTime == nil {
            throw ValidationError("--since wants a time, \(SinceTime.forms), and not `\(since)`.")
        }
    }

    private var sinceTime: Timestamp? { self.since.flatMap { SinceTime.parse($0, now: Engine.systemClock()) } }

    /// Tells whether nothing is chosen by them.
    var isEmpty: Bool { self.reason == nil && self.stage == nil && self.since == nil }

    /// The choice.
    var filter: LetterFilter {
        var filter = LetterFilter()
        filter.reason = self.reason
        filter.stage = self.stage
        filter.since = self.sinceTime
        return filter
    }

    /// The options as they would be written.
    var words: String {
        [("--stage", self.stage), ("--reason", self.reason), ("--since", self.since)]
            .compactMap { name, value in value.map { "\(name) \($0)" } }.joined(separator: " ")
    }
}

/// Times as tables show them: in UTC, to the minute.
enum ShownTime {
    static func minute(_ time: Timestamp) -> String { String(self.second(time).prefix(16)) }

    static func second(_ time: Timestamp) -> String {
        // Whoever wrote the log may have put any number there.
        guard 0...253_402_300_799_000 ~= time else { return "no time" }
        let date = Date(timeIntervalSince1970: Double(time) / 1000)
        return date.formatted(.iso8601).replacing("T", with: " ")
    }
}
