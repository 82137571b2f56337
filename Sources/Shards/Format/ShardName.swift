// SPDX-License-Identifier: Apache-2.0

import RecordLog

/// The name of a shard file: `<name>-<partition>-<sequence>-<epoch>.jsonl.zst`.
///
/// Numbers are padded with zeros, so that names sort by partition and then in the order of writing. The epoch is the
/// writer's: a former owner of the partition cannot overwrite what its successor wrote.
public struct ShardName: Hashable, Sendable, CustomStringConvertible {
    /// The common name of the shards of one set.
    public var name: String
    /// The partition of the task that writes.
    public var partition: Int
    /// Counts the shards of the partition, from zero.
    public var sequence: Int
    /// The writer's epoch.
    public var epoch: Int64

    /// Names a shard.
    public init(name: String, partition: Int, sequence: Int, epoch: Int64) {
        self.name = name
        self.partition = partition
        self.sequence = sequence
        self.epoch = epoch
    }

    /// Suffix of the name of every shard file.
    public static let suffix = ".jsonl.zst"

    /// Prefix of the name of a file that is being written; a leading dot hides it from `*.jsonl.zst`.
    public static let temporaryPrefix = ".open-"

    /// The name under which the shard is published.
    public var file: String {
        let partition = Self.padded(self.partition, width: 4)
        let sequence = Self.padded(self.sequence, width: 8)
        let epoch = Self.padded(self.epoch, width: 6)
        return "\(self.name)-\(partition)-\(sequence)-\(epoch)\(Self.suffix)"
    }

    /// The name while it is being written.
    public var temporaryFile: String { Self.temporaryPrefix + self.file }

    /// The published name.
    public var description: String { self.file }

    /// Reads a published name; `nil` for a file that is no shard.
    public init?(file: String) {
        guard file.hasSuffix(Self.suffix), !file.hasPrefix(".") else { return nil }
        let parts = file.dropLast(Self.suffix.count).split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count >= 4,
            let partition = Self.number(parts[parts.count - 3], width: 4).flatMap(Int.init(exactly:)),
            let sequence = Self.number(parts[parts.count - 2], width: 8).flatMap(Int.init(exactly:)),
            let epoch = Self.number(parts[parts.count - 1], width: 6)
        else { return nil }
        let name = parts.dropLast(3).joined(separator: "-")
        guard Self.isValid(name: name) else { return nil }
        self.init(name: name, partition: partition, sequence: sequence, epoch: epoch)
    }

    /// Reads the name of a file that is being written; `nil` for anything else.
    public init?(temporaryFile: String) {
        guard temporaryFile.hasPrefix(Self.temporaryPrefix) else { return nil }
        self.init(file: String(temporaryFile.dropFirst(Self.temporaryPrefix.count)))
    }

    /// Tells whether a set of shards may have a name: it is part of a topic's name and of file names.
    public static func isValid(name: String) -> Bool {
        TopicSpecification.isValid(name: name) && name.utf8.count <= 200 && !name.hasPrefix(".")
    }

    private static func padded(_ number: some BinaryInteger, width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }

    /// A number exactly as `padded` writes it: one name has one spelling.
    private static func number(_ text: Substring, width: Int) -> Int64? {
        guard text.utf8.allSatisfy({ 0x30...0x39 ~= $0 }), let number = Int64(text),
            Self.padded(number, width: width) == text
        else { return nil }
        return number
    }
}
