// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import Fuzzing
import Records
import Testing

@testable import ModelAnswerCache

/// Broken lines to import, and broken files of a cache.
@Suite struct CacheFuzzTests {
    @Test func linesAreReadBackAsTheyAreWrittenOrRefused() throws {
        var binary = try entry(2)
        binary.answer = [0xff, 0x00, 0xfe]
        binary.request = nil
        let seeds = try [CacheLine.encode(entry(1)), CacheLine.encode(binary)]
        for input in Fuzz("cache-line", seeds: seeds, tokens: .json) {
            guard let read = try? CacheLine.decode(input.bytes) else {
                try #require(!input.isSeed, "\(input)")
                continue
            }
            try #require(try CacheLine.decode(CacheLine.encode(read)) == read, "\(input)")
        }
    }

    @Test func importsOfBrokenFiles() throws {
        let folder = try TemporaryFolder()
        let source = try folder.open()
        _ = try source.insert((0..<3).map { try entry($0) })
        let (plain, packed) = (folder.path + "/a.jsonl", folder.path + "/a.jsonl.zst")
        _ = try source.export(to: plain)
        _ = try source.export(to: packed)
        source.close()
        let seeds = try [plain, packed].map { Bytes(try Data(contentsOf: URL(fileURLWithPath: $0))) }
        let target = try ResponseCache(folder: folder.path + "/target")
        for input in Fuzz("cache-import", seeds: seeds, tokens: .json) {
            try Data(input.bytes).write(to: URL(fileURLWithPath: plain))
            let before = target.counters.stored
            let imported = try? target.import(from: plain, onBadLine: { _ in })
            if input.number < seeds.count { try #require(imported != nil, "\(input)") }
            try #require(target.counters.stored >= before, "\(input)")
        }
        // Whatever was tried before, what the sound file held is there.
        try Data(seeds[0]).write(to: URL(fileURLWithPath: plain))
        _ = try target.import(from: plain, onBadLine: { _ in })
        for number in 0..<3 { #expect(try target.lookup(entry(number).key) != nil) }
        target.close()
    }

    /// Each answer is what was stored, or absent.
    @Test func aBrokenDatabaseAnswersWhatWasStoredOrNothing() throws {
        let folder = try TemporaryFolder()
        let entries = try (0..<30).map { try entry($0) }
        let cache = try folder.open()
        _ = try cache.insert(entries)
        cache.close()
        let whole = Bytes(try Data(contentsOf: URL(fileURLWithPath: folder.file)))
        for input in Fuzz("cache-file", seeds: [whole], tokens: .numbers, bytesMax: whole.count + 4096) {
            for suffix in ["-wal", "-shm"] { try? FileManager.default.removeItem(atPath: folder.file + suffix) }
            try Data(input.bytes).write(to: URL(fileURLWithPath: folder.file))
            guard let cache = try? folder.open({ $0.readOnly = true }) else {
                try #require(!input.isSeed, "\(input)")
                continue
            }
            defer { cache.close() }
            for entry in entries {
                guard let found = try? cache.entry(entry.key) else { continue }
                try #require(found.answer == entry.answer, "\(input)")
                try #require(found.request == nil || found.request == entry.request, "\(input)")
            }
        }
    }

    @Test func anEntryThatIsNotAcceptedIsReplacedOnceAndReported() async throws {
        let folder = try TemporaryFolder()
        let reports = Reports()
        let cache = try folder.open { $0.onDamage = { reports.add($0) } }
        let (bad, good) = (try entry(1, answer: "bad"), try entry(1, answer: "good"))
        _ = try cache.insert(bad)
        for _ in 0..<2 {
            let found = try await cache.answer(for: bad.key, accepting: { $0.answer != bad.answer }) { good }
            #expect(found.answer == good.answer)
        }
        #expect(reports.keys == [bad.key])
        #expect(cache.counters.stored == 2 && cache.counters.beaten == 0 && cache.counters.hits == 1)
        #expect(try cache.entry(bad.key) == good)
        // Another process was faster: its answer counts, and takes nobody's place.
        let other = try entry(1, answer: "other")
        #expect(try await cache.store(other, replacing: bad.withoutRequest).entry.answer == good.answer)
        cache.close()
    }
}
