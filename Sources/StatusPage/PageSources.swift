// SPDX-License-Identifier: Apache-2.0

public import RecordLog
public import Records
public import Shards
public import TaskRooms
public import Telemetry

/// The places that the page's documents are made from. All of them are only read.
public struct PageSources: Sendable {
    /// The home and the log, as people name them.
    public var home: String
    /// The log's address; `nil` where it lies in the home.
    public var logName: String?
    /// The log.
    public var log: any RecordLog
    /// The files of a set.
    public var storage: @Sendable (_ set: String) -> any ShardStorage
    /// The figures of all processes that live.
    public var figures: @Sendable () throws -> FigureReading
    /// Says where a sample came from, and stops looking when a moment has passed.
    public var explain: @Sendable (FoundSample, _ deadline: ContinuousClock.Instant) throws -> Explanation
    /// Says where the record of a reject or a dead letter came from, in the same way.
    public var trail: @Sendable (FoundLetter, _ deadline: ContinuousClock.Instant) throws -> [Explanation.Part]
    /// The present, in milliseconds since 1970.
    public var now: @Sendable () -> Timestamp

    /// Names the places.
    public init(
        home: String, logName: String?, log: any RecordLog, storage: @escaping @Sendable (String) -> any ShardStorage,
        figures: @escaping @Sendable () throws -> FigureReading,
        explain: @escaping @Sendable (FoundSample, ContinuousClock.Instant) throws -> Explanation,
        trail: @escaping @Sendable (FoundLetter, ContinuousClock.Instant) throws -> [Explanation.Part],
        now: @escaping @Sendable () -> Timestamp
    ) {
        self.home = home
        self.logName = logName
        self.log = log
        self.storage = storage
        self.figures = figures
        self.explain = explain
        self.trail = trail
        self.now = now
    }
}
