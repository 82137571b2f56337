// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records

/// The committed shards of one partition as a file beside them, for readers that have no log.
///
/// The partition's owner writes it whole when it takes over, from the manifest topic, under another name, and gives it
/// its own; behind each later commit it appends one line. So a commit costs one line however many shards there are,
/// and what a former owner still appends goes into a file that has lost its name. The file may lag behind the topic,
/// after a crash between a commit and its line until the next owner comes; it never leads.
///
/// Used from one thread at a time.
public final class ManifestFile {
    /// Reads the committed shards of the partition, in order, from the log.
    public typealias Committed = () throws(ShardError) -> [ManifestEntry]

    private enum Phase {
        /// Open for the lines to come.
        case current(any ShardFile)
        /// To be written whole at the next commit.
        case lagging
        /// A later owner has the partition, and its file stays.
        case superseded
    }

    private let storage: any ShardStorage
    private let header: ManifestFileHeader
    private let committed: Committed
    private var phase = Phase.lagging
    private var toldOfLag = false

    /// Is told once why the file lags behind the log, until it does no longer. What was committed stays committed.
    public var onLag: ((ShardError) -> Void)?

    /// Describes a file; nothing is written yet.
    /// - Parameter committed: what the file is to list.
    public init(storage: any ShardStorage, header: ManifestFileHeader, committed: @escaping Committed) {
        self.storage = storage
        self.header = header
        self.committed = committed
    }

    deinit { self.close() }

    /// Writes the file whole, when the partition is taken over. Failures are told of (`onLag`); the next commit tries
    /// again.
    /// - Parameter entries: the committed shards of the partition, as they were read after fencing.
    public func open(listing entries: [ManifestEntry]) {
        self.trying { () throws(ShardError) in try self.replace(listing: entries) }
    }

    /// Appends a shard whose commit has succeeded. Failures are told of (`onLag`); the next commit writes all.
    public func append(_ entry: ManifestEntry) {
        self.trying { () throws(ShardError) in
            switch self.phase {
            case .superseded: return
            // The name may have been lost: to a hand that cleaned up, or on a file system without locks.
            case .current(let file) where self.storage.isNamed(file, self.header.file):
                let line = entry.json + [UInt8(ascii: "\n")]
                try line.withRawBytes { bytes throws(ShardError) in try file.append(bytes) }
                try file.synchronize()
            case .current, .lagging: try self.replace(listing: try self.committed())
            }
        }
    }

    private func trying(_ body: () throws(ShardError) -> Void) {
        do throws(ShardError) {
            try body()
            if case .current = self.phase { self.toldOfLag = false }
        } catch {
            self.close()
            self.phase = .lagging
            if !self.toldOfLag { self.onLag?(error) }
            self.toldOfLag = true
        }
    }

    private func close() {
        if case .current(let file) = self.phase { try? file.close() }
    }

    /// Bytes written at a time.
    private static let chunkBytes = 1 << 20

    private func replace(listing entries: [ManifestEntry]) throws(ShardError) {
        self.close()
        self.phase = .lagging
        let temporary = self.header.temporaryFile
        try self.storage.remove(temporary)
        let file = try self.storage.create(temporary)
        let isOurs: Bool
        do throws(ShardError) {
            let size = try Self.write(self.header, entries, to: file)
            try file.synchronize()
            let header = self.header
            isOurs = try self.storage.replace(header.file, with: temporary) { head, currentSize in
                header.mayReplace(head, size: currentSize, withSize: size)
            }
            if isOurs { try self.storage.synchronizeFolder() }
        } catch {
            try? file.close()
            try? self.storage.remove(temporary)
            throw error
        }
        guard isOurs else {
            try? file.close()
            try? self.storage.remove(temporary)
            self.phase = .superseded
            throw ShardError(
                .nameTaken,
                "\(header.file) in \(self.storage.location) is of a later owner than this one, of epoch "
                    + "\(header.epoch), and stays; if no other process and no other log writes this set, remove the "
                    + "file and start again")
        }
        self.phase = .current(file)
    }

    /// Writes all lines, and answers their bytes together.
    private static func write(
        _ header: ManifestFileHeader, _ entries: [ManifestEntry], to file: any ShardFile
    ) throws(ShardError) -> Int {
        var bytes = header.line
        var written = 0
        let flush = { () throws(ShardError) in
            written += bytes.count
            try bytes.withRawBytes { bytes throws(ShardError) in try file.append(bytes) }
            bytes.removeAll(keepingCapacity: true)
        }
        for entry in entries {
            bytes += entry.json
            bytes.append(UInt8(ascii: "\n"))
            if bytes.count >= Self.chunkBytes { try flush() }
        }
        if !bytes.isEmpty { try flush() }
        return written
    }
}
