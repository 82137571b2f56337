// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import RecordLog
import RecordLogTesting
import Records
import Testing

@testable import EmbeddedLog

/// The lock files by which a member's death is seen at once.
@Suite struct MemberLocks {
    private let folder: TemporaryFolder

    init() throws { self.folder = try TemporaryFolder() }

    private var locks: String { MemberLock.folder(of: self.folder.log) }

    private func files() -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: self.locks))?.sorted() ?? []
    }

    @Test func aHeldLockShowsLifeAndAReleasedOneDeath() throws {
        do {
            let lock = try MemberLock(folder: self.locks, memberID: "m", location: "here:1")
            let isIntact = lock.isIntact
            #expect(isIntact)
            #expect(!MemberLock.isDead(folder: self.locks, memberID: "m"))
            #expect(try String(contentsOfFile: self.locks + "/m.lock", encoding: .utf8) == "here:1\n")
            _ = consume lock
        }
        #expect(MemberLock.isDead(folder: self.locks, memberID: "m"))
        #expect(self.files() == [])
    }

    @Test func filesThatTheDeadLeftAreSweptAndOthersNot() throws {
        let lock = try MemberLock(folder: self.locks, memberID: "alive", location: "here:1")
        try Data().write(to: URL(fileURLWithPath: self.locks + "/dead.lock"))
        try Data().write(to: URL(fileURLWithPath: self.locks + "/notes.txt"))
        MemberLock.sweep(folder: self.locks)
        #expect(self.files() == ["alive.lock", "notes.txt"])
        let isIntact = lock.isIntact
        #expect(isIntact)
        _ = consume lock
    }

    @Test func aMemberWhoseProcessEndedIsReplacedWithoutWaiting() throws {
        let clock = TestClock()
        var options = EmbeddedLog.Options()
        options.monotonicNow = { clock.now }
        let one = try EmbeddedLog(path: self.folder.log, options: options)
        let two = try EmbeddedLog(path: self.folder.log, options: options)
        try one.createTopic(TopicSpecification(name: "t", partitions: 2))
        let configuration = GroupConfiguration(group: "g", topics: ["t"])
        let survivor = try one.join(configuration)
        let victim = try two.join(configuration)
        let (mine, its) = (Silent(), Silent())
        while mine.owned.count != 1 || its.owned.count != 1 {
            try survivor.poll(timeoutMilliseconds: 0, mine)
            try victim.poll(timeoutMilliseconds: 0, its)
        }
        #expect(self.files().count == 2)
        // The kernel closes what a killed process had open, and nothing else happens.
        (victim as? EmbeddedGroupMember)?.abandon()
        let end = ContinuousClock.now + .seconds(20)
        while mine.owned.count != 2, ContinuousClock.now < end {
            try survivor.poll(timeoutMilliseconds: 10, mine)
        }
        #expect(mine.owned.count == 2)
        let described = try one.groups().first
        #expect(described?.members.map(\.id) == [survivor.id])
        #expect(described?.members.first?.location.hasSuffix(":\(ProcessInfo.processInfo.processIdentifier)") == true)
        #expect(self.files() == ["\(survivor.id).lock"])
        let rows = try one.storage.write { db in try Int.fetchOne(db, sql: "SELECT count(*) FROM member") }
        #expect(rows == 1)
        survivor.leave(mine)
        #expect(self.files() == [])
    }

    @Test func aRemovedLockFolderIsMadeAgain() throws {
        let log = try EmbeddedLog(path: self.folder.log)
        try log.createTopic(TopicSpecification(name: "t", partitions: 4))
        let members = try (0..<2).map { _ in try log.join(GroupConfiguration(group: "g", topics: ["t"])) }
        let handlers = [Silent(), Silent()]
        func settle() throws {
            let end = ContinuousClock.now + .seconds(20)
            var calm = 0
            while calm < 20, ContinuousClock.now < end {
                for (member, handler) in zip(members, handlers) { try member.poll(timeoutMilliseconds: 5, handler) }
                calm = handlers.map(\.owned.count) == [2, 2] ? calm + 1 : 0
            }
            #expect(handlers.map(\.owned.count) == [2, 2])
        }
        try settle()
        try FileManager.default.removeItem(atPath: self.locks)
        usleep(60_000)
        try settle()
        #expect(self.files().count == 2)
    }

    @Test func aQuietPollWritesNothing() throws {
        let clock = TestClock()
        var options = EmbeddedLog.Options()
        options.monotonicNow = { clock.now }
        let log = try EmbeddedLog(path: self.folder.log, options: options)
        try log.createTopic(TopicSpecification(name: "t", partitions: 2))
        let member = try log.join(GroupConfiguration(group: "g", topics: ["t"], sessionTimeoutMilliseconds: 10_000))
        let handler = Silent()
        func changes() throws -> Int? {
            try log.storage.write { db in try Int.fetchOne(db, sql: "SELECT total_changes()") }
        }
        try member.poll(timeoutMilliseconds: 0, handler)
        let before = try changes()
        for _ in 0..<100 { try member.poll(timeoutMilliseconds: 0, handler) }
        #expect(try changes() == before)
        clock.advance(2000)
        for _ in 0..<100 { try member.poll(timeoutMilliseconds: 0, handler) }
        #expect(try changes() == before.map { $0 + 1 })
    }
}
