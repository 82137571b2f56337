// SPDX-License-Identifier: Apache-2.0

public import RecordLog

/// The names that a stage's commits are about, as its last start has noted them in the log: for those who show what
/// flows where.
public struct StageNames: Hashable, Sendable {
    /// The topology or replay that the stage is of.
    public var owner: Owner
    /// The stage.
    public var stage: String
    /// The group of its tasks.
    public var group: String
    /// The topic that it reads.
    public var from: String
    /// The topic that it writes; `nil` where it writes shards.
    public var topic: String?
    /// The shard set that it writes; `nil` where it writes a topic.
    public var set: String?
    /// The topic of its rejects; `nil` where they are dead letters.
    public var rejects: String?

    init(_ binding: Binding) {
        self.owner = binding.owner
        self.stage = binding.stage
        self.group = binding.group
        self.from = binding.from
        self.topic = binding.output.kind == .topic ? binding.output.name : nil
        self.set = binding.output.kind == .shards ? binding.output.name : nil
        self.rejects = binding.rejects
    }

    /// The stages of everything that has run on a log, and the owners of its shard sets.
    public static func read(_ log: any RecordLog) throws(LogError) -> (stages: [StageNames], setOwners: [String: Owner])
    {
        let owners = try Owners(reading: log)
        var sets: [String: Owner] = [:]
        for (subject, claim) in owners.claims where subject.kind == .shards { sets[subject.name] = claim.owner }
        let stages = owners.bindings.values.map(StageNames.init).sorted { $0.group < $1.group }
        return (stages, sets)
    }
}
