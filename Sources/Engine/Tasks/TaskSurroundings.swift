// SPDX-License-Identifier: Apache-2.0

import Dataflow
import Foundation
public import RecordLog
import Records
import Synchronization
public import Topologies

/// Makes the sink of a task that writes shards.
/// - Parameters: the shards, the task's partition, the task's epoch, the topology's hash.
public typealias SinkMaker = @Sendable (ShardDestination, Int, Int64, String) throws(SinkError) -> any RecordSink

/// The surroundings of a task: the world behind protocols and closures, so that a simulation can be one.
struct TaskSurroundings: Sendable {
    let log: any RecordLog
    let topology: Topology
    let context: OperatorContext
    /// Milliseconds since 1970.
    let clock: @Sendable () -> Timestamp
    let makeSink: SinkMaker
    /// Tells the engine that a task may have something to do.
    let wake: @Sendable () -> Void
    /// Tells the user of trouble that the run gets over.
    let warn: @Sendable (String) -> Void
    /// Drops records in front of stages.
    var gate: (any InputGate)?
    /// The offsets to begin at in stages that have no committed offset; by default the first retained record.
    let startOffsets: [TopicPartition: Offset]
    /// The offsets to stop reading at; by default the end of the log, as it grows.
    let endOffsets: [TopicPartition: Offset]
    /// Takes over offsets of another version of a stage if its tasks hold no state.
    let acceptsChangedTopology: Bool
    /// Lets tasks take records of dead letters again; a replay reads the original input alone.
    var takesRetries = true
    /// Milliseconds that a task which is to end waits for what it has asked.
    var drainMilliseconds: Timestamp = 0

    /// The group of a stage.
    func group(of stage: Stage) -> String { Self.group(topology: self.topology.name, stage: stage.name) }

    static func group(topology: String, stage: String) -> String { "\(topology).\(stage)" }
}

/// Counts the questions of a stage that wait for answers, over all its tasks in this process. Finished answers are not
/// counted: they have bounds of their own, `begunMax` and `waitingBytesMax`. A question may be a conversation of any
/// number of calls, which are bounded where they are made.
final class InFlightLimit: Sendable {
    /// Finished answers may wait for their turn, up to this many times the places in flight.
    private static let waitingFactor = 16

    /// Records of one task that may have begun and not be finished, so that all tasks together stay within the bound.
    let begunMax: Int
    /// Bytes of finished answers of one task that may wait behind a record that is not finished. Once there are so
    /// many, no further record begins; those that have begun may bring some more.
    let waitingBytesMax: Int
    /// The same for all tasks of the stage together.
    static let waitingBytesOfAll = 64 << 20
    private let max: Int
    private let count = Mutex(0)

    /// Creates a limit.
    /// - Parameters:
    ///   - inFlightMax: answers that may be awaited at a time.
    ///   - askedAheadMax: further questions that may be asked meanwhile.
    ///   - tasks: the tasks that share it.
    ///   - waitingBytesMax: bytes of finished answers of all tasks that may wait; by default 64 MiB.
    init(inFlightMax: Int, askedAheadMax: Int = 0, tasks: Int, waitingBytesMax: Int = InFlightLimit.waitingBytesOfAll) {
        self.waitingBytesMax = Swift.max(1, waitingBytesMax / Swift.max(1, tasks))
        self.max = inFlightMax + askedAheadMax
        // Each task alone must be able to use all places.
        self.begunMax = Swift.max(self.max, inFlightMax * Self.waitingFactor / Swift.max(1, tasks))
    }

    /// Takes a place if one is free.
    func tryAcquire() -> Bool {
        self.count.withLock { count in
            guard count < self.max else { return false }
            count += 1
            return true
        }
    }

    /// Gives a place back.
    func release() { self.count.withLock { $0 -= 1 } }
}

/// The rate limit of a process, shared by its tasks.
final class SharedRateLimit: Sendable {
    private let limit: Mutex<RateLimit>

    init(perSecond: Double, now: Timestamp) { self.limit = Mutex(RateLimit(perSecond: perSecond, now: now)) }

    func available(now: Timestamp) -> Int { self.limit.withLock { $0.available(now: now) } }
    func take(_ count: Int) { self.limit.withLock { $0.take(count) } }
    func nextTime(now: Timestamp) -> Timestamp { self.limit.withLock { $0.nextTime(now: now) } }
}

/// The reason why a run ended with an error.
public struct EngineError: Error, Sendable, CustomStringConvertible {
    /// The kinds of failure, told apart by what the user should do.
    public enum Code: Hashable, Sendable {
        /// The topology or its surroundings are not fit to start: exit code 2.
        case unfit
        /// Something failed on the way; what was committed stays, the rest is read again.
        case failed
    }

    /// The kind of failure.
    public var code: Code
    /// The failure, its place, and the remedy.
    public var message: String

    /// Says what ended the run, in words for the user.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Equals `message`.
    public var description: String { self.message }
}
