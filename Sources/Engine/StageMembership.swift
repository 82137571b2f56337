// SPDX-License-Identifier: Apache-2.0

import Dataflow
import RecordLog
import Records
import Topologies

/// This process's part in the group of one stage: puts partitions that come on the board, and takes off those that go.
///
/// Nothing in here waits for a task to open or to process: the group counts a member that does not poll as dead.
final class StageMembership: AssignmentHandler {
    private let shared: StageTask.Shared
    private let surroundings: TaskSurroundings
    private let board: TaskBoard
    private let member: any GroupMember
    private let sessionTimeoutMilliseconds: Int

    init(
        stage: Stage, surroundings: TaskSurroundings, board: TaskBoard, rateLimit: SharedRateLimit?,
        meters: StageMeters, sessionTimeoutMilliseconds: Int
    ) throws {
        let chain: Chain
        do {
            chain = try Chain(stage, surroundings.context)
        } catch {
            throw EngineError(.unfit, "stage `\(stage.name)`: \(error)")
        }
        self.shared = StageTask.Shared(
            stage: stage, rateLimit: rateLimit,
            inFlight: chain.isAsynchronous
                ? InFlightLimit(
                    inFlightMax: max(1, chain.inFlightMax), askedAheadMax: chain.askedAheadMax,
                    tasks: surroundings.topology.partitions) : nil,
            meters: meters)
        self.surroundings = surroundings
        self.board = board
        self.sessionTimeoutMilliseconds = sessionTimeoutMilliseconds
        self.member = try surroundings.log.join(
            GroupConfiguration(
                group: surroundings.group(of: stage), topics: [stage.from],
                sessionTimeoutMilliseconds: sessionTimeoutMilliseconds))
    }

    /// Keeps the membership alive; tasks come and go inside.
    func poll() throws(LogError) {
        do throws(LogError) {
            try self.member.poll(timeoutMilliseconds: 0, self)
        } catch {
            self.shared.meters.refused(.poll, error.code)
            throw error
        }
    }

    /// Gives the partitions up.
    func leave() { self.member.leave(self) }

    func assigned(_ partitions: [TopicPartition]) {
        for partition in partitions where !self.board.isStopping {
            self.board.add(
                TaskSupervisor(
                    self.shared, source: partition, sessionTimeout: self.sessionTimeoutMilliseconds,
                    in: self.surroundings))
        }
    }

    func revoked(_ partitions: [TopicPartition]) {
        // One thread polls the memberships of all stages, each within the session timeout, and all may be asked at
        // once.
        let seconds =
            Double(self.sessionTimeoutMilliseconds) / 1000 / 2 / Double(self.surroundings.topology.stages.count)
        self.board.retire(stage: self.shared.stage.name, sources: partitions, seconds: seconds)
    }

    func lost(_ partitions: [TopicPartition]) {
        self.board.abandon(stage: self.shared.stage.name, sources: partitions)
    }
}
