// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import ModelAnswerCache
import Records
import Testing

/// The files as they are at any instant are a cache with all that was stored.
@Suite struct SurvivingCrashes {
    private let folder: TemporaryFolder

    init() throws { self.folder = try TemporaryFolder() }

    /// The files as a kill at this moment would leave them, in another folder.
    private func copy() throws -> TemporaryFolder {
        let copy = try TemporaryFolder()
        try FileManager.default.createDirectory(atPath: copy.cache, withIntermediateDirectories: true)
        for suffix in ["", "-wal"] where FileManager.default.fileExists(atPath: self.folder.file + suffix) {
            try FileManager.default.copyItem(atPath: self.folder.file + suffix, toPath: copy.file + suffix)
        }
        return copy
    }

    @Test func everyCommitIsDurable() throws {
        let cache = try self.folder.open()
        for number in 0..<40 {
            _ = try cache.insert(try entry(number))
            let copy = try self.copy()
            let found = try copy.open()
            for earlier in 0...number { #expect(try found.entry(entry(earlier).key) == entry(earlier)) }
            #expect(try found.verify().isSound)
            found.close()
        }
        let synchronous = try DatabaseQueue(path: self.folder.file).read { db in
            try String.fetchOne(db, sql: "PRAGMA journal_mode")
        }
        #expect(synchronous == "wal")
    }

    @Test func aTailTornAtAnyByteLosesOnlyWhatWasNotStored() throws {
        let cache = try self.folder.open()
        _ = try cache.insert((0..<5).map { try entry($0) })
        let before = try Data(contentsOf: URL(fileURLWithPath: self.folder.file + "-wal")).count
        _ = try cache.insert(try entry(5))
        let copy = try self.copy()
        let main = try Data(contentsOf: URL(fileURLWithPath: copy.file))
        let wal = try Data(contentsOf: URL(fileURLWithPath: copy.file + "-wal"))
        #expect(wal.count > before)
        var present = 0
        // Every byte around the boundaries of frames, and a step that meets all kinds of places between.
        let cuts = (before...wal.count).filter { cut in
            (cut - before) % 61 == 0 || (cut - before) % 8216 < 26 || wal.count - cut < 30
        }
        for cut in cuts {
            try main.write(to: URL(fileURLWithPath: copy.file))
            try wal.prefix(cut).write(to: URL(fileURLWithPath: copy.file + "-wal"))
            try? FileManager.default.removeItem(atPath: copy.file + "-shm")
            let found = try copy.open()
            for number in 0..<5 { #expect(try found.entry(entry(number).key) == entry(number)) }
            let last = try found.entry(entry(5).key)
            #expect(try last == nil || last == entry(5))
            present += last == nil ? 0 : 1
            #expect(try found.insert(try entry(5)).wasStored == (last == nil))
            found.close()
        }
        #expect(present > 0 && present < cuts.count)
    }

    @Test func creationMayBeCutShortAtAnyByte() throws {
        let cache = try self.folder.open()
        let copy = try self.copy()
        cache.close()
        let main = try Data(contentsOf: URL(fileURLWithPath: copy.file))
        let wal = try Data(contentsOf: URL(fileURLWithPath: copy.file + "-wal"))
        for cut in stride(from: 0, through: wal.count, by: 499) {
            try main.write(to: URL(fileURLWithPath: copy.file))
            try wal.prefix(cut).write(to: URL(fileURLWithPath: copy.file + "-wal"))
            try? FileManager.default.removeItem(atPath: copy.file + "-shm")
            let found = try copy.open()
            #expect(try found.insert(try entry(1)).wasStored)
            found.close()
        }
        // Or before anything was written.
        try Data().write(to: URL(fileURLWithPath: copy.file))
        try? FileManager.default.removeItem(atPath: copy.file + "-wal")
        #expect(try copy.open().insert(try entry(1)).wasStored)
    }

    @Test func aFullDiskLosesNothing() throws {
        let cache = try self.folder.open { $0.fileBytesMax = 400_000 }
        var random = SystemRandomNumberGenerator()
        var stored: [CacheEntry] = []
        let error = try cacheError {
            while stored.count < 1000 {
                var given = try entry(stored.count)
                given.answer = (0..<5000).map { _ in UInt8.random(in: 0...255, using: &random) }
                _ = try cache.insert(given)
                stored.append(given)
            }
        }
        #expect(error.code == .storageFull)
        #expect(error.message.contains("prune") && error.message.contains(self.folder.file))
        #expect(stored.count > 20)
        for given in stored { #expect(try cache.entry(given.key) == given) }
        // Pruning makes room.
        _ = try cache.prune(.entries(before: stored[10].storedAt, model: nil))
        #expect(try cache.insert(try entry(5000)).wasStored)
        #expect(try cache.verify().isSound)
    }

    @Test func aReadOnlyCacheReadsAndDoesNotWrite() throws {
        let error = try cacheError { _ = try self.folder.open { $0.readOnly = true } }
        #expect(error.code == .missing && error.message.contains(self.folder.file))
        #expect(!FileManager.default.fileExists(atPath: self.folder.cache))
        let cache = try self.folder.open()
        _ = try cache.insert(try entry(1))
        let reader = try self.folder.open { $0.readOnly = true }
        #expect(try reader.entry(entry(1).key) == entry(1))
        #expect(try cacheError { _ = try reader.insert(try entry(2)) }.code == .readOnly)
        #expect(try cacheError { _ = try reader.prune(.entries(before: nil, model: "gemma")) }.code == .readOnly)
        #expect(try reader.statistics().total.entries == 1)
        #expect(try reader.verify().isSound)
        _ = try cache.insert(try entry(3))
        #expect(try reader.lookup(entry(3).key) != nil)
    }

    @Test func aFolderThatCannotBeMadeSaysSo() throws {
        try Data().write(to: URL(fileURLWithPath: self.folder.cache))
        let error = try cacheError { _ = try self.folder.open() }
        #expect(error.message.contains(self.folder.cache) && error.message.contains("another home"))
    }

    @Test func aNewerFormatIsRefused() throws {
        try self.folder.open().close()
        try self.folder.edit("PRAGMA user_version = 99")
        for readOnly in [false, true] {
            let error = try cacheError { _ = try self.folder.open { $0.readOnly = readOnly } }
            #expect(error.code == .versionTooNew)
            #expect(error.message.contains("99") && error.message.contains(self.folder.file))
        }
    }

    @Test(arguments: ["hello", String(repeating: "not a database, not at all. ", count: 1000)])
    func whatIsNoCacheIsRefusedUntouched(_ content: String) throws {
        try FileManager.default.createDirectory(atPath: self.folder.cache, withIntermediateDirectories: true)
        try Data(content.utf8).write(to: URL(fileURLWithPath: self.folder.file))
        #expect(try cacheError { _ = try self.folder.open() }.code == .corrupt)
        #expect(try Data(contentsOf: URL(fileURLWithPath: self.folder.file)) == Data(content.utf8))
    }
}
