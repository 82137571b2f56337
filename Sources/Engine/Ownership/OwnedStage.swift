// SPDX-License-Identifier: Apache-2.0

public import RecordLog
import Records

/// A stage as the log knows it, from the last run that claimed its output: what it reads and writes.
public struct OwnedStage: Hashable, Sendable {
    /// Whose stage it is.
    public var owner: Owner
    /// Its name.
    public var name: String
    /// The topic it reads.
    public var from: String
    /// The topic it writes, unless it writes shards.
    public var topic: String?
    /// The set of shards it writes, unless it writes a topic.
    public var shards: String?
    /// The topic of what it rejects.
    public var rejects: String?

    /// The stages of all topologies and replays, by name. Their topics may have been deleted since.
    public static func all(in log: any RecordLog) throws(LogError) -> [OwnedStage] {
        try Owners(reading: log).bindings.values.map { binding in
            let isTopic = binding.output.kind == .topic
            return OwnedStage(
                owner: binding.owner, name: binding.stage, from: binding.from,
                topic: isTopic ? binding.output.name : nil, shards: isTopic ? nil : binding.output.name,
                rejects: binding.rejects)
        }.sorted { ($0.owner.name, $0.name) < ($1.owner.name, $1.name) }
    }
}
