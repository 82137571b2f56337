// SPDX-License-Identifier: Apache-2.0

public import RecordLog
import Records

/// The owners of everything, by the topic of owners: of two owners the first counts, as long as the topic is there; of
/// one's own records the last.
struct Owners {
    /// A stage of an owner.
    struct StageName: Hashable {
        var owner: Owner
        var stage: String
    }

    private(set) var claims: [Claim.Subject: Claim] = [:]
    private(set) var bindings: [StageName: Binding] = [:]
    /// The records that cannot be read, by key: their place, and the reason.
    private(set) var unreadable: [String: String] = [:]

    /// The partition in which it is written.
    static let partition = TopicPartition(ReservedTopics.owners, 0)

    /// Nobody owns anything.
    init() {}

    /// Reads who owns what.
    /// - Throws: `LogError`; `.versionTooNew`. A log without owners has none.
    init(reading log: any RecordLog) throws(LogError) {
        let reader: any PartitionReader
        do throws(LogError) {
            reader = try log.makeReader(of: Self.partition, from: try log.offsets(of: Self.partition).lowerBound)
        } catch  where error.code == .unknownTopic {
            return
        }
        while true {
            let batch = try reader.read(recordsMax: 1_000, bytesMax: 4 << 20)
            if batch.isEmpty { return }
            for index in 0..<batch.count {
                try self.apply(batch.records[index], at: batch.offsets[index], of: Self.partition)
            }
        }
    }

    /// Takes up the next record.
    /// - Throws: `LogError.Code.versionTooNew`.
    mutating func apply(_ record: Record, at offset: Offset, of partition: TopicPartition) throws(LogError) {
        do throws(OwnerRecord.Problem) {
            switch try OwnerRecord(record) {
            case .claim(let claim, let former):
                if let known = self.claims[claim.subject], known.owner != claim.owner, known.owner != former { return }
                self.claims[claim.subject] = claim
            case .binding(let binding):
                self.bindings[StageName(owner: binding.owner, stage: binding.stage)] = binding
            }
        } catch {
            let message = "\(partition) offset \(offset) \(error.message)"
            if error.isTooNew { throw LogError(.versionTooNew, message) }
            // One that no program of ours wrote says nothing about any name but its own.
            self.unreadable[String(decoding: record.key ?? [], as: UTF8.self)] = message
        }
    }
}

extension Owner {
    /// The owner of a topic; `nil` where nobody has said so.
    public static func ofTopic(_ topic: String, in log: any RecordLog) throws(LogError) -> Owner? {
        try Owners(reading: log).claims[Claim.Subject(kind: .topic, name: topic)]?.owner
    }

    /// The owner of a set of shards; `nil` where nobody has said so.
    public static func ofShards(_ set: String, in log: any RecordLog) throws(LogError) -> Owner? {
        try Owners(reading: log).claims[Claim.Subject(kind: .shards, name: set)]?.owner
    }
}
