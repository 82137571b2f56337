// SPDX-License-Identifier: Apache-2.0

import Codecs
import Conversations
import Records

/// The score that ProAssist gives a dialogue: how near its turns are to the beginnings and ends of steps, in seconds,
/// and how many questions stay unanswered. It says nothing of content.
public struct TimeScore: Hashable, Sendable {
    /// P: the mean over turns of the distance to the nearest beginning or end of a line.
    public var turnDistance: Double
    /// R: the mean over beginnings of the distance to the nearest turn.
    public var lineDistance: Double
    /// N: the user's questions, but for a last turn, that no assistant's turn follows within two seconds.
    public var unanswered: Int

    /// Creates a score.
    public init(turnDistance: Double, lineDistance: Double, unanswered: Int) {
        self.turnDistance = turnDistance
        self.lineDistance = lineDistance
        self.unanswered = unanswered
    }

    /// A tenth for each unanswered question.
    public var penalty: Double { Double(self.unanswered) * 0.1 }
    /// Ten less the distances and the penalty; without lower bound.
    public var total: Double { 10 - (self.turnDistance + self.lineDistance + self.penalty) }

    /// The times of an activity that turns are held against.
    struct LineTimes: Hashable {
        /// The beginnings.
        var starts: [Double] = []
        /// The beginnings and ends.
        var all: [Double] = []

        /// The times of lines, rounded to a decimal as prompts show them: from the data, so that no bracket in a
        /// narration is one.
        init(of lines: [ActivityLine]) {
            for line in lines {
                self.starts.append(Self.rounded(line.start))
                self.all.append(Self.rounded(line.start))
                if let end = line.end { self.all.append(Self.rounded(end)) }
            }
        }

        private static func rounded(_ time: Double) -> Double { Double(ActivityLine.seconds(time)) ?? time }

        /// The times in all brackets of printed steps, as the original finds them: `[1.0s-2.0s]`, `[3.0s]`, and
        /// whatever else stands in brackets.
        /// - Returns: `nil` where the original gives up: a bracket has two hyphens.
        init?(inBracketsOf text: String) {
            var rest = text[...]
            while let open = rest.firstIndex(of: "[") {
                let behind = rest.index(after: open)
                guard let close = rest[behind...].firstIndex(of: "]") else { break }
                let inner = rest[behind..<close]
                rest = rest[rest.index(after: close)...]
                // The pattern stops at a line's end.
                if inner.contains(where: \.isNewline) {
                    rest = text[behind...]
                    continue
                }
                let parts = inner.split(separator: "-", omittingEmptySubsequences: false)
                if parts.count > 2 { return nil }
                let numbers = parts.map { PythonText.float($0.dropLast()) }
                guard !numbers.contains(nil) else { continue }
                let times = numbers.compactMap { $0 }
                self.all += times
                self.starts.append(times[0])
            }
        }
    }

    /// Scores a dialogue.
    /// - Returns: `nil` where there are no turns, no lines, or the score is no finite number.
    init?(_ turns: [DialogueTurn], against times: LineTimes) {
        guard !turns.isEmpty, !times.starts.isEmpty, !times.all.isEmpty else { return nil }
        let talk = turns.map(\.time)
        self.turnDistance = talk.reduce(0) { $0 + Self.distance($1, times.all) } / Double(turns.count)
        self.lineDistance = times.starts.reduce(0) { $0 + Self.distance($1, talk) } / Double(times.starts.count)
        self.unanswered = turns.indices.dropLast().count { index in
            let (turn, next) = (turns[index], turns[index + 1])
            guard turn.role == .user, turn.content.hasSuffix("?") else { return false }
            return next.role != .assistant || next.time - turn.time > 2
        }
        guard self.total.isFinite else { return nil }
    }

    private static func distance(_ time: Double, _ others: [Double]) -> Double {
        others.reduce(.infinity) { min($0, abs($1 - time)) }
    }

    /// Writes the `quality` object, under the original's names, with a judge's scores beside.
    func write(to json: inout JSONWriter, judge: JudgeScores? = nil) {
        json.beginObject()
        json.field("avg_time_diff_p", self.turnDistance)
        json.field("avg_time_diff_r", self.lineDistance)
        json.field("no_resp_penalty", self.penalty)
        json.field("no_resp_user_turns", self.unanswered)
        json.field("final_score", self.total)
        if let judge {
            json.key("judge")
            judge.write(to: &json)
        }
        json.endObject()
    }

    init(json: inout JSONScanner) throws(JSONError) {
        var (turns, lines): (Double?, Double?)
        var unanswered = 0
        try json.beginObject()
        while let key = try json.nextKey() {
            if key == "avg_time_diff_p" {
                turns = try json.double()
            } else if key == "avg_time_diff_r" {
                lines = try json.double()
            } else if key == "no_resp_user_turns" {
                unanswered = try json.int(in: JSONScanner.counts)
            } else {
                try json.skip()
            }
        }
        guard let turns, let lines, turns.isFinite, lines.isFinite else {
            throw JSONError("`quality` wants finite `avg_time_diff_p` and `avg_time_diff_r`", offset: json.offset)
        }
        self.init(turnDistance: turns, lineDistance: lines, unanswered: unanswered)
    }
}
