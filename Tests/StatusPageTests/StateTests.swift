// SPDX-License-Identifier: Apache-2.0

import Codecs
import RecordLog
import Records
import Telemetry
import Testing

@testable import StatusPage

@Suite("State of the page") struct StateTests {
    @Test func `rates are those of ten seconds, and commits that come in jumps do not make them jump`() {
        var book = RateBook()
        #expect(book.rates(of: "g", recordsIn: 0, recordsOut: 0, rejected: 0, now: 0) == nil)
        var last: StageRates?
        for second in 1...30 {
            // All records of five seconds at once.
            let records = second / 5 * 500
            last = book.rates(
                of: "g", recordsIn: records, recordsOut: records / 2, rejected: 0, now: Timestamp(second) * 1000)
        }
        #expect(last == StageRates(recordsIn: 100, recordsOut: 50, rejected: 0))
        #expect(book.curve(of: "g").count > 3)
    }

    @Test func `counts that went back are another life of the stage`() {
        var book = RateBook()
        _ = book.rates(of: "g", recordsIn: 1_000, recordsOut: 0, rejected: 0, now: 0)
        #expect(book.rates(of: "g", recordsIn: 10, recordsOut: 0, rejected: 0, now: 1_000) == nil)
        #expect(book.rates(of: "g", recordsIn: 20, recordsOut: 0, rejected: 0, now: 2_000)?.recordsIn == 10)
        book.keep([])
        #expect(book.rates(of: "g", recordsIn: 20, recordsOut: 0, rejected: 0, now: 3_000) == nil)
    }

    @Test func `a partition that nobody has committed waits whole`() {
        let (one, other) = (TopicPartition("t", 0), TopicPartition("t", 1))
        let group = GroupDescription(
            group: "n.s", members: [.init(id: "m", location: "h", partitions: [one, other])],
            commits: [.init(partition: one, committed: CommittedOffset(4), time: 7)])
        let stage = PageState.Stage(group) { $0 == one ? 0..<10 : 3..<5 }
        #expect(stage.lag == 8)
        #expect(stage.members == 1)
        #expect(stage.lastCommit == 7)
        #expect(stage.from == ["t"])
    }

    @Test func `a trainer's curve grows with its steps and not with the looks at it`() {
        var book = TrainerBook()
        var figures = ProcessFigures(
            .init(instance: "i", role: "train", name: "nlq", host: "h", pid: 7, start: 0), at: 0)
        var trainer = TrainerFigures(name: "train", set: "nlq")
        for step in [1, 1, 2, 2, 3] {
            trainer.step = step
            trainer.losses = [.init("total", 1 / Double(step))]
            figures.trainers = [trainer]
            _ = book.trainers([figures])
        }
        let shown = book.trainers([figures])
        #expect(shown.first?.values.first { $0.name == "total" }?.history == [1, 0.5, 1.0 / 3])
        #expect(book.trainers([]).isEmpty)
    }

    @Test func `the document is JSON whatever is in it`() throws {
        var state = PageState()
        state.waits = [
            .init(who: "\u{202e}\u{1b}[31m", what: "\"", since: 1, message: String(repeating: "é", count: 9_000))
        ]
        state.topologies = [.init(name: "n", letters: nil, stages: [.init(name: "s", group: "n.s")])]
        let value = try JSONValue(parsing: state.json)
        #expect(value["waits"]?.array?.first?["who"]?.string == "\u{202e}\u{1b}[31m")
        #expect((value["waits"]?.array?.first?["message"]?.string ?? "").count == 2_001)
        #expect(value["topologies"]?.array?.first?["stages"]?.array?.first?["output"] == .null)
        for key in ["processes", "sets", "trainers", "dead_letters", "rejects", "models", "problems"] {
            #expect(value[key]?.array?.isEmpty == true)
        }
    }
}
