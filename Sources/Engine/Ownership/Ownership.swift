// SPDX-License-Identifier: Apache-2.0

import Foundation
import RecordLog
import Records

/// Claims what is about to be written for its owner, or says who owns it.
///
/// Claims are committed before anything is written under them, by one writer id in the whole log: whoever comes later
/// fences whoever was about to claim the same, so that a claim always stands on all those before it.
struct Ownership {
    let log: any RecordLog
    let intent: Intent
    /// Takes over names of outputs that have changed.
    var acceptsChanges = false
    /// The remedy where something is another's.
    let remedy: String
    /// The remedies where a name has changed.
    var waysOut = ""
    /// Is told of records that cannot be read, and are about something else.
    var warn: @Sendable (String) -> Void = { _ in }

    /// Checks that everything may be written, and writes nothing.
    /// - Throws: `LogError.Code.topicConflict` where it may not.
    func check() throws(LogError) {
        var attempts = Attempts()
        while true {
            do throws(LogError) {
                _ = try self.standing()
                return
            } catch { try attempts.pause(after: error) }
        }
    }

    /// Claims everything that is to be written, and creates its topics.
    ///
    /// A claim whose topic is not there was released, and anybody may take it. So claims are made first, and hold once
    /// they are seen to stand with their topics there: whoever takes one over before is seen then, and whoever is about
    /// to is fenced, and finds the topics.
    /// - Parameter createTopics: creates those that are not there.
    /// - Throws: `LogError.Code.topicConflict` where something is another's, or has other names than were committed.
    func take(_ createTopics: () throws(LogError) -> Void) throws(LogError) {
        var attempts = Attempts()
        while true {
            do throws(LogError) {
                if try self.standing().isComplete { return try createTopics() }
                try self.claim()
                try createTopics()
                try self.confirm()
                return
            } catch { try attempts.pause(after: error) }
        }
    }

    /// Waits longer each time, and not for ever: for a log that is away for a while, and for others who take at the
    /// same time.
    private struct Attempts {
        private static let secondsMax = 60.0
        private static let pauseMax = 1.0
        private let start = ContinuousClock.now
        private var pause = 0.01

        mutating func pause(after error: LogError) throws(LogError) {
            let isPassing = error.isRetriable || error.code == .fenced
            guard isPassing, ContinuousClock.now - self.start < .seconds(Self.secondsMax) else { throw error }
            // Two that fence each other must not do so in step.
            Thread.sleep(forTimeInterval: self.pause * Double.random(in: 0.5...1))
            self.pause = min(self.pause * 2, Self.pauseMax)
        }
    }

    private func claim() throws(LogError) {
        try self.log.createTopic(TopicSpecification(name: Owners.partition.topic, partitions: 1))
        let writer = try self.log.makeWriter(id: ReservedTopics.owners)
        defer { writer.close() }
        // Read once more: nobody else can write from here on without fencing this writer.
        let records = try self.standing().missing
        guard !records.isEmpty else { return }
        var transaction = Transaction()
        transaction.outputs = [
            .init(
                topic: Owners.partition.topic, partition: Owners.partition.partition,
                records: RecordBatch(records.map(\.record)))
        ]
        try writer.commit(transaction)
    }

    private func confirm() throws(LogError) {
        let writer = try self.log.makeWriter(id: ReservedTopics.owners)
        defer { writer.close() }
        guard try self.standing().isComplete else {
            throw LogError(.fenced, "the topics of \(self.intent.owner) were deleted while it was about to start")
        }
    }

    /// The state of ownership, where nothing is in the way.
    private struct Standing {
        /// The records yet to be written down.
        var missing: [OwnerRecord]
        /// Tells whether all is written down, and all topics are there.
        var isComplete: Bool
    }

    private func standing() throws(LogError) -> Standing {
        // In this order: a claim of which the topic is missing later has been released, or does not hold yet.
        let owners = try Owners(reading: self.log)
        let topics = try self.topics()
        let absent = Set(self.intent.claims.map(\.subject).filter { topics[$0.topic] == nil })
        let missing = try self.missing(OwnershipDecision(intent: self.intent, owners: owners, released: absent), topics)
        return Standing(missing: missing, isComplete: missing.isEmpty && absent.isEmpty)
    }

    private func missing(
        _ decision: OwnershipDecision, _ topics: [String: Int]
    ) throws(LogError) -> [OwnerRecord] {
        if let obstacle = decision.obstacles.first {
            throw LogError(
                .corrupt,
                "\(obstacle): who owns what \(self.intent.owner) writes cannot be told, so nothing is written; \(self.remedy)"
            )
        }
        if !decision.conflicts.isEmpty { throw LogError(.topicConflict, self.refusal(decision)) }
        for warning in decision.warnings { self.warn("\(warning); it is passed over") }
        var changes: [OwnershipDecision.Change] = []
        for change in decision.changes where !(self.acceptsChanges && change.isAcceptable) {
            if try self.isShown(change.evidence, topics) { changes.append(change) }
        }
        let told = Set(decision.changes.map(\.stage))
        changes += try self.changesBeforeAdoption(decision.unknown.filter { !told.contains($0.stage) }, topics)
        if !changes.isEmpty { throw LogError(.topicConflict, self.refusal(changes)) }
        return decision.missing
    }

    private func topics() throws(LogError) -> [String: Int] {
        Dictionary(try self.log.topics().map { ($0.name, $0.partitions) }) { first, _ in first }
    }

    // MARK: Evidence

    /// Names may change as long as nothing was committed under them.
    private func isShown(
        _ evidence: OwnershipDecision.Change.Evidence, _ topics: [String: Int]
    ) throws(LogError) -> Bool {
        switch evidence {
        case .records(let subject): return try self.holdsRecords(subject, topics)
        case .commits(let binding):
            for number in 0..<(topics[binding.from] ?? 0) {
                let partition = TopicPartition(binding.from, number)
                if try self.log.committedOffset(group: binding.group, partition: partition) != nil { return true }
            }
            // A log may forget a group's offsets in time.
            let rejects = binding.rejects.map { [Claim.Subject(kind: .topic, name: $0)] } ?? []
            for subject in [binding.output] + rejects where try self.holdsRecords(subject, topics) { return true }
            return false
        }
    }

    func holdsRecords(_ subject: Claim.Subject, _ topics: [String: Int]) throws(LogError) -> Bool {
        for number in 0..<(topics[subject.topic] ?? 0)
        where try self.log.offsets(of: TopicPartition(subject.topic, number)).upperBound > 0 { return true }
        return false
    }

    // MARK: Words

    private func refusal(_ decision: OwnershipDecision) -> String {
        let owners = Dictionary(grouping: decision.conflicts) { $0.claim.owner }
        let parts = owners.sorted { $0.key.name < $1.key.name }.map { owner, conflicts in
            "\(conflicts.map(\.subject.description).joined(separator: ", ")), which \(owner) writes"
        }
        return
            "\(self.intent.owner) would write to \(parts.joined(separator: "; and to ")): the records of both would be "
            + "mixed there, and the same sample come twice. Nothing was written; \(self.remedy)"
    }

    private func refusal(_ changes: [OwnershipDecision.Change]) -> String {
        let stages = Dictionary(grouping: changes, by: \.stage).sorted { $0.key < $1.key }.map { stage, changes in
            "stage `\(stage)`: \(changes.map(\.description).joined(separator: ", "))"
        }
        let accepting =
            changes.allSatisfy(\.isAcceptable)
            ? ", or go on from here with `--accept-changes`, which leaves earlier output under the old name" : ""
        return
            "\(self.intent.owner) has committed under other names. \(stages.joined(separator: "; ")). What was committed would be "
            + "missing under the new names or be written twice: put the old names back\(accepting), or \(self.waysOut)"
    }
}
