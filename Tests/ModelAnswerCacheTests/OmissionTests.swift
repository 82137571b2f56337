// SPDX-License-Identifier: Apache-2.0

import Foundation
import Records
import Testing

@testable import ModelAnswerCache

/// The parts of a request that a server refused are kept with its answer.
@Suite struct OmissionTests {
    private let folder: TemporaryFolder

    init() throws { self.folder = try TemporaryFolder() }

    private func given(_ number: Int, without omitted: [String]) throws -> CacheEntry {
        var given = try entry(number)
        given.omitted = omitted
        return given
    }

    /// Every set of parts.
    private func all() throws -> [CacheEntry] {
        try (0..<1 << Omissions.names.count).map { bits in
            try self.given(
                bits, without: Omissions.names.indices.filter { bits & 1 << $0 != 0 }.map { Omissions.names[$0] })
        }
    }

    @Test func theyComeBackAndGoFromCacheToCache() throws {
        let cache = try self.folder.open()
        let all = try self.all()
        _ = try cache.insert(all)
        for given in all {
            #expect(try cache.lookup(given.key) == given.withoutRequest)
            #expect(try cache.entry(given.key) == given)
        }
        #expect(try cache.verify().isSound)
        let file = self.folder.path + "/export.jsonl"
        _ = try cache.export(to: file)
        let lines = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
        #expect(!lines[0].contains("omitted"), "nothing was")
        #expect(lines[1 << 2 | 1 << 4].contains(#""omitted":["seed","response_format"]"#))
        let other = try TemporaryFolder()
        let copy = try other.open()
        #expect(try copy.import(from: file, onBadLine: { Issue.record("\($0)") }).stored == all.count)
        for given in all { #expect(try copy.entry(given.key) == given) }
    }

    @Test func rowsOfOlderProgramsHaveNoneAndOlderProgramsReadTheirsOfOurs() throws {
        let cache = try self.folder.open()
        let given = try self.given(1, without: ["seed", "max_tokens"])
        _ = try cache.insert(given)
        cache.close()
        // An older program writes these two bits and looks at no other; the checksum is the same for both.
        try self.folder.edit("UPDATE entry SET codec = codec & 3")
        let again = try self.folder.open()
        let found = try #require(try again.entry(given.key))
        #expect(found.omitted.isEmpty && found.answer == given.answer && found.request == given.request)
        #expect(try again.verify().isSound)
    }

    @Test(arguments: ["codec & ~4", "codec & ~65536", "codec | 32", "codec | (1 << 20)"])
    func damagedBitsAreDamage(change: String) throws {
        let given = try self.given(1, without: ["temperature", "top_p", "seed"])
        let cache = try self.folder.open()
        _ = try cache.insert(given)
        cache.close()
        try self.folder.edit("UPDATE entry SET codec = \(change)")
        let again = try self.folder.open()
        #expect(try again.lookup(given.key) == nil)
        #expect(try again.verify().damagedAnswers == [given.key])
    }

    @Test func anUnknownPartIsRefused() throws {
        let cache = try self.folder.open()
        let error = try cacheError { _ = try cache.insert(try self.given(1, without: ["seed", "verve"])) }
        #expect(error.code == .invalidArgument && error.message.contains("`verve`") && error.message.contains("seed"))
        let file = self.folder.path + "/lines.jsonl"
        var line = String(decoding: CacheLine.encode(try self.given(2, without: ["seed"])), as: UTF8.self)
        line = line.replacingOccurrences(of: #"["seed"]"#, with: #"["soul"]"#)
        try line.write(toFile: file, atomically: true, encoding: .utf8)
        var told: [String] = []
        let report = try cache.import(from: file, onBadLine: { told.append($0) })
        #expect(report.refused == 1 && report.stored == 0)
        #expect(told.first?.contains("lines.jsonl:1") == true && told.first?.contains("`soul`") == true)
    }
}
