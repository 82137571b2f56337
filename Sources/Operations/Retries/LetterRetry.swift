// SPDX-License-Identifier: Apache-2.0

import Codecs
import Engine
public import RecordLog
import Records

/// Hands the records of dead letters over to their stages, each to a topic of the stage's own.
///
/// One writer id a topic: whoever comes later fences whoever was about to hand over the same, and sees what that one
/// has committed. So a letter is handed over once, whatever is killed, and however often it is asked for.
public struct LetterRetry {
    /// The outcome.
    public struct Outcome: Sendable {
        /// Records that were handed over, by stage.
        public var records: [String: Int] = [:]
        /// Letters that were settled by that.
        public var letters = 0
        /// Records that another process has handed over meanwhile.
        public var overtaken = 0
        /// Records whose letters are no longer there.
        public var gone = 0
    }

    private let log: any RecordLog
    private let plan: RetryPlan
    private let topic: TopicSpecification
    /// A transaction is committed once it holds this many bytes.
    private static let bytesMax = 8 << 20

    /// Prepares to do what was planned.
    /// - Parameter topic: the dead letters.
    public init(_ plan: RetryPlan, of topic: TopicSpecification, in log: any RecordLog) {
        self.plan = plan
        self.topic = topic
        self.log = log
    }

    /// The topic from which a stage takes them.
    public static func topic(of plan: RetryPlan, stage: String) -> String {
        ReservedTopics.retries(of: plan.name, stage: stage)
    }

    /// Hands the records over, durably.
    /// - Throws: `LogError`; `.fenced` where another process does the same now. What was handed over stays so.
    public func run() throws(LogError) -> Outcome {
        var outcome = Outcome()
        for stage in Set(self.plan.items.map(\.stage)).sorted() {
            try self.run(stage, self.plan.items.filter { $0.stage == stage }, &outcome)
        }
        return outcome
    }

    private func run(_ stage: String, _ items: [RetryPlan.Item], _ outcome: inout Outcome) throws(LogError) {
        let topic = Self.topic(of: self.plan, stage: stage)
        try self.log.createTopic(TopicSpecification(name: topic, partitions: self.topic.partitions))
        let writer = try self.log.makeWriter(id: topic)
        defer { writer.close() }
        for number in 0..<self.topic.partitions {
            try self.log.awaitDecisions(on: TopicPartition(topic, number), timeoutMilliseconds: 10_000)
        }
        // Read now: nobody else can hand anything over from here on without fencing this writer.
        let standing = try RetryStanding(ofRetries: topic, partitions: self.topic.partitions, in: self.log)
        var batches = [RecordBatch](repeating: RecordBatch(), count: self.topic.partitions)
        var pending = Outcome()
        for item in items {
            guard item.letters.allSatisfy({ standing.state(of: $0) == .open }) else {
                pending.overtaken += 1
                continue
            }
            guard let record = try RetryPlan.record(of: item.letter, in: self.log) else {
                pending.gone += 1
                continue
            }
            let order = RetryOrder(
                letters: item.letters, source: item.source, sourceOffset: item.sourceOffset, attempt: item.attempt)
            // A stage's letters about a partition lie in the same one of the dead letters.
            batches[item.letter.partition.partition].append(order.record(of: record))
            pending.records[stage, default: 0] += 1
            pending.letters += item.letters.count
            if batches.reduce(0, { $0 + $1.byteCount }) >= Self.bytesMax {
                try self.commit(&batches, to: topic, by: writer)
            }
        }
        try self.commit(&batches, to: topic, by: writer)
        outcome.records.merge(pending.records, uniquingKeysWith: +)
        outcome.letters += pending.letters
        outcome.overtaken += pending.overtaken
        outcome.gone += pending.gone
    }

    private func commit(
        _ batches: inout [RecordBatch], to topic: String, by writer: any TransactionalWriter
    ) throws(LogError) {
        var transaction = Transaction()
        for (partition, records) in batches.enumerated() where !records.isEmpty {
            transaction.outputs.append(.init(topic: topic, partition: partition, records: records))
        }
        if transaction.isEmpty { return }
        do throws(LogError) {
            try writer.commit(transaction)
        } catch  where error.code == .fenced {
            throw LogError(
                .fenced,
                "another `millrace dead-letters retry` has taken over `\(topic)`: let it finish, then run again")
        }
        for index in batches.indices { batches[index].removeAll() }
    }
}
