// SPDX-License-Identifier: Apache-2.0

public import RecordLog
import Records

/// A stage as the log has it written down since it first ran: from where to where it leads.
public struct WrittenStage: Hashable, Sendable {
    /// The owner that runs it.
    public var owner: Owner
    /// Its name.
    public var stage: String
    /// The group of its tasks.
    public var group: String
    /// The topic that it reads.
    public var from: String
    /// The set of shards that it writes; `nil` where it writes a topic.
    public var shards: String?
    /// The topic that it writes; `nil` where it writes shards.
    public var topic: String?
    /// The topic of what it rejects.
    public var rejects: String?

    /// The output in words.
    public var output: String { self.topic ?? "shards \(self.shards ?? "")" }

    init(_ binding: Binding) {
        self.owner = binding.owner
        self.stage = binding.stage
        self.group = binding.group
        self.from = binding.from
        self.shards = binding.output.kind == .shards ? binding.output.name : nil
        self.topic = binding.output.kind == .topic ? binding.output.name : nil
        self.rejects = binding.rejects
    }

    /// The offset that the task of a partition committed last, by its state: a log may forget a group's offsets in
    /// time.
    public func storedOffset(ofPartition partition: Int, in log: any RecordLog) throws(LogError) -> CommittedOffset? {
        StoredOffset.split(try log.state(ofWriter: "\(self.group).\(partition)")).committed
    }
}

extension RecordLog {
    /// All stages that are written down, by group. A stage that its topology no longer has stays.
    public func writtenStages() throws(LogError) -> [WrittenStage] {
        try Owners(reading: self).bindings.values.map(WrittenStage.init).sorted { $0.group < $1.group }
    }
}
