// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import RecordLog
import Records
import Testing

@testable import Shards

/// The same operations on a real folder and on a simulated one.
@Suite("ShardStorage") struct FileShardStorageTests {
    private func write(_ bytes: Bytes, to name: String, in storage: any ShardStorage) throws {
        let file = try storage.create(name)
        try bytes.withUnsafeBytes { try file.append($0) }
        try file.synchronize()
        try file.close()
        try file.close()
    }

    private func check(_ storage: any ShardStorage) throws {
        #expect(try storage.list() == [])
        try self.write([1, 2, 3, 4], to: "a", in: storage)
        #expect(#expect(throws: ShardError.self) { try storage.create("a") }?.code == .nameTaken)
        try self.write([5], to: "b", in: storage)
        let taken = #expect(throws: ShardError.self) { try storage.rename("a", to: "b", replacing: false) }
        #expect(taken?.code == .nameTaken)
        try storage.rename("a", to: "c", replacing: false)
        try storage.rename("b", to: "c", replacing: true)
        try storage.synchronizeFolder()
        #expect(try storage.list() == ["c"])
        let content = try storage.open("c")
        #expect(content.size == 1)
        #expect(try content.read(0..<1) == [5])
        #expect(try content.read(1..<1) == [])
        #expect(#expect(throws: ShardError.self) { try content.read(0..<2) }?.code == .corrupt)
        #expect(throws: ShardError.self) { try content.read(-1..<1) }
        let missing = #expect(throws: ShardError.self) { try storage.rename("x", to: "y", replacing: false) }
        #expect(missing?.code == .missing)
        #expect(#expect(throws: ShardError.self) { try storage.open("x") }?.code == .missing)
        try storage.remove("c")
        try storage.remove("c")
        #expect(try storage.list() == [])
    }

    @Test func `a folder and its simulation keep one contract`() throws {
        let folder = try TemporaryFolder()
        try self.check(folder.storage)
        try self.check(SimulatedShardStorage())
    }

    @Test func `folders are created with those above them`() throws {
        let folder = try TemporaryFolder()
        let storage = FileShardStorage(folder: "\(folder.path)/deep/er")
        let error = #expect(throws: ShardError.self) { try storage.create("a") }
        #expect(error?.code == .missing)
        #expect(error?.message.contains("deep/er/a") == true)
        #expect(throws: ShardError.self) { try storage.list() }
        #expect(throws: ShardError.self) { try storage.synchronizeFolder() }
        try storage.createFolder()
        try storage.createFolder()
        #expect(try storage.list() == [])

        try self.write([1], to: "file", in: folder.storage)
        for path in ["\(folder.path)/file", "\(folder.path)/file/below"] {
            #expect(throws: ShardError.self) { try FileShardStorage(folder: path).createFolder() }
        }
    }

    @Test func `a full disk is told from other failures`() throws {
        let file = try PosixShardFile(path: "/dev/full", flags: 1)
        let error = #expect(throws: ShardError.self) { try [1, 2].withUnsafeBytes { try file.append($0) } }
        #expect(error?.code == .storageFull)
        #expect(error?.sinkError.isStorageFull == true)
        #expect(error?.message.contains("/dev/full") == true)
        #expect(SystemFailure("write", "x", number: EROFS).error.code == .readOnly)
        #expect(SystemFailure("write", "x", number: EACCES).error.code == .readOnly)
        #expect(SystemFailure("write", "x", number: EIO).error.sinkError.isStorageFull == false)
    }

    @Test func `a crash takes what was not made durable, by what the seed says`() throws {
        var outcomes: Set<[String: Bytes]> = []
        for loss in [.everything, .nothing] + (0..<200).map({ SimulatedShardStorage.Loss.some(seed: $0) }) {
            let storage = SimulatedShardStorage()
            try self.write([1], to: "durable", in: storage)
            try storage.synchronizeFolder()
            let file = try storage.create("late")
            try Bytes([7, 7]).withUnsafeBytes { try file.append($0) }
            storage.crash()
            #expect(throws: ShardError.self) { try storage.list() }
            #expect(throws: ShardError.self) { try file.synchronize() }
            storage.restart(losing: loss)
            #expect(throws: ShardError.self) { try file.synchronize() }
            #expect(storage.bytes(of: "durable") == [1])
            var files: [String: Bytes] = [:]
            for name in try storage.list() { files[name] = storage.bytes(of: name) }
            outcomes.insert(files)
            if loss == .everything { #expect(files == ["durable": [1]]) }
            if loss == .nothing { #expect(files == ["durable": [1], "late": [7, 7]]) }
        }
        // Lost; or there and empty, zeroed, cut, cut and zeroed, or whole.
        #expect(outcomes.count == 6)
    }
}
