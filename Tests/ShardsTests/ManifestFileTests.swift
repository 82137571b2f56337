// SPDX-License-Identifier: Apache-2.0

import Codecs
import RecordLog
import Records
import Testing

@testable import Shards

/// The list of a partition's committed shards that lies beside them.
@Suite("ManifestFile") struct ManifestFileTests {
    private static let name = "manifest-3.jsonl"

    private static func entry(_ sequence: Int) -> ManifestEntry {
        let file = ShardName(name: "nlq", partition: 3, sequence: sequence, epoch: 1).file
        return ManifestEntry(
            file: file, partition: 3, sequence: sequence, epoch: 1, bytes: 100, uncompressedBytes: 900, samples: 9,
            frames: 1, sha256: String(repeating: "a", count: 64), last: LineIdentity(), reason: .samples,
            topologyHash: "t", zstdVersion: "1.5.7", level: 3, firstOffset: 0, lastOffset: 1)
    }

    private static func entries(_ count: Int) -> [ManifestEntry] { (0..<count).map(self.entry) }

    private static func file(
        _ storage: any ShardStorage, epoch: Int64, committed: @escaping ManifestFile.Committed = { [] },
        told: @escaping (ShardError) -> Void = { Issue.record($0) }
    ) -> ManifestFile {
        let file = ManifestFile(
            storage: storage, header: ManifestFileHeader(name: "nlq", partition: 3, partitions: 4, epoch: epoch),
            committed: committed)
        file.onLag = told
        return file
    }

    private static func text(_ storage: any ShardStorage) throws -> String {
        let content = try storage.open(self.name)
        return String(decoding: try content.read(0..<content.size), as: UTF8.self)
    }

    private static func expected(epoch: Int64, _ entries: [ManifestEntry]) -> String {
        let header = #"{"manifest":"nlq","version":1,"partition":3,"partitions":4,"epoch":\#(epoch)}"#
        return ([header] + entries.map { String(decoding: $0.json, as: UTF8.self) }).map { $0 + "\n" }.joined()
    }

    /// Calls a body with the storage of a real folder, and with a simulated one.
    private func onBoth(_ body: (any ShardStorage) throws -> Void) throws {
        let folder = try TemporaryFolder()
        try body(folder.storage)
        try body(SimulatedShardStorage())
    }

    @Test func `it is whole when it is taken over, and grows by a line a commit`() throws {
        try self.onBoth { storage throws in
            let file = Self.file(storage, epoch: 1)
            file.open(listing: [])
            #expect(try Self.text(storage) == Self.expected(epoch: 1, []))
            for sequence in 0..<3 { file.append(Self.entry(sequence)) }
            #expect(try Self.text(storage) == Self.expected(epoch: 1, Self.entries(3)))
            Self.file(storage, epoch: 2).open(listing: Self.entries(4))
            #expect(try Self.text(storage) == Self.expected(epoch: 2, Self.entries(4)))
            #expect(try storage.list() == [Self.name])
        }
    }

    @Test func `a commit costs a line, however many shards there are`() throws {
        let storage = SimulatedShardStorage()
        let file = Self.file(storage, epoch: 1) {
            Issue.record("read again"); return []
        }
        file.open(listing: Self.entries(10_000))
        let before = storage.operationCount
        file.append(Self.entry(10_000))
        #expect(storage.operationCount - before == 2, "one write, one synchronisation")
        #expect(try Self.text(storage) == Self.expected(epoch: 1, Self.entries(10_001)))
    }

    @Test func `what a former owner still appends is never seen`() throws {
        try self.onBoth { storage throws in
            let former = Self.file(storage, epoch: 1) { Self.entries(1) }
            former.open(listing: [])
            let later = Self.file(storage, epoch: 2)
            later.open(listing: Self.entries(1))
            later.append(Self.entry(1))
            var told: [ShardError] = []
            former.onLag = { told.append($0) }
            for _ in 0..<3 { former.append(Self.entry(0)) }
            #expect(told.map(\.code) == [.nameTaken], "it is told once, and gives up")
            later.append(Self.entry(2))
            #expect(try Self.text(storage) == Self.expected(epoch: 2, Self.entries(3)))
            #expect(try storage.list() == [Self.name])
        }
    }

    @Test func `a former owner that comes to its opening late leaves the later one's file`() throws {
        try self.onBoth { storage throws in
            let later = Self.file(storage, epoch: 7)
            later.open(listing: Self.entries(5))
            for epoch in [Int64(0), 6, 7] {
                var told: [String] = []
                Self.file(storage, epoch: epoch, told: { told.append($0.message) }).open(listing: Self.entries(2))
                #expect(told.count == 1)
                #expect(told.first?.contains("of a later owner") == true)
                #expect(told.first?.contains(Self.name) == true)
            }
            later.append(Self.entry(5))
            #expect(try Self.text(storage) == Self.expected(epoch: 7, Self.entries(6)))
            #expect(try storage.list() == [Self.name])
        }
    }

    @Test func `a file that was taken away or written over comes back with the next commit`() throws {
        try self.onBoth { storage throws in
            var count = 0
            let file = Self.file(storage, epoch: 1) { Self.entries(count) }
            file.open(listing: [])
            let damages: [(any ShardStorage) throws -> Void] = [
                { try $0.remove(Self.name) },
                { storage in
                    try storage.remove(Self.name)
                    let stray = try storage.create(Self.name)
                    try Bytes("[] no manifest".utf8).withRawBytes { try stray.append($0) }
                    try stray.close()
                },
            ]
            for damage in damages {
                try damage(storage)
                count += 1
                file.append(Self.entry(count - 1))
                #expect(try Self.text(storage) == Self.expected(epoch: 1, Self.entries(count)))
            }
        }
    }

    @Test(arguments: 0..<6)
    func `a fault is told of, and the next commit mends it`(operation: Int) throws {
        let storage = SimulatedShardStorage()
        var count = 0
        var told = 0
        let file = Self.file(storage, epoch: 1, committed: { Self.entries(count) }, told: { _ in told += 1 })
        file.open(listing: [])
        let start = storage.operationCount
        storage.schedule(.storageFull, atOperation: start + operation)
        for _ in 0..<4 {
            count += 1
            file.append(Self.entry(count - 1))
        }
        #expect(told == 1)
        #expect(try Self.text(storage) == Self.expected(epoch: 1, Self.entries(4)))
        #expect(try storage.list() == [Self.name])
    }

    @Test func `an owner's unfinished file is swept by the next owner of its partition alone`() {
        let files = [
            ".open-4-manifest-3.jsonl", ".open-5-manifest-3.jsonl", ".open-4-manifest-2.jsonl", "manifest-3.jsonl",
            ".open-04-manifest-3.jsonl", ".open-4-manifest-03.jsonl", ".open-4-manifest--3.jsonl",
            ".open-manifest-3.jsonl",
        ]
        let swept = Sweep.removable(of: files, name: "nlq", partition: 3, epoch: 5, listed: [])
        #expect(swept == [".open-4-manifest-3.jsonl"])
    }

    @Test func `the first line of anything else is no owner's`() {
        let heads = [
            "", "\n", "{}\n", "[1]\n", #"{"manifest":"nlq","epoch":3}"#, #"{"manifest":3,"epoch":3}"# + "\n",
            #"{"manifest":"nlq","epoch":"3"}"# + "\n", String(repeating: "[", count: 4096) + "\n",
        ]
        for head in heads { #expect(ManifestFileHeader.epoch(atStartOf: Bytes(head.utf8)) == nil, "\(head)") }
        #expect(ManifestFileHeader.epoch(atStartOf: Bytes("{\"manifest\":\"nlq\",\"epoch\":3}\nrest".utf8)) == 3)
    }
}
