// SPDX-License-Identifier: Apache-2.0

import Codecs
import RecordLog
import RecordLogTesting
import Records
import Synchronization
import Testing

@testable import Engine

/// Groups come into a topic once, whatever happens on the way.
@Suite struct IngestTests {
    private let world = EngineWorld()
    private let topic = TopicSpecification(name: "narrations", partitions: 3)

    private func ingest(replaces: Bool = false, log: MemoryLog? = nil) throws -> Ingest {
        try Ingest(log: log ?? self.world.log(), topic: self.topic, source: "ego4d", replaces: replaces)
    }

    /// A group of three records; its content stands for its digest.
    private func take(
        _ group: String, _ content: String, by ingest: Ingest, padding: Int = 0
    ) throws(LogError) -> Ingest.Verdict {
        let key = Bytes(group.utf8)
        return try ingest.take(group: "\(group)/1", key: key, digest: ContentHash.sha256(content)) { revision, batch in
            for part in ["video", "narration", "end"] {
                let text = "\(group) \(content) \(revision) \(part)" + String(repeating: ".", count: padding)
                batch.append(key: key, value: Bytes(text.utf8), headers: [])
            }
        }
    }

    /// The records in the topic, by group and in order: content, revision and part.
    private func stored() throws -> [String: [String]] {
        var stored: [String: [String]] = [:]
        for partition in 0..<self.topic.partitions {
            for record in try self.world.records("narrations", partition) {
                let key = record.key ?? []
                #expect(Partitioner.partition(forKey: key, count: self.topic.partitions) == partition)
                let words = String(decoding: record.value ?? [], as: UTF8.self).split(separator: " ").dropFirst()
                stored[String(decoding: key, as: UTF8.self), default: []].append(
                    words.joined(separator: " ").replacing(".", with: ""))
            }
        }
        return stored
    }

    private func whole(_ content: String, _ revision: Int) -> [String] {
        ["video", "narration", "end"].map { "\(content) \(revision) \($0)" }
    }

    @Test("a rerun writes nothing that is there")
    func unchanged() throws {
        for verdict in [Ingest.Verdict.written(revision: 1), .unchanged] {
            let ingest = try self.ingest()
            for group in ["a", "b", "c"] { #expect(try self.take(group, "x", by: ingest) == verdict) }
            #expect(try self.take("a", "x", by: ingest) == .unchanged, "before a commit too")
            try ingest.flush()
            try ingest.flush()
            ingest.close()
        }
        #expect(try self.stored() == ["a": self.whole("x", 1), "b": self.whole("x", 1), "c": self.whole("x", 1)])
    }

    @Test("what an earlier version ingested without details is unchanged, and written again where that is asked for")
    func details() throws {
        func take(_ group: String, _ details: String?, by ingest: Ingest) throws -> Ingest.Verdict {
            let key = Bytes(group.utf8)
            return try ingest.take(group: "\(group)/1", key: key, digest: "d", details: details) { revision, batch in
                batch.append(key: key, value: Bytes("\(group) \(details ?? "none") \(revision) all".utf8), headers: [])
            }
        }
        let old = try self.ingest()
        #expect(try take("a", nil, by: old) == .written(revision: 1))
        #expect(try take("b", nil, by: old) == .written(revision: 1))
        try old.flush()
        old.close()
        let new = try self.ingest()
        #expect(try take("a", "x", by: new) == .withoutDetails)
        #expect(try take("b", nil, by: new) == .unchanged)
        #expect(try take("c", "x", by: new) == .written(revision: 1))
        #expect(try take("c", "x", by: new) == .unchanged)
        #expect(try take("c", "y", by: new) == .refused, "details that are known are content like any other")
        #expect(try take("c", nil, by: new) == .refused)
        try new.flush()
        new.close()
        let replacing = try self.ingest(replaces: true)
        #expect(try take("a", "x", by: replacing) == .written(revision: 2))
        #expect(try take("c", "x", by: replacing) == .unchanged)
        #expect(try take("c", "y", by: replacing) == .written(revision: 2))
        try replacing.flush()
        replacing.close()
        let again = try self.ingest()
        #expect(try take("a", "x", by: again) == .unchanged)
        #expect(try take("a", "z", by: again) == .refused)
        again.close()
        #expect(
            try self.stored() == [
                "a": ["none 1 all", "x 2 all"], "b": ["none 1 all"], "c": ["x 1 all", "y 2 all"],
            ])
    }

    @Test("changed content is refused, and with replacing a revision more")
    func replaced() throws {
        let careful = try self.ingest()
        _ = try self.take("a", "x", by: careful)
        try careful.flush()
        #expect(try self.take("a", "y", by: careful) == .refused)
        #expect(try self.take("b", "y", by: careful) == .written(revision: 1), "one refusal stops nothing")
        try careful.flush()
        careful.close()
        let replacing = try self.ingest(replaces: true)
        #expect(try self.take("a", "y", by: replacing) == .written(revision: 2))
        #expect(try self.take("b", "y", by: replacing) == .unchanged)
        try replacing.flush()
        #expect(try self.take("a", "x", by: replacing) == .written(revision: 3), "back again is a change too")
        try replacing.flush()
        replacing.close()
        #expect(
            try self.stored() == [
                "a": self.whole("x", 1) + self.whole("y", 2) + self.whole("x", 3), "b": self.whole("y", 1),
            ])
    }

    @Test("what the source notes of a group is kept in the ledger, and those who look fence nobody")
    func notes() throws {
        func seen() throws -> [String: String] {
            var seen: [String: String] = [:]
            try Ingest.forEachGroup(of: "narrations", source: "ego4d", in: self.world.log()) { group, revision, note in
                seen[group] = "\(revision) \(String(decoding: note, as: UTF8.self))"
            }
            return seen
        }
        #expect(try seen() == [:], "before any ingest")
        let ingest = try self.ingest(replaces: true)
        func take(_ digest: String, _ note: String) throws -> Ingest.Verdict {
            try ingest.take(group: "a/1", key: [97], digest: digest, note: Bytes(note.utf8)) { _, batch in
                batch.append(key: [97], value: [])
            }
        }
        #expect(try take("x", "") == .written(revision: 1))
        try ingest.keep(problem: "p", reason: "r", message: "m", key: nil, raw: [])
        try ingest.flush()
        #expect(try seen() == ["a/1": "1 "])
        // A note alone changes no revision: the ledger of an earlier version had none.
        #expect(try take("x", "{\"a b\": 1}") == .unchanged)
        try ingest.flush()
        #expect(try seen() == ["a/1": "1 {\"a b\": 1}"])
        #expect(try take("y", "of y") == .written(revision: 2))
        try ingest.flush()
        #expect(try seen() == ["a/1": "2 of y"])
        let next = try self.ingest()
        #expect(try next.take(group: "a/1", key: [97], digest: "y", note: Bytes("of y".utf8)) { _, _ in } == .unchanged)
    }

    @Test("killed on either side of any commit, a rerun brings the rest and nothing twice")
    func crashes() throws {
        for side in LogOperation.Side.allCases {
            for commit in 0..<4 {
                let test = IngestTests()
                let log = test.world.log()
                let killed = try test.ingest(log: log)
                let commits = Mutex(0)
                log.inject { (operation) throws(LogError) in
                    guard operation.kind == .commit, operation.side == side else { return }
                    let isLast = commits.withLock { count in
                        count += 1
                        return count > commit
                    }
                    if isLast { throw LogError(.closed, "killed") }
                }
                let names = ["a", "b", "c", "d"]
                var left = names[...]
                do {
                    while let name = left.first {
                        _ = try test.take(name, "x", by: killed)
                        try killed.flush()
                        left.removeFirst()
                    }
                    Issue.record("it was not killed")
                } catch { #expect(left.count == 4 - commit) }
                log.crash()
                let rerun = try test.ingest()
                let there = commit + (side == .after ? 1 : 0)
                for (number, name) in names.enumerated() {
                    let expected = number < there ? Ingest.Verdict.unchanged : .written(revision: 1)
                    #expect(try test.take(name, "x", by: rerun) == expected, "\(side) commit \(commit): \(name)")
                }
                try rerun.flush()
                #expect(try test.stored() == Dictionary(uniqueKeysWithValues: names.map { ($0, test.whole("x", 1)) }))
            }
        }
    }

    @Test("a commit that failed for now may be tried again")
    func triedAgain() throws {
        let log = self.world.log()
        let ingest = try self.ingest(log: log)
        _ = try self.take("a", "x", by: ingest)
        log.inject { (operation) throws(LogError) in
            if operation.kind == .commit { throw LogError(.unavailable, "busy") }
        }
        #expect(throws: LogError.self) { try ingest.flush() }
        log.inject(nil)
        try ingest.flush()
        #expect(try self.stored() == ["a": self.whole("x", 1)])
    }

    @Test("a second ingest of a source fences the first, which says so; another source does not")
    func fencing() throws {
        let first = try self.ingest()
        _ = try self.take("a", "x", by: first)
        let other = try Ingest(log: self.world.log(), topic: self.topic, source: "goalstep", replaces: false)
        _ = try self.take("other", "x", by: other)
        try other.flush()
        let second = try self.ingest()
        #expect(try self.take("a", "x", by: second) == .written(revision: 1), "the first has committed nothing")
        let error = #expect(throws: LogError.self) { try first.flush() }
        #expect(error?.code == .fenced && error?.message.contains("another ingest of ego4d") == true)
        try second.flush()
        #expect(try self.stored() == ["a": self.whole("x", 1), "other": self.whole("x", 1)])
    }

    @Test("problems are kept once, with their record, over any number of runs")
    func problems() throws {
        for run in 0..<3 {
            let ingest = try self.ingest()
            for problem in ["p", "q", "p"] {
                let isKnown = ingest.hasKept(problem: problem)
                #expect(isKnown == (run > 0) || problem == "p")
                try ingest.keep(
                    problem: problem, reason: "bad-time", message: "no time in \(problem)", key: problem,
                    raw: Bytes("{\"time\":null}".utf8), offset: 7)
                #expect(ingest.hasKept(problem: problem))
            }
            try ingest.flush()
            ingest.close()
        }
        let letters = try (0..<3).flatMap { try self.world.values("narrations.dead-letters", $0) }
            .map { try JSONValue(parsing: $0.utf8) }
        #expect(Set(letters.compactMap { $0["message"]?.string }) == ["no time in p", "no time in q"])
        #expect(letters.count == 2)
        for letter in letters {
            #expect(letter["topology"]?.string == "ingest" && letter["stage"]?.string == "ego4d")
            #expect(letter["step"]?.string == "read" && letter["reason"]?.string == "bad-time")
            #expect(letter["offset"] == .int(7) && letter["value"]?.string == "{\"time\":null}")
        }
    }

    @Test("a group is never seen in part, however large the groups and however they fall into commits")
    func visibility() throws {
        let log = self.world.log()
        let reading = self.world.log()
        let seen = Mutex((commits: 0, torn: 0))
        log.inject { (operation) throws(LogError) in
            guard operation.kind == .commit, operation.subject.hasPrefix("ingest.") else { return }
            var torn = 0
            for partition in 0..<3 {
                let place = TopicPartition("narrations", partition)
                let batch = try reading.makeReader(of: place, from: 0).read(recordsMax: 10_000, bytesMax: 1 << 30)
                let texts = (0..<batch.count).map { batch.records.value(at: $0)?.split(separator: 0x2e).first ?? [] }
                let begun = texts.count { $0.suffix(5).elementsEqual("video".utf8) }
                let ended = texts.count { $0.suffix(3).elementsEqual("end".utf8) }
                if begun != ended || batch.count != 3 * begun { torn += 1 }
            }
            seen.withLock { state in
                state.commits += 1
                state.torn += torn
            }
        }
        let ingest = try self.ingest(log: log)
        // Three records of a mebibyte each: groups straddle the eight mebibytes of a transaction.
        for number in 0..<12 { _ = try self.take("group-\(number)", "x", by: ingest, padding: 1 << 20) }
        #expect(seen.withLock { $0.commits } >= 8, "both sides of four commits, without any flush")
        try ingest.flush()
        #expect(seen.withLock { $0.torn } == 0)
        #expect(try self.stored().count == 12)
    }

    @Test("a topic of other partitions is refused, and so is a ledger that nobody wrote")
    func conflicts() throws {
        _ = try self.ingest()
        let other = TopicSpecification(name: "narrations", partitions: 4)
        let conflict = #expect(throws: LogError.self) {
            try Ingest(log: self.world.log(), topic: other, source: "ego4d", replaces: false)
        }
        #expect(conflict?.code == .topicConflict)
        var transaction = Transaction()
        transaction.state = [StateChange(key: Bytes("a/1".utf8), value: Bytes("scribble".utf8))]
        try self.world.log().makeWriter(id: "ingest.narrations.ego4d").commit(transaction)
        let corrupt = #expect(throws: LogError.self) { try self.ingest() }
        #expect(corrupt?.code == .corrupt && corrupt?.message.contains("scribble") == true)
    }
}
