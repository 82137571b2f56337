// SPDX-License-Identifier: Apache-2.0

import Operations
import RecordLog
import Records
import Synchronization

/// Dead letters by reason. They are counted anew where some have come, and not at every look.
final class LetterBook: Sendable {
    private struct State {
        var ends: [TopicPartition: Range<Offset>] = [:]
        var letters: [PageState.Letters] = []
        var time: Timestamp?
    }

    /// The milliseconds between two counts: retries change how many are open without another letter.
    private static let (newsEvery, anywayEvery) = (Timestamp(4_000), Timestamp(30_000))
    private static let limits = ReadingLimits(records: 50_000, bytes: 64 << 20, seconds: 0.5)
    private static let reasonsMax = 100

    private let log: any RecordLog
    private let state = Mutex(State())

    init(_ log: any RecordLog) { self.log = log }

    /// The dead letters of all topologies and ingests.
    func letters(_ now: Timestamp) throws -> [PageState.Letters] {
        let topics = try LetterReading.deadLetterTopics(in: self.log)
        var ends: [TopicPartition: Range<Offset>] = [:]
        for topic in topics {
            for partition in (0..<topic.partitions).map({ TopicPartition(topic.name, $0) }) {
                ends[partition] = try self.log.offsets(of: partition)
            }
        }
        return try self.state.withLock { state in
            let age = state.time.map { now - $0 } ?? .max
            guard age >= (state.ends == ends ? Self.anywayEvery : Self.newsEvery) else { return state.letters }
            state.letters = try topics.map { topic in
                let records = ends.filter { $0.key.topic == topic.name }.values.reduce(0) { $0 + $1.count }
                let summary = try LetterSummary(of: [topic], in: self.log, limits: Self.limits)
                return try self.letters(of: topic.name, records: records, summary)
            }
            state.ends = ends
            state.time = now
            return state.letters
        }
    }

    private func letters(
        of topic: String, records: Int, _ summary: LetterSummary
    ) throws -> PageState.Letters {
        let name = ReservedTopics.name(ofDeadLetters: topic) ?? topic
        let groups = summary.groups.sorted { ($1.open, $1.letters, $0.name) < ($0.open, $0.letters, $1.name) }
        let reasons = try groups.prefix(Self.reasonsMax).map { group in
            var reason = PageState.Reason(
                name: group.name.reason, stage: group.name.stage, step: group.name.step, count: group.letters,
                open: group.open, newest: group.last, example: group.message)
            if group.open > 0 {
                let newest = try LetterReading(self.log).letter(group.newest)
                reason.remedy = newest.flatMap { RetryPlan.refusal(of: $0) }?.message
                reason.command = reason.remedy == nil ? Self.command(of: name, group.name.reason) : nil
            }
            return reason
        }
        return PageState.Letters(
            topic: topic, name: name, records: records, reasons: reasons, isPartial: summary.report.isCutShort)
    }

    /// The command that retries the letters of a reason. Anybody may write a reason, so one that a shell would read as
    /// more than a word is put in quotes.
    static func command(of name: String, _ reason: String) -> String {
        "millrace dead-letters retry \(Self.word(name)) --reason \(Self.word(reason))"
    }

    private static func word(_ text: String) -> String {
        let isPlain =
            !text.isEmpty && !text.hasPrefix("-")
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                    true
                default: false
                }
            }
        return isPlain ? text : "'" + text.replacing("'", with: "'\\''") + "'"
    }

    /// The records that a topic holds.
    static func records(of name: String, in log: any RecordLog) throws -> Int {
        guard let topic = try log.topics().first(where: { $0.name == name }) else { return 0 }
        return try (0..<topic.partitions).reduce(0) { try $0 + log.offsets(of: TopicPartition(name, $1)).count }
    }
}
