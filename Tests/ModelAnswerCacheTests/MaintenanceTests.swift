// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import ModelAnswerCache
import Records
import Testing

/// Counting, removing, and moving from cache to cache.
@Suite struct LookingAfterTheCache {
    private let folder: TemporaryFolder
    private let cache: ResponseCache

    init() throws {
        self.folder = try TemporaryFolder()
        self.cache = try self.folder.open()
    }

    private func fill(_ count: Int = 100) throws {
        _ = try self.cache.insert((0..<count).map { try entry($0, model: $0 % 4 == 0 ? "smol" : "gemma") })
    }

    @Test func statisticsAddUp() throws {
        #expect(try self.cache.statistics().total == CacheStatistics.Group())
        try self.fill()
        let statistics = try self.cache.statistics()
        #expect(statistics.total.entries == 100)
        #expect(statistics.models.mapValues(\.entries) == ["smol": 25, "gemma": 75])
        let entries = try (0..<100).map { try entry($0) }
        #expect(statistics.total.answerBytes == entries.reduce(0) { $0 + $1.answer.count })
        #expect(statistics.total.requestBytes == entries.reduce(0) { $0 + ($1.request?.count ?? 0) })
        #expect(statistics.total.storedBytes < statistics.total.requestBytes / 10)
        #expect(statistics.total.oldest == 1_750_000_000_000 && statistics.total.newest == 1_750_000_000_099)
        #expect(statistics.models["smol"]?.newest == 1_750_000_000_096)
        #expect(statistics.fileBytes > statistics.total.storedBytes)
    }

    @Test func pruningRemovesWhatItIsAskedTo() throws {
        try self.fill()
        let time: Timestamp = 1_750_000_000_050
        let dry = try self.cache.prune(.entries(before: time, model: "smol"), isDryRun: true)
        #expect(dry.entries == 13)
        #expect(try self.cache.statistics().total.entries == 100)
        #expect(try self.cache.prune(.entries(before: time, model: "smol")) == dry)
        for number in 0..<100 {
            #expect(try self.cache.contains(entry(number).key) == !(number < 50 && number % 4 == 0))
        }
        #expect(try self.cache.prune(.entries(before: nil, model: "gemma")).entries == 75)
        #expect(try self.cache.statistics().total.entries == 12)
        #expect(try self.cache.prune(.entries(before: .max, model: nil)).entries == 12)
        #expect(try self.cache.verify().isSound)
        // Removed entries may be stored again.
        #expect(try self.cache.insert(try entry(3, answer: "other")).wasStored)
    }

    @Test func pruningGivesRoomBack() throws {
        var random = SystemRandomNumberGenerator()
        for start in stride(from: 0, to: 1000, by: 100) {
            _ = try self.cache.insert(
                (start..<start + 100).map { number in
                    var given = try entry(number)
                    given.answer = (0..<4000).map { _ in UInt8.random(in: 0...255, using: &random) }
                    return given
                })
        }
        _ = try self.cache.prune(.entries(before: .max, model: nil))
        self.cache.close()
        #expect(try self.folder.open().statistics().fileBytes < 200_000)
    }

    @Test func pruningStopsWhenToldTo() throws {
        try self.fill(1000)
        let report = try self.cache.prune(.entries(before: .max, model: nil)) { $0 < 300 }
        #expect(report.wasStopped && report.entries == 512)
        #expect(try self.cache.statistics().total.entries == 488)
        #expect(try self.cache.verify().isSound)
    }

    @Test func pruningAndStoringGoOnTogether() async throws {
        try self.fill(2000)
        let other = try self.folder.open()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [cache] in _ = try cache.prune(.entries(before: 1_750_000_002_000, model: nil)) }
            group.addTask { for number in 5000..<5200 { _ = try await other.store(try entry(number)) } }
            try await group.waitForAll()
        }
        #expect(try other.statistics().total.entries == 200)
        #expect(try other.verify().isSound)
    }

    // MARK: Export and import

    private func lines(_ file: String) throws -> [Substring] {
        try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
    }

    @Test(arguments: ["answers.jsonl", "answers.jsonl.zst"])
    func whatIsExportedIsImported(_ name: String) throws {
        try self.fill(1000)
        var odd = try entry(2000, answer: "tab\t, quote \", null \0, ü, \u{2028}")
        odd.request = nil
        var binary = try entry(2001)
        binary.answer = [0xff, 0xfe, 0, 0x80]
        var empty = try entry(2002, answer: "", model: "mo\"del\n")
        empty.storedAt = -5
        _ = try self.cache.insert([odd, binary, empty])
        let file = self.folder.path + "/" + name
        #expect(try self.cache.export(to: file)?.entries == 1003)
        let target = try TemporaryFolder()
        let copy = try target.open()
        let report = try copy.import(from: file) { Issue.record("\($0)") }
        #expect(report.stored == 1003 && report.present == 0 && report.refused == 0)
        for given in [odd, binary, empty] { #expect(try copy.entry(given.key) == given) }
        // Equal byte for byte when exported again, though compressed in other pieces perhaps.
        let plain = self.folder.path + "/plain", again = self.folder.path + "/again"
        _ = try self.cache.export(to: plain)
        _ = try copy.export(to: again)
        #expect(try Data(contentsOf: URL(fileURLWithPath: plain)) == Data(contentsOf: URL(fileURLWithPath: again)))
        #expect(try self.lines(plain).count == 1003)
        #expect(try copy.import(from: file) { Issue.record("\($0)") }.present == 1003)
        let files = try FileManager.default.contentsOfDirectory(atPath: self.folder.path)
        #expect(!files.contains { $0.hasSuffix(".partial") })
    }

    @Test func importKeepsTheFirstAnswer() throws {
        let file = self.folder.path + "/answers"
        let source = try TemporaryFolder()
        let other = try source.open()
        _ = try other.insert([try entry(1, answer: "theirs"), try entry(2)])
        _ = try other.export(to: file)
        _ = try self.cache.insert(try entry(1, answer: "ours"))
        let report = try self.cache.import(from: file) { Issue.record("\($0)") }
        #expect(report.stored == 1 && report.present == 1)
        #expect(try self.cache.lookup(entry(1).key)?.answer == Bytes("ours".utf8))
    }

    @Test func badLinesAreNamedAndTheOthersImported() throws {
        let key = try entry(1).key
        let other = try entry(2).key
        let bad = [
            "not json", "[]", "{}", #"{"key":"abc","model":"m","stored_at":1,"answer":"a"}"#,
            #"{"key":"\#(key)","model":"m","stored_at":"soon","answer":"a"}"#,
            #"{"key":"\#(key)","model":"m","stored_at":1}"#,
            #"{"key":"\#(key)","model":"m","stored_at":1,"answer":{"base64":"*"}}"#,
            #"{"key":"\#(key)","model":"m","stored_at":1,"answer":"a","request":"another"}"#,
            #"{"key":"\#(key)","model":"m","stored_at":1,"answer":"cut sh"#,
        ]
        let good = #"{"key":"\#(other)","model":"m","stored_at":1,"answer":"good","later":[1]}"#
        let file = self.folder.path + "/lines"
        try Data((bad + ["", good]).joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: file))
        var problems: [String] = []
        let report = try self.cache.import(from: file) { problems.append($0) }
        #expect(report.stored == 1 && report.refused == bad.count)
        #expect(problems.count == bad.count)
        for (index, problem) in problems.enumerated() { #expect(problem.hasPrefix("\(file):\(index + 1): ")) }
        #expect(problems[7].contains("is not the SHA-256 of its request"))
        #expect(try self.cache.lookup(other)?.answer == Bytes("good".utf8))
        #expect(try self.cache.lookup(key) == nil)
    }

    @Test func aFileCutShortSaysSoAndKeepsWhatCameBefore() throws {
        try self.fill(1000)
        let file = self.folder.path + "/a.zst"
        _ = try self.cache.export(to: file)
        let data = try Data(contentsOf: URL(fileURLWithPath: file))
        try data.prefix(data.count - 10).write(to: URL(fileURLWithPath: file))
        let target = try TemporaryFolder()
        let copy = try target.open()
        let error = try cacheError { _ = try copy.import(from: file) { Issue.record("\($0)") } }
        #expect(error.code == .corrupt && error.message.contains(file))
        #expect(try copy.verify().isSound)
        #expect(try cacheError { _ = try copy.import(from: file + "x") { _ in } }.code == .missing)
        #expect(try cacheError { _ = try copy.export(to: self.folder.path + "/no/such") }.code == .missing)
    }

    @Test func aStoppedExportLeavesNoFile() throws {
        try self.fill(1000)
        let file = self.folder.path + "/a"
        try Data("before".utf8).write(to: URL(fileURLWithPath: file))
        #expect(try self.cache.export(to: file) { $0 < 500 } == nil)
        #expect(try String(contentsOfFile: file, encoding: .utf8) == "before")
        #expect(try FileManager.default.contentsOfDirectory(atPath: self.folder.path).sorted() == ["a", "cache"])
    }
}
