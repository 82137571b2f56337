// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import ModelAnswerCache
import Records
import Testing

/// Bytes that differ from those written.
@Suite struct DamagedEntries {
    private let folder: TemporaryFolder
    private let reports = Reports()

    init() throws { self.folder = try TemporaryFolder() }

    private func open() throws -> ResponseCache {
        try self.folder.open { [reports] in $0.onDamage = { reports.add($0) } }
    }

    /// Incompressible, so that the bytes are found in the file as they are.
    private func answer(_ number: Int) -> Bytes { Bytes("<\(ContentHash.sha256("answer \(number)"))>".utf8) }

    private func given(_ number: Int) throws -> CacheEntry {
        var given = try entry(number)
        given.answer = self.answer(number)
        return given
    }

    private func fill(_ count: Int) throws {
        let cache = try self.open()
        _ = try cache.insert((0..<count).map { try self.given($0) })
        cache.close()
    }

    private func change(_ content: (inout Data) throws -> Void) throws {
        let url = URL(fileURLWithPath: self.folder.file)
        var data = try Data(contentsOf: url)
        try content(&data)
        try data.write(to: url)
    }

    private func damageAnswer(_ number: Int) throws {
        try self.change { data in
            let place = try #require(data.range(of: Data(self.answer(number))))
            data[place.lowerBound + 30] ^= 1
        }
    }

    @Test func aDamagedAnswerIsAbsentReportedAndReplaced() throws {
        try self.fill(20)
        try self.damageAnswer(7)
        let cache = try self.open()
        let key = try entry(7).key
        #expect(try cache.lookup(key) == nil)
        #expect(try cache.entry(key) == nil)
        #expect(self.reports.keys == [key, key])
        for number in 0..<20 where number != 7 { #expect(try cache.entry(entry(number).key) == self.given(number)) }
        let verification = try cache.verify()
        #expect(verification.damagedAnswers == [key] && verification.entries == 20 && verification.structure.isEmpty)
        #expect(try cache.insert(try entry(7, answer: "anew")).wasStored)
        #expect(self.reports.keys.count == 3)
        #expect(try cache.lookup(key)?.answer == Bytes("anew".utf8))
        #expect(try cache.verify().isSound)
        #expect(try cache.statistics().total.entries == 20)
    }

    @Test func damagedEntriesArePruned() throws {
        try self.fill(20)
        for number in [3, 11] { try self.damageAnswer(number) }
        let cache = try self.open()
        #expect(try cache.prune(.damaged, isDryRun: true).entries == 2)
        #expect(try cache.verify().damagedAnswers.count == 2)
        #expect(try cache.prune(.damaged).entries == 2)
        #expect(try cache.verify().isSound)
        #expect(try cache.statistics().total.entries == 18)
        #expect(try !cache.contains(entry(3).key))
    }

    @Test func anAnswerUnderAnothersKeyIsDamage() throws {
        try self.fill(4)
        try self.folder.edit(
            """
            UPDATE entry SET (answer, answer_sum, stored_at) =
                (SELECT answer, answer_sum, stored_at FROM entry WHERE id = 2) WHERE id = 3
            """)
        let cache = try self.open()
        #expect(try cache.lookup(entry(2).key) == nil)
        #expect(try cache.verify().damagedAnswers == [entry(2).key])
    }

    @Test func damagedRequestsLeaveTheAnswers() throws {
        try self.fill(10)
        // All requests rest on this row.
        try self.folder.edit("UPDATE base SET content = zeroblob(length(content))")
        let cache = try self.open()
        for number in 0..<10 {
            let found = try cache.entry(entry(number).key)
            #expect(found?.answer == self.answer(number) && found?.request == nil)
        }
        let verification = try cache.verify()
        #expect(verification.damagedAnswers.isEmpty && verification.damagedRequests.count == 10)
        let report = try cache.prune(.damaged)
        #expect(report.entries == 0 && report.requests == 10)
        #expect(try cache.verify().isSound)
        #expect(try cache.lookup(entry(4).key)?.answer == self.answer(4))
        // New requests do not rest on it.
        _ = try cache.insert(try entry(50))
        #expect(try cache.entry(entry(50).key) == entry(50))
    }

    /// Whatever byte of the file changes: an answer is the one that was stored, or absent, or the file says that it is
    /// damaged. Exported answers are right.
    @Test func noByteGivesAWrongAnswer() throws {
        try self.fill(40)
        let url = URL(fileURLWithPath: self.folder.file)
        let original = try Data(contentsOf: url)
        var noticed = 0
        var state: UInt64 = 1
        for round in 0..<120 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            // Behind the header, where SQLite itself looks first.
            let place = 100 + Int(state >> 33) % (original.count - 100)
            var data = original
            data[place] ^= UInt8(1) << UInt8(round % 8)
            try data.write(to: url)
            for suffix in ["-wal", "-shm"] { try? FileManager.default.removeItem(atPath: self.folder.file + suffix) }
            do {
                let cache = try self.open()
                var isWhole = true
                for number in 0..<40 {
                    do {
                        let found = try cache.entry(entry(number).key)
                        if let found { #expect(found.answer == self.answer(number)) }
                        if found?.request != request(number) { isWhole = false }
                        if let request = found?.request { #expect(request == ModelAnswerCacheTests.request(number)) }
                    } catch let error as CacheError where error.code == .corrupt {
                        isWhole = false
                    }
                }
                let file = self.folder.path + "/export"
                let verification = try cache.verify()
                if let report = try? cache.export(to: file) {
                    let lines = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
                    #expect(lines.count == report.entries)
                }
                if !isWhole {
                    #expect(!verification.isSound, "byte \(place)")
                    noticed += 1
                    // And it can be put right, or says what to do.
                    do {
                        _ = try cache.prune(.damaged)
                        for number in 0..<40 { _ = try cache.insert(try self.given(number)) }
                        for number in 0..<40 {
                            #expect(try cache.lookup(entry(number).key)?.answer == self.answer(number))
                        }
                    } catch let error as CacheError {
                        #expect(error.code == .corrupt && error.message.contains("cache export"))
                    }
                }
                cache.close()
            } catch let error as CacheError {
                #expect(error.code == .corrupt, "\(error)")
                noticed += 1
            }
        }
        #expect(noticed > 20)
    }
}
