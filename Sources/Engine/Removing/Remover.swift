// SPDX-License-Identifier: Apache-2.0

import Foundation
public import RecordLog
public import Records

/// Removes sets, topics and groups from a log, and the files of the sets.
///
/// All that is to go is written down first, in a topic of its own, by one writer id in the whole log: whoever comes
/// later fences whoever is at it, and finishes. So a removal that was interrupted is finished by the same command or by
/// the next run, and nobody works on half of what there was. The log is cleared before the files go, for readers trust
/// the log.
public struct Remover {
    /// The files of a set, in the order in which they are to go.
    public typealias Files = (_ set: String) throws -> [String]

    private let log: any RecordLog
    private let files: Files
    private let removeFiles: (_ set: String, _ files: [String]) throws -> Void

    /// Describes a remover.
    /// - Parameters:
    ///   - files: lists the files of a set.
    ///   - removeFiles: removes such files for good; those that are not there are passed over.
    public init(
        log: any RecordLog, files: @escaping Files,
        removeFiles: @escaping (_ set: String, _ files: [String]) throws -> Void
    ) {
        self.log = log
        self.files = files
        self.removeFiles = removeFiles
    }

    // MARK: What would go

    /// The plan of a removal; removes nothing.
    /// - Throws: `RemovalRefusal` or `LogError`.
    public func plan(_ request: RemovalRequest) throws -> RemovalPlan {
        try RemovalDecision.plan(request, try self.facts())
    }

    /// Says which of a plan's groups are at work, and where; nothing if it can be carried out.
    public func inUse(_ plan: RemovalPlan) throws(LogError) -> [LogError] {
        try self.log.groups().filter { plan.idleGroups.contains($0.group) && !$0.members.isEmpty }
            .map { Removal.inUse($0.group, by: $0.members) }
    }

    private func facts() throws(LogError) -> RemovalFacts {
        var facts = RemovalFacts()
        facts.owners = try Owners(reading: self.log)
        facts.topics = Set(try self.log.topics().map(\.name))
        for group in try self.log.groups() where !group.commits.isEmpty {
            facts.commits[group.group] = Set(group.commits.map(\.partition.topic))
        }
        facts.writers = Set(try self.log.writerIDs())
        // Only of stages without offsets does it matter whether there is state.
        for binding in facts.owners.bindings.values where facts.commits[binding.group] == nil {
            for id in facts.writers(of: binding.group) where try !self.log.state(ofWriter: id).isEmpty {
                facts.writersWithState.insert(id)
            }
        }
        return facts
    }

    // MARK: Removing

    /// Carries a plan out.
    /// - Parameter subject: the words for what is removed.
    /// - Throws: `LogError.Code.inUse` where a process is at work on it: nothing was removed.
    public func perform(_ plan: RemovalPlan, subject: String) throws {
        try self.log.createTopic(TopicSpecification(name: RemovalNote.partition.topic, partitions: 1))
        let writer = try self.log.makeWriter(id: ReservedTopics.removals)
        defer { writer.close() }
        if let problem = try self.inUse(plan).first { throw problem }
        let note = RemovalNote(id: String(writer.epoch), step: .begun, subject: subject, plan: plan)
        try writer.commit(note.transaction)
        do {
            try self.finish(note, by: writer)
        } catch let error as LogError where error.code == .inUse {
            // A log looks for members before it removes anything.
            var withdrawal = note
            withdrawal.step = .withdrawn
            try writer.commit(withdrawal.transaction)
            throw error
        } catch let error as LogError where error.code == .fenced {
            try self.awaitEnd(of: note)
        }
    }

    /// Finishes what interrupted removals have left.
    /// - Parameter unfinished: is told of those that cannot be finished now, because a process is at work there.
    /// - Returns: the words for what was removed.
    public func finishPending(unfinished: (String) -> Void = { _ in }) throws -> [String] {
        if try PendingRemovals(reading: self.log).notes.isEmpty { return [] }
        let writer = try self.log.makeWriter(id: ReservedTopics.removals)
        defer { writer.close() }
        // Read once more: from here on nobody else writes a note without fencing this writer.
        try self.log.awaitDecisions(on: RemovalNote.partition, timeoutMilliseconds: 10_000)
        var finished: [String] = []
        for note in try PendingRemovals(reading: self.log).notes {
            do {
                try self.finish(note, by: writer)
                finished.append(note.subject)
            } catch let error as LogError where error.code == .inUse {
                unfinished("the removal of \(note.subject) has begun and cannot be finished yet: \(error.message)")
            } catch let error as LogError where error.code == .fenced {
                try self.awaitEnd(of: note)
                finished.append(note.subject)
            }
        }
        return finished
    }

    private func finish(_ note: RemovalNote, by writer: any TransactionalWriter) throws {
        var note = note
        // Listed before anybody can begin anew there: what comes later is not this removal's.
        var files: [(set: String, files: [String])] = []
        for set in note.plan.sets { files.append((set, try self.files(set))) }
        if note.step == .begun {
            note.step = .cleared
            try self.log.remove(note.plan.removal, committing: note.transaction, by: writer)
        }
        for (set, files) in files { try self.removeFiles(set, files) }
        note.step = .done
        try writer.commit(note.transaction)
    }

    /// Time that another process, which has taken a removal over, may take to finish it.
    private static let endSeconds = 60.0

    private func awaitEnd(of note: RemovalNote) throws {
        let deadline = ContinuousClock.now + .seconds(Self.endSeconds)
        while try PendingRemovals(reading: self.log).notes.contains(where: { $0.id == note.id }) {
            guard ContinuousClock.now < deadline else {
                throw LogError(
                    .unavailable,
                    "another process has taken over the removal of \(note.subject) and has not finished it; start again"
                )
            }
            Thread.sleep(forTimeInterval: 0.05)
        }
    }
}

extension RemovalPlan {
    /// The part that lies in the log.
    var removal: Removal {
        Removal(topics: self.topics, groups: self.groups, writers: self.writers, idleGroups: self.idleGroups)
    }
}

extension RecordLog {
    /// The removals that were interrupted and not finished, in words.
    public func pendingRemovals() throws(LogError) -> [String] {
        try PendingRemovals(reading: self).notes.map(\.subject)
    }

    /// The time at which each group that was ever reset was so last. What its stage could not use before, it has read
    /// again since.
    public func groupResets() throws(LogError) -> [String: Timestamp] { try PendingRemovals(reading: self).resets }
}
