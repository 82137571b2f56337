// SPDX-License-Identifier: Apache-2.0

import Codecs
import Engine
import Operations
import RecordLog
import Records
import StatusServer
import TaskRooms

/// Answers questions about rejects and dead letters: a search, and one of them.
struct LetterAnswers: Sendable {
    private static let limits = ReadingLimits(records: 200_000, bytes: 256 << 20, seconds: 1.5)
    private static let rowsMax = 60

    private let sources: PageSources

    init(_ sources: PageSources) { self.sources = sources }

    // MARK: Search

    /// The newest letters that fit, within bounds.
    @Sendable func search(_ request: StatusRequest) throws -> StatusAnswer {
        try Question.answering {
            let question = Question(request)
            let topics = try self.topics(question.text("topic"))
            var filter = LetterFilter()
            filter.reason = question.text("reason")
            let text = SampleFilter(text: question.text("text"))
            let (template, video) = (question.text("template"), question.text("video"))
            let start = ContinuousClock.now
            let reading = LetterReading(self.sources.log, limits: Self.limits)
            let rows = try reading.newest(Self.rowsMax, in: topics, filter, .whole) { letter -> LetterRow? in
                let row = LetterRow(letter)
                if let template, row.summary.template != template { return nil }
                if let video, row.summary.video != video { return nil }
                return row.isFit(text) ? row : nil
            }
            return .json(
                LetterDocument.rows(
                    rows, reading.report, seconds: (ContinuousClock.now - start) / .seconds(1),
                    isFull: rows.count == Self.rowsMax))
        }
    }

    /// The topic that is named; else those that stages write their rejects to.
    private func topics(_ name: String?) throws -> [TopicSpecification] {
        let all = try self.sources.log.topics()
        let rejects = Set(try StageNames.read(self.sources.log).stages.compactMap(\.rejects))
        guard let name else { return all.filter { rejects.contains($0.name) } }
        guard rejects.contains(name) || ReservedTopics.name(ofDeadLetters: name) != nil,
            let topic = all.first(where: { $0.name == name })
        else { throw Question.Fault(text: "there is no topic of rejects or dead letters `\(name.cut(to: 80))`") }
        return [topic]
    }

    // MARK: One letter

    /// One letter whole.
    @Sendable func letter(_ request: StatusRequest) throws -> StatusAnswer {
        try Question.answering {
            guard let letter = try self.found(Question(request)) else {
                return .refused(status: 404, text: "this record is no longer there")
            }
            return .json(LetterDocument.letter(letter))
        }
    }

    /// The explanation of one letter, within bounds.
    @Sendable func origin(_ request: StatusRequest) throws -> StatusAnswer {
        try Question.answering {
            guard let letter = try self.found(Question(request)) else {
                return .refused(status: 404, text: "this record is no longer there")
            }
            let record = Record(key: letter.key, value: letter.value, headers: letter.headers)
            let parts = try self.sources.trail(
                FoundLetter(refused: letter.judged, record: record), .now + .seconds(SampleAnswers.lineageSeconds))
            return .json(SampleDocument.explanation(Explanation(headline: "", parts: parts)))
        }
    }

    private func found(_ question: Question) throws -> KeptLetter? {
        let topic = try self.topics(try question.needed("topic"))[0]
        let partition = try question.value("partition", "a number") { Int($0) } ?? 0
        let offset = try question.value("offset", "a number") { Offset($0) } ?? 0
        guard (0..<topic.partitions).contains(partition), offset >= 0 else {
            throw Question.Fault(text: "`\(topic.name)` has no partition \(partition) with an offset \(offset)")
        }
        return try LetterReading(self.sources.log).letter(LetterID(TopicPartition(topic.name, partition), offset))
    }
}
