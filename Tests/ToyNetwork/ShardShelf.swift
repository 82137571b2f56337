// SPDX-License-Identifier: Apache-2.0

public import Codecs
import Foundation
import RecordLog
public import RecordLogTesting
import Records
public import Shards

/// A set of shards that land when they are told to.
public final class ShardShelf {
    /// The log with the set's manifest.
    public let log = MemoryLog()
    /// The folder of its shards.
    public let storage: FileShardStorage
    private let name: String
    private var published = 0

    /// Creates an empty set in a folder.
    public init(_ name: String, folder: String) throws {
        self.name = name
        self.storage = FileShardStorage(folder: folder)
        try self.storage.createFolder()
        try self.log.createTopic(Manifest.topicSpecification(name))
    }

    /// A reader of the set from its start.
    public func tail() throws -> TailingReader {
        try TailingReader(name: self.name, log: self.log, storage: self.storage)
    }

    /// Publishes lines as the next shard.
    @discardableResult public func publish(_ lines: [Bytes]) throws -> ManifestEntry {
        let name = ShardName(name: self.name, partition: 0, sequence: self.published, epoch: 1)
        self.published += 1
        let file = try self.storage.create(name.file)
        let writer = try ShardWriter(level: 3, frameBytes: 512)
        writer.begin(file)
        for line in lines { try line.withUnsafeBufferPointer { try writer.append($0) } }
        let summary = try writer.finish()
        try file.synchronize()
        try file.close()
        let entry = ManifestEntry(
            file: name.file, partition: 0, sequence: name.sequence, epoch: 1, bytes: summary.bytes,
            uncompressedBytes: summary.uncompressedBytes, samples: summary.samples, frames: summary.frames,
            sha256: summary.sha256, last: summary.last, reason: .samples, topologyHash: "t",
            zstdVersion: Zstandard.version, level: 3, firstOffset: 0, lastOffset: 0)
        let writerOfLog = try self.log.makeWriter(id: "land")
        var transaction = Transaction()
        transaction.outputs = [
            Transaction.Output(topic: Manifest.topic(self.name), partition: 0, records: RecordBatch([entry.record]))
        ]
        try writerOfLog.commit(transaction)
        writerOfLog.close()
        return entry
    }
}
