// SPDX-License-Identifier: Apache-2.0

public import Codecs
import Records

/// The name of a partition's manifest file, and its first line: whose shards it lists, and who wrote it.
public struct ManifestFileHeader: Hashable, Sendable {
    /// The version of the format; it grows when an old reader would misunderstand the file.
    public static let version = 1

    /// The common name of the shards.
    public var name: String
    /// The partition.
    public var partition: Int
    /// The number of partitions that the set has, each with a file of its own.
    public var partitions: Int
    /// The epoch of the owner that writes the file.
    public var epoch: Int64

    /// Describes a file.
    public init(name: String, partition: Int, partitions: Int, epoch: Int64) {
        self.name = name
        self.partition = partition
        self.partitions = partitions
        self.epoch = epoch
    }

    /// The file's name: `manifest-P.jsonl`.
    public var file: String { "\(Self.prefix)\(self.partition)\(Self.suffix)" }

    /// The name under which an owner writes it whole.
    public var temporaryFile: String { "\(ShardName.temporaryPrefix)\(self.epoch)-\(self.file)" }

    /// The first line of the file, with its newline.
    public var line: Bytes {
        var json = JSONWriter()
        json.beginObject()
        json.field("manifest", self.name)
        json.field("version", Self.version)
        json.field("partition", self.partition)
        json.field("partitions", self.partitions)
        json.field("epoch", Int(self.epoch))
        json.endObject()
        return json.bytes + [UInt8(ascii: "\n")]
    }

    /// Reads the owner's epoch from the first bytes of a file; `nil` for a file that is none of these.
    public static func epoch(atStartOf head: Bytes) -> Int64? {
        guard let end = head.firstIndex(of: UInt8(ascii: "\n")),
            let header = try? JSONValue(parsing: Bytes(head[..<end])), header["manifest"]?.string != nil
        else { return nil }
        return header["epoch"]?.int.map(Int64.init)
    }

    /// Tells whether this owner may replace a file that begins so.
    ///
    /// Not that of a later epoch; and as two owners that never committed may have the same epoch on Kafka, not a longer
    /// one of its own epoch: what the log lists only grows.
    func mayReplace(_ head: Bytes, size: Int, withSize newSize: Int) -> Bool {
        guard let epoch = Self.epoch(atStartOf: head) else { return true }
        return epoch < self.epoch || epoch == self.epoch && size <= newSize
    }

    /// Tells whether a file has the name of a manifest file, of any partition.
    static func isName(_ file: String) -> Bool {
        guard file.hasPrefix(self.prefix), file.hasSuffix(self.suffix),
            let partition = Int(file.dropFirst(self.prefix.count).dropLast(self.suffix.count)), partition >= 0
        else { return false }
        return file == ManifestFileHeader(name: "", partition: partition, partitions: 0, epoch: 0).file
    }

    /// Reads partition and epoch from the name of a file that an owner was writing; `nil` for anything else.
    static func owner(ofTemporaryFile file: String) -> (partition: Int, epoch: Int64)? {
        guard file.hasPrefix(ShardName.temporaryPrefix), file.hasSuffix(Self.suffix) else { return nil }
        let parts = file.dropFirst(ShardName.temporaryPrefix.count).dropLast(Self.suffix.count)
            .split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[1] == Self.prefix.dropLast(), let epoch = Int64(parts[0]),
            let partition = Int(parts[2]), partition >= 0, epoch >= 0,
            file == ManifestFileHeader(name: "", partition: partition, partitions: 0, epoch: epoch).temporaryFile
        else { return nil }
        return (partition, epoch)
    }

    private static let prefix = "manifest-"
    private static let suffix = ".jsonl"
}
