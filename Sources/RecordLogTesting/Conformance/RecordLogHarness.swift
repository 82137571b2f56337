// SPDX-License-Identifier: Apache-2.0

public import RecordLog
public import Records

/// The conformance suite's access to a log: opens it, and lets time pass in it.
///
/// One harness is one storage, used by one case from one thread, then dropped:
///
/// ```swift
/// @Test(arguments: ConformanceCase.all)
/// func conforms(_ conformanceCase: ConformanceCase) throws {
///     let harness = try MyHarness()
///     defer { harness.tearDown() }
///     if let reason = try conformanceCase.run(on: harness).skipReason { try Test.cancel("\(reason)") }
/// }
/// ```
///
/// Besides this library, such a test needs `RecordLog`: the protocols that the log implements, and their values.
public protocol RecordLogHarness: AnyObject {
    /// The log's features beyond the contract; cases that need more are skipped.
    var features: Set<ConformanceFeature> { get }

    /// Opens another handle on the storage, independent of those before it as another process would be.
    func open() throws -> any RecordLog

    /// A name for a topic, group or writer that no other case uses: logs that share one server prefix the name.
    func name(_ base: String) -> String

    /// The log's clock, in milliseconds since 1970.
    func now() -> Timestamp

    /// Lets time pass, for the log's clock and its sessions: moves a controlled clock, or sleeps.
    func elapse(milliseconds: Int)

    /// The shortest session timeout the log takes.
    var sessionTimeoutMilliseconds: Int { get }

    /// Time the cases wait, in real milliseconds, for what may take a while, such as a rebalance, before they fail.
    var patienceMilliseconds: Int { get }

    /// The time that a poll of the cases waits.
    var pollMilliseconds: Int { get }
}

extension RecordLogHarness {
    /// The name itself, for storages that are each a world of their own.
    public func name(_ base: String) -> String { base }

    /// Ten seconds.
    public var patienceMilliseconds: Int { 10_000 }

    /// None: the log answers at once.
    public var pollMilliseconds: Int { 0 }
}

/// A feature that not every log has, or can show in a test.
public enum ConformanceFeature: Hashable, Sendable, CaseIterable {
    /// `enforceRetention` removes what may be removed before it returns.
    case retentionOnDemand
    /// Offsets skip some numbers, so that cases can see that nobody relies on their density.
    case offsetGaps
    /// Opening the storage again after closing every handle finds what was committed.
    case durability
    /// `elapse` moves the clock that stamps records by exactly so much.
    case controlledClock
    /// A member that is not polled is found dead once `elapse` has passed its session.
    case silentDeath
}

/// A promise that a log broke.
public struct ConformanceFailure: Error, Sendable, CustomStringConvertible {
    /// The expectation, and what happened instead.
    public var message: String
    /// The place in the suite.
    public var location: String

    /// Describes a broken promise.
    public init(_ message: String, file: String = #fileID, line: Int = #line) {
        self.message = message
        self.location = "\(file):\(line)"
    }

    /// The message and where it comes from.
    public var description: String { "\(self.message) [\(self.location)]" }
}
