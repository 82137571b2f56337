// SPDX-License-Identifier: Apache-2.0

import Operations
import RecordLog
import RecordLogTesting
import Records
import Synchronization
import Testing

@Suite("Reading letters")
struct LetterReadingTests {
    /// Three thousand letters in two partitions, one a second; each tenth is of another reason.
    private static func log(hasOffsetGaps: Bool = false) throws -> MemoryLog {
        let clock = Mutex<Timestamp>(1_000_000)
        let storage = MemoryLog.Storage(hasOffsetGaps: hasOffsetGaps) { clock.withLock { $0 } }
        let log = MemoryLog(storage: storage)
        try log.createTopic(TopicSpecification(name: "t.dead-letters", partitions: 2))
        try log.createTopic(TopicSpecification(name: "t", partitions: 2))
        let writer = try log.makeWriter(id: "w")
        for number in 0..<3_000 {
            clock.withLock { $0 += 1_000 }
            let reason = number % 10 == 0 ? "rare" : "common"
            let letter = Record(
                key: "k", value: #"{"reason":"\#(reason)","stage":"s","kind":"dead","message":"\#(number)"}"#)
            var transaction = Transaction()
            transaction.outputs = [
                .init(topic: "t.dead-letters", partition: number % 2, records: RecordBatch([letter]))
            ]
            try writer.commit(transaction)
        }
        return log
    }

    @Test("the newest come first, over all partitions", arguments: [false, true])
    func newest(gaps: Bool) throws {
        let log = try Self.log(hasOffsetGaps: gaps)
        let topics = try LetterReading.deadLetterTopics(in: log)
        #expect(topics.map(\.name) == ["t.dead-letters"])
        let all = try LetterReading(log).newest(5, in: topics, LetterFilter(), .head, { $0.message })
        #expect(all == ["2999", "2998", "2997", "2996", "2995"])
        var filter = LetterFilter()
        filter.reason = "rare"
        let rare = try LetterReading(log).newest(300, in: topics, filter, .head) { Int($0.message) }
        #expect(rare == stride(from: 2_990, through: 0, by: -10).map { $0 })
        filter.since = 1_000_000 + 2_981_000
        #expect(try LetterReading(log).newest(300, in: topics, filter, .head, { $0.message }) == ["2990", "2980"])
        filter.reason = "none"
        #expect(try LetterReading(log).newest(300, in: topics, filter, .head, { $0.message }).isEmpty)
    }

    @Test("a reading keeps its bounds, and says where it was cut short")
    func bounds() throws {
        let log = try Self.log()
        let topics = try LetterReading.deadLetterTopics(of: "t", in: log)
        let whole = try LetterSummary(of: topics, in: log)
        #expect(whole.groups.map(\.letters) == [2_700, 300])
        #expect(whole.groups.map(\.open) == [2_700, 300])
        #expect(whole.groups.map({ $0.message }) == ["2999", "2990"])
        #expect(!whole.report.isCutShort)
        #expect(whole.report.records == 3_000)
        for limits in [ReadingLimits(records: 100), ReadingLimits(bytes: 6_000), ReadingLimits(seconds: 0)] {
            let part = try LetterSummary(of: topics, in: log, limits: limits)
            #expect(part.report.isCutShort)
            #expect(part.report.records <= 100)
        }
        let reading = LetterReading(log, limits: ReadingLimits(records: 100))
        #expect(try reading.newest(5_000, in: topics, LetterFilter(), .head, { $0.message }).count == 100)
        #expect(reading.report.isCutShort)
    }

    @Test("a letter is found by its name, and no other is")
    func letter() throws {
        let log = try Self.log(hasOffsetGaps: true)
        let topics = try log.topics().map { (name: $0.name, partitions: $0.partitions) }
        var ids: [LetterID] = []
        try LetterReading(log).forEach(in: LetterReading.deadLetterTopics(in: log), .head) { letter in
            ids.append(letter.id)
            return ids.count < 50
        }
        for id in ids {
            #expect(LetterID(parsing: id.description, among: topics) == id)
            #expect(try LetterReading(log).letter(id)?.id == id)
        }
        let end = try #require(ids.last).offset
        let offsets = Set(ids.map(\.offset))
        let gap = try #require((0..<end).first { !offsets.contains($0) })
        #expect(try LetterReading(log).letter(LetterID(ids[0].partition, gap)) == nil)
        #expect(try LetterReading(log).letter(LetterID(ids[0].partition, 1 << 40)) == nil)
    }
}
