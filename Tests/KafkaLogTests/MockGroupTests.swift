// SPDX-License-Identifier: Apache-2.0

import CRdKafka
import Foundation
import RecordLog
import Records
import Testing

@testable import KafkaLog

/// Errors of brokers in the life of a group's member: what its handler hears, and that it is polled all along.
@Suite struct MockGroup {
    /// The longest a poll may take: a member has to be polled each third of its session timeout.
    private static let pollMax = Duration.seconds(2)

    /// Records the events a member is told, and checks that each fits those before.
    private final class Participant: AssignmentHandler {
        let member: any GroupMember
        private(set) var owned: Set<TopicPartition> = []
        /// Each change as a letter and a number of partitions: `a4` for four assigned, `r` revoked, `l` lost.
        private(set) var history: [String] = []
        private(set) var longestPoll = Duration.zero
        private(set) var faults: [String] = []
        private var isPolling = false

        init(_ log: KafkaLog, group: String = "g", timeout: Int = 6000) throws {
            self.member = try log.join(
                GroupConfiguration(group: group, topics: ["t"], sessionTimeoutMilliseconds: timeout))
        }

        func poll() throws {
            self.isPolling = true
            defer { self.isPolling = false }
            let taken = try ContinuousClock().measure { try self.member.poll(timeoutMilliseconds: 20, self) }
            self.longestPoll = max(self.longestPoll, taken)
        }

        func leave() {
            self.isPolling = true
            self.member.leave(self)
        }

        func assigned(_ partitions: [TopicPartition]) {
            self.note("a", partitions, fits: self.owned.isDisjoint(with: partitions))
            self.owned.formUnion(partitions)
        }

        func revoked(_ partitions: [TopicPartition]) {
            self.note("r", partitions, fits: self.owned.isSuperset(of: partitions))
            self.owned.subtract(partitions)
        }

        func lost(_ partitions: [TopicPartition]) {
            self.note("l", partitions, fits: self.owned.isSuperset(of: partitions))
            self.owned.subtract(partitions)
        }

        private func note(_ kind: String, _ partitions: [TopicPartition], fits: Bool) {
            self.history.append("\(kind)\(partitions.count)")
            if !fits || !self.isPolling || Set(partitions).count != partitions.count || partitions.isEmpty {
                self.faults.append("\(kind) \(partitions), polling: \(self.isPolling), owned: \(self.owned.sorted())")
            }
        }
    }

    private final class World {
        let cluster: MockCluster
        let log: KafkaLog

        init() throws {
            self.cluster = try MockCluster()
            try self.cluster.createTopic("t", partitions: 4)
            try self.cluster.coordinate("group", "g", by: 1)
            self.log = try KafkaLog(brokers: self.cluster.address, properties: ["reconnect.backoff.max.ms": "500"])
        }

        deinit { self.log.close() }

        /// Polls until all is as wanted and stays so for a while.
        func settle(
            _ participants: [Participant], stay: Duration = .milliseconds(300), seconds: Double = 30,
            _ isSettled: ([Int]) -> Bool
        ) throws {
            let clock = ContinuousClock()
            let deadline = clock.now + .seconds(seconds)
            var since: ContinuousClock.Instant?
            while clock.now < deadline {
                for participant in participants { try participant.poll() }
                if !isSettled(participants.map(\.owned.count)) {
                    since = nil
                } else if let since {
                    if clock.now - since > stay { return }
                } else {
                    since = clock.now
                }
            }
            Issue.record("the members own \(participants.map(\.owned.count)) after \(participants.map(\.history))")
        }
    }

    /// Each error meets a group of its own, all at a time: the mock cluster waits three seconds for further members.
    @Test func joiningOutlastsErrors() throws {
        let faults: [MockWriter.Fault] = [
            .init(.findCoordinator, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE),
            .init(.findCoordinator, RD_KAFKA_RESP_ERR__TRANSPORT),
            .init(.joinGroup, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS),
            .init(.joinGroup, RD_KAFKA_RESP_ERR_NOT_COORDINATOR),
            .init(.joinGroup, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID),
            .init(.joinGroup, RD_KAFKA_RESP_ERR__TRANSPORT),
            .init(.syncGroup, RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS),
            .init(.syncGroup, RD_KAFKA_RESP_ERR_NOT_COORDINATOR),
        ]
        let worlds = try faults.map { fault in
            let world = try World()
            fault.inject(into: world.cluster)
            return world
        }
        let members = try worlds.map { try Participant($0.log) }
        try worlds[0].settle(members) { $0.allSatisfy { $0 == 4 } }
        for (fault, member) in zip(faults, members) {
            #expect(member.faults == [] && member.history == ["a4"], "\(fault.testDescription): \(member.history)")
            #expect(member.longestPoll < Self.pollMax, "\(fault.testDescription): \(member.longestPoll)")
        }
    }

    /// A rebalance that changes nothing, an outage shorter than the session, and slow brokers.
    @Test func whatPassesCostsNoPartition() throws {
        let (rebalanced, away, slow) = (try World(), try World(), try World())
        try slow.cluster.slow(milliseconds: 400)
        let members = try [rebalanced, away, slow].map { try Participant($0.log) }
        try rebalanced.settle(members) { $0 == [4, 4, 4] }
        rebalanced.cluster.fail(.heartbeat, with: [RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS])
        try away.cluster.down()
        try rebalanced.settle(members, stay: .seconds(1)) { $0 == [4, 4, 4] }
        try away.cluster.up()
        try rebalanced.settle(members, stay: .seconds(3)) { $0 == [4, 4, 4] }
        for (what, member) in zip(["rebalance", "outage", "slow brokers"], members) {
            #expect(member.history == ["a4"] && member.faults == [], "\(what): \(member.history) \(member.faults)")
            #expect(member.longestPoll < Self.pollMax, "\(what): \(member.longestPoll)")
        }
        try slow.cluster.slow(milliseconds: 0)
    }

    /// The group has forgotten the member: what it had may be another's already.
    @Test func aForgottenMemberLosesAllAndJoinsAnew() throws {
        let errors = [RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION]
        let worlds = try errors.map { _ in try World() }
        let members = try worlds.map { try Participant($0.log) }
        try worlds[0].settle(members) { $0 == [4, 4] }
        for (world, error) in zip(worlds, errors) { world.cluster.fail(.heartbeat, with: [error]) }
        try worlds[0].settle(members) { [members] counts in
            counts == [4, 4] && members.allSatisfy { $0.history.count > 1 }
        }
        for member in members {
            #expect(member.history.prefix(3) == ["a4", "l4", "a4"] && member.faults == [], "\(member.history)")
        }
    }

    @Test func membersShareAndTakeOver() throws {
        let world = try World()
        let one = try Participant(world.log)
        try world.settle([one]) { $0 == [4] }
        let two = try Participant(world.log)
        try world.settle([one, two]) { $0 == [2, 2] }
        #expect(one.history == ["a4", "r2"] && two.history == ["a2"], "\(one.history) \(two.history)")
        two.leave()
        try world.settle([one]) { $0 == [4] }
        #expect(one.history == ["a4", "r2", "a2"] && two.history == ["a2", "r2"], "\(one.history) \(two.history)")
        #expect(one.faults + two.faults == [])
    }

    @Test func aMoveOfTheCoordinatorIsOutlasted() throws {
        let world = try World()
        let one = try Participant(world.log)
        let two = try Participant(world.log)
        try world.settle([one, two]) { $0 == [2, 2] }
        for broker in [2, 3, 1] {
            try world.cluster.coordinate("group", "g", by: broker)
            try world.settle([one, two], stay: .seconds(1)) { $0 == [2, 2] }
        }
        #expect(one.faults + two.faults == [])
        #expect(max(one.longestPoll, two.longestPoll) < Self.pollMax)
    }

    /// A member that is not polled for a session gives its partitions up by itself, since `max.poll.interval.ms` is the
    /// session timeout, and hears `lost` at its next poll. The mock cluster wants more than its three seconds.
    @Test func aMemberThatIsNotPolledLosesItsPartitions() throws {
        let world = try World()
        let one = try Participant(world.log, timeout: 4500)
        let two = try Participant(world.log, timeout: 4500)
        try world.settle([one, two]) { $0 == [2, 2] }
        try world.settle([one]) { $0 == [4] }
        try two.poll()
        #expect(two.history.filter { $0.hasPrefix("l") } == ["l2"], "\(two.history)")
        #expect(one.history == ["a2", "a2"] || one.history == ["a4", "r2", "a2"], "\(one.history)")
        #expect(one.faults + two.faults == [])
    }

    /// librdkafka 2.0.2 may never end where an assignment arrives while a consumer closes (fixed in 2.4.0), so members
    /// leave by unsubscribing, within a bounded time.
    @Test func leavingInTheMiddleOfARebalanceEnds() throws {
        let world = try World()
        let clock = ContinuousClock()
        let one = try Participant(world.log)
        try world.settle([one]) { $0 == [4] }
        let two = try Participant(world.log)
        let deadline = clock.now + .milliseconds(100)
        repeat {
            try two.poll()
        } while clock.now < deadline
        #expect(clock.measure { one.leave() } < .seconds(60))
        #expect(one.owned.isEmpty && one.faults == [])
        try world.settle([two]) { $0 == [4] }
    }

    @Test func leavingWithoutBrokersEnds() throws {
        let world = try World()
        let one = try Participant(world.log)
        try world.settle([one]) { $0 == [4] }
        try world.cluster.down()
        #expect(ContinuousClock().measure { one.leave() } < .seconds(60))
        #expect(one.owned.isEmpty && one.faults == [], "\(one.history)")
    }
}
