// SPDX-License-Identifier: Apache-2.0

import RecordLog
import Records
import Synchronization

/// One member of a consumer group of a `MemoryLog`.
final class MemoryGroupMember: GroupMember {
    let id: String

    private struct State {
        var owned: Set<TopicPartition> = []
        var hasLeft = false
    }

    /// The findings of one look at the group.
    private struct Step {
        var lost: [TopicPartition] = []
        var surplus: [TopicPartition] = []
    }

    private let log: MemoryLog
    private let configuration: GroupConfiguration
    private let handle: Int
    private let state = Mutex(State())

    init(log: MemoryLog, id: String, configuration: GroupConfiguration, handle: Int) {
        self.log = log
        self.id = id
        self.configuration = configuration
        self.handle = handle
    }

    func poll(timeoutMilliseconds: Int, _ handler: any AssignmentHandler) throws(LogError) {
        if self.state.withLock({ $0.hasLeft }) {
            throw LogError(.closed, "member \(self.id) has left group \(self.configuration.group)")
        }
        let deadline = ContinuousClock.now + .milliseconds(max(0, timeoutMilliseconds))
        while true {
            if try self.step(handler) { return }
            guard self.log.storage.waits, ContinuousClock.now < deadline else { return }
            MemoryClock.wait(min(10, timeoutMilliseconds), on: self.log.storage, for: .member(self.id))
        }
    }

    func leave(_ handler: any AssignmentHandler) {
        let owned = self.state.withLock { state in
            defer {
                state.hasLeft = true
                state.owned = []
            }
            return state.hasLeft ? [] : state.owned.sorted()
        }
        if !owned.isEmpty { handler.revoked(owned) }
        // A fault here is the death of the process, which others learn of by the end of the session.
        try? self.log.perform(.leave, self.id) { state throws(LogError) in state.removeMember(self.id) }
    }

    /// Brings this member in line with the group once.
    /// - Returns: whether its partitions changed.
    private func step(_ handler: any AssignmentHandler) throws(LogError) -> Bool {
        let owned = self.state.withLock { $0.owned }
        let group = self.configuration.group
        let now = self.log.storage.now()
        let step = try self.log.perform(.poll, self.id) { state throws(LogError) in
            guard let member = state.beat(self.id, now: now) else {
                // It was silent for too long: what it had is gone, and it comes back as a new member.
                state.enroll(self.id, self.configuration, handle: self.handle, now: now)
                return Step(lost: owned.sorted())
            }
            let held = state.leases(of: self.id, in: group)
            let target = state.target(of: member)
            return Step(
                lost: owned.subtracting(held).sorted(),
                surplus: owned.intersection(held).filter { target[$0] != self.id }.sorted())
        }
        self.state.withLock { $0.owned.subtract(step.lost) }
        if !step.lost.isEmpty { handler.lost(step.lost) }
        if !step.surplus.isEmpty {
            handler.revoked(step.surplus)
            try self.log.perform(.poll, self.id) { state throws(LogError) in
                state.release(step.surplus, of: self.id, in: group)
            }
            self.state.withLock { $0.owned.subtract(step.surplus) }
        }
        let known = self.state.withLock { $0.owned }
        let assigned = try self.log.perform(.poll, self.id) { state throws(LogError) in
            state.beat(self.id, now: now).map { state.take($0, known: known) } ?? []
        }
        self.state.withLock { $0.owned.formUnion(assigned) }
        if !assigned.isEmpty { handler.assigned(assigned) }
        return !(step.lost.isEmpty && step.surplus.isEmpty && assigned.isEmpty)
    }
}
