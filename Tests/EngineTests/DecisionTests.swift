// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import RecordLog
import Records
import Testing
import Topologies

@testable import Engine

/// Every combination of facts that matters, against the rules that must always hold.
@Suite struct TaskDecisionTests {
    private static let limits = CommitLimits(records: 10, bytes: 100, seconds: 1)

    private static var allFacts: [TaskFacts] {
        var all: [TaskFacts] = []
        let sinks: [TaskFacts.Sink?] = [
            nil, .init(isOpen: false, due: nil, deadline: nil), .init(isOpen: true, due: nil, deadline: nil),
            .init(isOpen: true, due: nil, deadline: 5_500), .init(isOpen: true, due: .samples, deadline: nil),
            .init(isOpen: true, due: .seconds, deadline: 4_000),
        ]
        for sink in sinks {
            for stop in [nil, TaskFacts.Stop.afterCommit, .atOnce] {
                for (position, records, bytes, since) in [
                    (0, 0, 0, nil), (3, 0, 0, nil), (3, 3, 10, 4_990), (3, 3, 10, 4_000), (3, 3, 10, 3_000),
                    (12, 10, 10, 4_990),
                    (3, 3, 100, 4_990),
                ] as [(Offset, Int, Int, Timestamp?)] {
                    for bits in 0..<256 {
                        var facts = TaskFacts(now: 5_000, position: position, committed: 0)
                        (facts.pendingRecords, facts.pendingBytes, facts.pendingSince) = (records, bytes, since)
                        (facts.sink, facts.stop) = (sink, stop)
                        facts.hasUnbegun = bits & 1 != 0
                        facts.mayBegin = bits & 2 != 0
                        facts.inFlight = bits & 4 != 0 ? 2 : 0
                        facts.isAtEnd = bits & 8 != 0
                        facts.throttledUntil = bits & 16 != 0 ? 5_100 : nil
                        facts.closeAtEnd = bits & 32 != 0
                        facts.underWay = bits & 64 != 0 ? 2 : 0
                        facts.drainsUntil = stop == nil ? nil : bits & 128 != 0 ? 5_400 : 5_000
                        all.append(facts)
                    }
                }
            }
        }
        return all
    }

    @Test func whateverTheFactsTheRulesHold() {
        var seen: Set<String> = []
        for facts in Self.allFacts {
            let action = TaskDecision.next(facts, limits: Self.limits)
            seen.insert(String("\(action)".prefix(6)))
            if facts.stop == .atOnce {
                #expect(action == .stop, "a lost partition is left at once")
                continue
            }
            switch action {
            case .commit(let reason):
                #expect(facts.position > facts.committed || facts.sink?.isOpen == true, "a commit covers something")
                #expect(
                    (reason != nil) == (facts.sink?.isOpen == true),
                    "an open shard is committed with its offsets or not at all")
            case .work: #expect(facts.hasUnbegun && facts.mayBegin && facts.stop == nil)
            case .read:
                #expect(
                    !facts.hasUnbegun && facts.mayBegin && !facts.isAtEnd && facts.throttledUntil == nil
                        && facts.stop == nil)
            case .stop:
                #expect(facts.stop == .afterCommit)
                #expect(
                    facts.position == facts.committed || facts.sink?.isOpen == true,
                    "what is finished is committed first")
                #expect(facts.underWay == 0 || facts.drainsUntil == 5_000, "what is asked may come back, for a while")
            case .wait(let until):
                let mayDrain = facts.underWay > 0 && facts.drainsUntil == 5_400
                #expect(facts.stop == nil || mayDrain, "a task that is told to stop waits for what it has asked alone")
                if facts.stop != nil { #expect(until.map { $0 > facts.now && $0 <= 5_400 } == true) }
                if let until { #expect(until > facts.now - 2_001) }
            }
        }
        #expect(seen.count == 5, "every action occurs")
    }

    @Test func aShardIsClosedAsSoonAsItIsDue() {
        var facts = TaskFacts(now: 0, position: 5, committed: 0)
        facts.hasUnbegun = true
        facts.sink = .init(isOpen: true, due: .samples, deadline: nil)
        #expect(TaskDecision.next(facts, limits: Self.limits) == .commit(.samples))
    }

    @Test func theLastShardIsClosedOnlyAtTheEndOfEverything() {
        var facts = TaskFacts(now: 0, position: 5, committed: 0)
        facts.isAtEnd = true
        facts.sink = .init(isOpen: true, due: nil, deadline: 700)
        #expect(TaskDecision.next(facts, limits: Self.limits) == .wait(until: 700))
        facts.closeAtEnd = true
        #expect(TaskDecision.next(facts, limits: Self.limits) == .commit(.idle))
        facts.inFlight = 1
        #expect(TaskDecision.next(facts, limits: Self.limits) == .wait(until: 700))
    }

    @Test func aTaskThatEndsWaitsForWhatItHasAskedAndCommitsWhatIsFinishedMeanwhile() {
        var facts = TaskFacts(now: 1_000, position: 3, committed: 3)
        (facts.stop, facts.underWay, facts.drainsUntil) = (.afterCommit, 2, 6_000)
        #expect(TaskDecision.next(facts, limits: Self.limits) == .wait(until: 6_000))
        (facts.position, facts.pendingRecords, facts.pendingSince) = (4, 1, 990)
        #expect(TaskDecision.next(facts, limits: Self.limits) == .wait(until: 1_040), "more may be finished just now")
        facts.now = 1_040
        #expect(TaskDecision.next(facts, limits: Self.limits) == .commit(nil))
        (facts.committed, facts.pendingSince, facts.now) = (4, nil, 6_000)
        #expect(TaskDecision.next(facts, limits: Self.limits) == .stop, "no longer than it may")
    }

    @Test func recordsAtTheEndWaitForCompanyAndNoLonger() {
        var facts = TaskFacts(now: 1_000, position: 1, committed: 0)
        (facts.pendingRecords, facts.pendingSince, facts.isAtEnd) = (1, 980, true)
        #expect(TaskDecision.next(facts, limits: Self.limits) == .wait(until: 1_030))
        facts.now = 1_030
        #expect(TaskDecision.next(facts, limits: Self.limits) == .commit(nil))
    }
}

@Suite struct IdleDecisionTests {
    private func stage(_ name: String, _ upstream: [String], _ done: Bool) -> IdleDecision.Progress {
        IdleDecision.Progress(stage: name, upstream: upstream, isCommittedToEnd: done)
    }

    @Test func stagesEndUpstreamFirst() {
        let stages = [("a", []), ("b", ["a"]), ("c", ["b"])] as [(String, [String])]
        for bits in 0..<8 {
            let done = (0..<3).map { bits & 1 << $0 != 0 }
            let verdict = IdleDecision.decide(zip(stages, done).map { self.stage($0.0, $0.1, $1) })
            #expect(verdict.closing.contains("a"))
            #expect(verdict.closing.contains("b") == done[0])
            #expect(verdict.closing.contains("c") == (done[0] && done[1]))
            #expect(verdict.isComplete == (bits == 7))
        }
    }
}

@Suite struct SmallDecisionTests {
    @Test func deadLettersCountInARowOnly() {
        var limit = DeadLetterLimit(max: 3)
        var share = DeadLetterLimit.Share()
        let reached = [true, true, false, true, true, true].map { limit.take(isDeadLetter: $0, &share) }
        #expect(reached == [false, false, false, false, false, true])
        #expect(limit.inARow == 3 && limit.committed == 0)
        let mayCommit = limit.commit(&share)
        #expect(!mayCommit, "nothing of the row that stops the stage is committed any more")
        let isStillReached = limit.take(isDeadLetter: false, &share)
        #expect(isStillReached, "and nothing behind it counts")
    }

    @Test func aRowOfDeadLettersIsAllTasksAndKnowsWhatIsCommitted() {
        var limit = DeadLetterLimit(max: 5)
        var tasks = Array(repeating: DeadLetterLimit.Share(), count: 3)
        func take(_ task: Int, _ isDead: Bool) -> Bool { limit.take(isDeadLetter: isDead, &tasks[task]) }
        func commit(_ task: Int) -> Bool { limit.commit(&tasks[task]) }
        // The third task's row is over when the first has a record that is none.
        let before = [take(2, true), take(0, false), take(0, true), take(0, true)]
        #expect(before == [false, false, false, false])
        // Committed records count once.
        let commits = [commit(0), commit(0)]
        #expect(commits == [true, true])
        #expect(limit.committed == 2)
        let row = [take(1, true), take(1, true), take(0, true)]
        #expect(row == [false, false, true])
        #expect(limit.inARow == 5 && limit.committed == 2)
        let after = [commit(0), commit(1), commit(2)]
        #expect(after == [false, false, true], "the row that the third has part in is over")
        #expect(limit.committed == 2)
    }

    @Test func theRateIsKeptOverAnySecond() {
        var limit = RateLimit(perSecond: 500, now: 0)
        var taken: [Int] = []
        for now in Timestamp(0)..<10_000 {
            let count = limit.available(now: now)
            limit.take(count)
            taken.append(count)
        }
        let total = taken.reduce(0, +)
        #expect(4_990...5_000 ~= total)
        for start in stride(from: 0, to: 9_000, by: 97) {
            #expect(taken[start..<start + 1_000].reduce(0, +) <= 551, "a second and a bucket at most")
        }
    }

    @Test func anIdleBucketSaysWhenToComeBack() {
        var limit = RateLimit(perSecond: 2, now: 0)
        #expect(limit.available(now: 0) == 0)
        #expect(limit.nextTime(now: 0) == 500)
        #expect(limit.available(now: 500) == 1)
    }

    @Test func theFinishedPrefixMovesAndCommits() {
        var prefix = FinishedPrefix(committed: 10)
        prefix.finish(next: 11, now: 5)
        prefix.finish(next: 15, now: 6)
        #expect(prefix.position == 15 && prefix.pendingRecords == 2 && prefix.pendingSince == 5)
        prefix.commit(15)
        prefix.pass(to: 20)
        #expect(prefix.committed == 15 && prefix.position == 20 && prefix.pendingRecords == 0)
        prefix.pass(to: 3)
        #expect(prefix.position == 20)
    }

    @Test func metadataReadsBackAndStaysWithinKafkasLimit() throws {
        var metadata = TaskMetadata(stageHash: ContentHash.sha256("x"))
        for number in 0..<1_000 { metadata.counts["validate.some-reason-\(number)"] = number }
        metadata.recordsIn = 7
        #expect(metadata.text.utf8.count <= 4_096)
        let read = try TaskMetadata(parsing: metadata.text)
        #expect(read.recordsIn == 7 && read.stageHash == metadata.stageHash)
        #expect(
            read.counts.values.reduce(0, +) == metadata.counts.values.reduce(0, +), "nothing is dropped from the total")
    }
}

@Suite struct DeadLetterEnvelopeTests {
    private let envelope = DeadLetterEnvelope(topology: "t", stage: "s")
    private let letter = Letter(
        kind: .dead, step: "window", reason: "no-gap", message: "m", origin: 7, value: Bytes(#"{"a":1}"#.utf8))

    private func written(_ record: Record?) throws -> JSONValue {
        let letter = self.envelope.write(
            self.letter, source: TopicPartition("in", 3), record: record, recordBytesMax: 8 << 20)
        #expect(letter.key == record?.key)
        #expect((letter.value?.count ?? 0) < 8 << 20)
        return try JSONValue(parsing: letter.value ?? [])
    }

    @Test func saysWhoAndWhyAndKeepsTheRecord() throws {
        let json = try self.written(Record(key: "k", value: "{}", headers: [Header("h", "1"), Header("h", [0xff])]))
        for (key, value) in [
            ("topology", "t"), ("stage", "s"), ("step", "window"), ("reason", "no-gap"), ("message", "m"),
            ("topic", "in"),
            ("key", "k"), ("value", "{}"),
        ] { #expect(json[key]?.string == value) }
        #expect(json["partition"] == .int(3) && json["offset"] == .int(7) && json["truncated"] == .bool(false))
        #expect(json["verdict_on"]?["a"] == .int(1))
        #expect(json["headers"]?.array?[1]["value_base64"]?.string == "/w==")
    }

    @Test func keepsBytesThatAreNoText() throws {
        let json = try self.written(Record(key: [0xff], value: [0xfe, 0x00]))
        #expect(json["key_base64"]?.string == "/w==" && json["value_base64"]?.string == "/gA=")
        #expect(try self.written(Record(key: nil as Bytes?, value: nil))["value"] == .null)
        #expect(try self.written(nil)["value"] == .null)
    }

    @Test func aRecordTooLargeIsCutAndMarked() throws {
        let json = try self.written(Record(key: Bytes("k".utf8), value: Bytes(repeating: 0x01, count: 8 << 20)))
        #expect(json["truncated"] == .bool(true) && json["value_bytes"] == .int(8 << 20))
    }
}
