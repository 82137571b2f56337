// SPDX-License-Identifier: Apache-2.0

internal import Dataflow
internal import RecordLog
internal import Records

/// This process's part in the group of one stage: opens tasks for partitions that come, and ends those that go.
final class StageMembership: AssignmentHandler {
    private let shared: StageTask.Shared
    private let surroundings: TaskSurroundings
    private let board: TaskBoard
    private let member: any GroupMember

    init(
        stage: Stage, surroundings: TaskSurroundings, board: TaskBoard, rateLimit: SharedRateLimit?,
        sessionTimeoutMilliseconds: Int
    ) throws {
        let inFlightMax: Int
        do {
            inFlightMax = try Chain(stage, surroundings.context).inFlightMax
        } catch {
            throw EngineError(.unfit, "stage `\(stage.name)`: \(error)")
        }
        self.shared = StageTask.Shared(
            stage: stage, rateLimit: rateLimit, inFlight: inFlightMax > 0 ? InFlightLimit(max: inFlightMax) : nil)
        self.surroundings = surroundings
        self.board = board
        self.member = try surroundings.log.join(
            GroupConfiguration(
                group: surroundings.group(of: stage), topics: [stage.from],
                sessionTimeoutMilliseconds: sessionTimeoutMilliseconds))
    }

    /// Keeps the membership alive; tasks come and go inside.
    func poll() throws(LogError) { try self.member.poll(timeoutMilliseconds: 0, self) }

    /// Gives the partitions up.
    func leave() { self.member.leave(self) }

    func assigned(_ partitions: [TopicPartition]) {
        for partition in partitions where !self.board.isStopping {
            do {
                self.board.add(
                    try StageTask.open(self.shared, source: partition, member: self.member, in: self.surroundings))
            } catch {
                self.board.fail(error)
            }
        }
    }

    func revoked(_ partitions: [TopicPartition]) {
        for partition in partitions {
            guard let task = self.board.remove(stage: self.shared.stage.name, source: partition) else { continue }
            do {
                // Two steps at most: the commit, and the end.
                while try task.step(stop: .afterCommit, closeAtEnd: false) == .progressed {}
            } catch {
                self.board.fail(error)
            }
        }
    }

    func lost(_ partitions: [TopicPartition]) {
        for partition in partitions { self.board.remove(stage: self.shared.stage.name, source: partition)?.end() }
    }
}
