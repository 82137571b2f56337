// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import RecordLog
import Records
import Synchronization

/// One member of a consumer group.
///
/// Every member computes the whole group's assignment from the same tables (`FairShare`), gives up what it should no
/// longer have, and takes what is free and should be its own. A partition's lease is a row with one owner, so two
/// members never hold one partition, whatever each of them believes about the others.
final class EmbeddedGroupMember: GroupMember {
    let id: String

    private struct State: ~Copyable {
        var lock: MemberLock?
        var owned: Set<TopicPartition> = []
        var heartbeat: Int64 = 0
        var probedAt: ContinuousClock.Instant?
        /// Members whose process has ended, from the latest probe.
        var dead: Set<String> = []
        var hasLeft = false
    }

    /// Time between two tries of the other members' lock files.
    private static let probeInterval = Duration.milliseconds(50)
    /// Time between two looks at the group in a poll that waits.
    private static let stepMilliseconds = 20

    private let storage: LogStorage
    private let configuration: GroupConfiguration
    private let location: String
    private let state = Mutex(State())

    init(storage: LogStorage, configuration: GroupConfiguration) throws(LogError) {
        guard !configuration.group.isEmpty, !configuration.topics.isEmpty else {
            throw LogError(.invalidArgument, "a group member needs the name of its group and at least one topic")
        }
        guard configuration.sessionTimeoutMilliseconds > 0 else {
            throw LogError(
                .invalidArgument, "a session of \(configuration.sessionTimeoutMilliseconds) ms cannot be kept")
        }
        for topic in configuration.topics { _ = try storage.currentTopic(topic) }
        let process = ProcessInfo.processInfo
        self.location = "\(process.hostName):\(process.processIdentifier)"
        self.id = "\(process.processIdentifier)-\(UUID().uuidString.lowercased())"
        self.storage = storage
        self.configuration = configuration
        MemberLock.sweep(folder: MemberLock.folder(of: storage.path))
        try self.enroll()
    }

    deinit { self.storage.monitor.forget(.member(self.id)) }

    func poll(timeoutMilliseconds: Int, _ handler: any AssignmentHandler) throws(LogError) {
        if self.state.withLock({ $0.hasLeft }) {
            throw LogError(.closed, "member \(self.id) has left group \(self.configuration.group)")
        }
        let deadline = ContinuousClock.now + .milliseconds(max(0, timeoutMilliseconds))
        while true {
            if try self.step(handler) { return }
            let rest = (deadline - ContinuousClock.now).components
            let restMilliseconds = Int(rest.seconds) * 1000 + Int(rest.attoseconds / 1_000_000_000_000_000)
            if restMilliseconds <= 0 { return }
            self.storage.monitor.wait(
                .member(self.id), timeoutMilliseconds: min(restMilliseconds, Self.stepMilliseconds))
        }
    }

    func leave(_ handler: any AssignmentHandler) {
        let owned = self.state.withLock { state in
            defer { state.hasLeft = true }
            return state.hasLeft ? [] : state.owned.sorted()
        }
        if !owned.isEmpty { handler.revoked(owned) }
        // Even if the log cannot be written to any more, the lock's release tells the others.
        try? self.storage.write { db in try GroupTables.remove(memberID: self.id, db) }
        self.abandon()
    }

    /// Ends the membership without a word to anyone, as the end of the process would.
    func abandon() {
        self.state.withLock { state in
            state.hasLeft = true
            state.owned = []
            state.lock = nil
        }
    }

    // MARK: One look at the group

    /// Brings this member in line with the group once.
    /// - Returns: whether its partitions changed.
    private func step(_ handler: any AssignmentHandler) throws(LogError) -> Bool {
        let snapshot = try self.storage.read { db in try GroupTables.snapshot(of: self.configuration.group, db) }
        guard snapshot.members.contains(where: { $0.id == self.id }) else { return try self.rejoin(handler) }
        let owned = self.state.withLock { $0.owned }
        var hasChanged = false
        let lost = owned.filter { snapshot.owners[$0] != self.id }.sorted()
        if !lost.isEmpty {
            self.state.withLock { $0.owned.subtract(lost) }
            handler.lost(lost)
            hasChanged = true
        }
        let dead = self.deadMembers(snapshot)
        let target = self.target(snapshot, dead)
        let kept = owned.subtracting(lost)
        let surplus = kept.filter { target[$0] != self.id }.sorted()
        if !surplus.isEmpty {
            handler.revoked(surplus)
            self.state.withLock { $0.owned.subtract(surplus) }
            hasChanged = true
        }
        // Also what an earlier step gave up but failed to release.
        let released = snapshot.owners.filter { $0.value == self.id && target[$0.key] != self.id }.keys
        if !released.isEmpty { try self.release(Array(released), snapshot) }
        let isWanting = target.contains { partition, member in
            member == self.id && Self.isFree(partition, for: self.id, snapshot.owners, dead, known: kept)
        }
        if isWanting || !dead.isEmpty {
            let assigned = try self.take(dead)
            if !assigned.isEmpty {
                handler.assigned(assigned)
                hasChanged = true
            }
        } else {
            try self.keepAlive()
        }
        return hasChanged
    }

    /// This member was taken for dead: what it had is gone, and it comes back as a new one.
    private func rejoin(_ handler: any AssignmentHandler) throws(LogError) -> Bool {
        let lost = self.state.withLock { state in
            defer { state.owned = [] }
            return state.owned.sorted()
        }
        if !lost.isEmpty { handler.lost(lost) }
        try self.enroll()
        return !lost.isEmpty
    }

    /// Locks this member's file and writes its row.
    private func enroll() throws(LogError) {
        try self.state.withLock { (state) throws(LogError) in
            if let lock = state.lock.take() {
                if lock.isIntact { state.lock = consume lock }
            }
            if state.lock == nil {
                state.lock = try MemberLock(
                    folder: MemberLock.folder(of: self.storage.path), memberID: self.id, location: self.location)
            }
        }
        let now = self.storage.options.monotonicNow()
        try self.storage.write { db in try GroupTables.save(self.row(heartbeat: now), db) }
        self.state.withLock { $0.heartbeat = now }
    }

    private func deadMembers(_ snapshot: GroupTables.Snapshot) -> Set<String> {
        let now = self.storage.options.monotonicNow()
        let others = snapshot.members.filter { $0.id != self.id }
        let probed = self.state.withLock { state in
            let instant = ContinuousClock.now
            if let last = state.probedAt, instant - last < Self.probeInterval { return state.dead }
            state.probedAt = instant
            let folder = MemberLock.folder(of: self.storage.path)
            state.dead = Set(others.map(\.id).filter { MemberLock.isDead(folder: folder, memberID: $0) })
            return state.dead
        }
        return Set(others.filter { probed.contains($0.id) || $0.isExpired(now: now) }.map(\.id))
    }

    private func target(_ snapshot: GroupTables.Snapshot, _ dead: Set<String>) -> [TopicPartition: String] {
        FairShare.assignment(
            of: Array(snapshot.partitions.keys),
            to: snapshot.members.filter { !dead.contains($0.id) }.map { .init(id: $0.id, topics: $0.topics) },
            owners: snapshot.owners)
    }

    /// Tells whether a member may take a partition: nobody alive holds it, or it does so itself without knowing,
    /// because the commit that said so seemed to fail.
    private static func isFree(
        _ partition: TopicPartition, for member: String, _ owners: [TopicPartition: String], _ dead: Set<String>,
        known: Set<TopicPartition>
    ) -> Bool {
        guard let owner = owners[partition] else { return true }
        return owner == member ? !known.contains(partition) : dead.contains(owner)
    }

    // MARK: Changes to the tables

    private func release(_ partitions: [TopicPartition], _ snapshot: GroupTables.Snapshot) throws(LogError) {
        let now = self.storage.options.monotonicNow()
        try self.storage.write { db in
            for partition in partitions {
                guard let id = snapshot.partitions[partition] else { continue }
                try GroupTables.release(id, group: self.configuration.group, memberID: self.id, db)
            }
            try self.beat(now, db)
        }
        self.state.withLock { $0.heartbeat = now }
    }

    /// Removes the dead and takes what is free and this member's, as the group is now.
    private func take(_ suspected: Set<String>) throws(LogError) -> [TopicPartition] {
        let now = self.storage.options.monotonicNow()
        let folder = MemberLock.folder(of: self.storage.path)
        let known = self.state.withLock { $0.owned }
        let assigned = try self.storage.write { db in
            var snapshot = try GroupTables.snapshot(of: self.configuration.group, db)
            // Someone may have shown life while this member waited for the write lock.
            let dead = Set(
                snapshot.members.filter { member in
                    member.id != self.id && suspected.contains(member.id)
                        && (member.isExpired(now: now) || MemberLock.isDead(folder: folder, memberID: member.id))
                }.map(\.id))
            for id in dead { try GroupTables.remove(memberID: id, db) }
            snapshot.owners = snapshot.owners.filter { !dead.contains($0.value) }
            guard snapshot.members.contains(where: { $0.id == self.id }) else { return [TopicPartition]() }
            let target = self.target(snapshot, dead)
            let free = target.filter { partition, member in
                member == self.id && Self.isFree(partition, for: self.id, snapshot.owners, dead, known: known)
            }.keys.sorted()
            for partition in free {
                guard let id = snapshot.partitions[partition] else { continue }
                try GroupTables.lease(id, group: self.configuration.group, to: self.id, db)
            }
            try self.beat(now, db)
            return free
        }
        self.state.withLock { state in
            state.owned.formUnion(assigned)
            state.heartbeat = now
        }
        return assigned
    }

    private func keepAlive() throws(LogError) {
        let now = self.storage.options.monotonicNow()
        let last = self.state.withLock { $0.heartbeat }
        guard now - last >= Int64(self.configuration.sessionTimeoutMilliseconds / 5) else { return }
        try self.storage.write { db in try self.beat(now, db) }
        self.state.withLock { $0.heartbeat = now }
    }

    /// A member that was removed meanwhile stays removed, and learns of it in its next step.
    private func beat(_ now: Int64, _ db: Database) throws {
        try db.execute(sql: "UPDATE member SET heartbeat = ? WHERE id = ?", arguments: [now, self.id])
    }

    private func row(heartbeat: Int64) -> GroupTables.Member {
        GroupTables.Member(
            id: self.id, group: self.configuration.group, topics: Set(self.configuration.topics),
            location: self.location,
            sessionTimeoutMilliseconds: Int64(self.configuration.sessionTimeoutMilliseconds), heartbeat: heartbeat)
    }
}
