// SPDX-License-Identifier: Apache-2.0

public import Records
import Synchronization

/// The answer of `/live` and `/ready`.
public struct HealthReport: Hashable, Sendable {
    /// Tells whether the control loop moves.
    public var isLive = true
    /// Tells whether it is assigned and committing.
    public var isReady = false
    /// Tells whether it has been asked to end.
    public var isStopping = false
    /// The reason why it is not live or not ready; empty where it is both.
    public var reason = ""
    /// The age of the control loop's last beat, in seconds.
    public var beatAge = 0.0

    /// Creates a report of a process that has just started.
    public init() {}
}

/// The health of a process: live while its control loop goes round, ready while it is assigned and committing.
///
/// A broker or a model server that is away never makes it dead: to start it again would bring neither back. The loop
/// calls `beat`, and says what it knows of its readiness; anyone may ask, from any thread.
public final class Health: Sendable {
    private struct State {
        var beat: Timestamp
        var readiness = Readiness.starting
        var isStopping = false
    }

    /// The state of the work.
    public enum Readiness: Hashable, Sendable {
        /// It has not begun.
        case starting
        /// It works.
        case ready
        /// It cannot work for a reason that may pass.
        case unready(String)
    }

    /// The time for which a loop may stand still, in milliseconds: a commit under way, or a handler of a group, may
    /// take as long as a session.
    public let stillMillisecondsMax: Timestamp
    private let clock: @Sendable () -> Timestamp
    private let state: Mutex<State>

    /// Creates the health of a process that has just started, which counts as a beat.
    public init(
        stillSecondsMax: Double = 60, clock: @escaping @Sendable () -> Timestamp = { SteadyClock.now }
    ) {
        self.stillMillisecondsMax = Timestamp(stillSecondsMax * 1000)
        self.clock = clock
        self.state = Mutex(State(beat: clock()))
    }

    /// The control loop has gone round.
    public func beat() {
        let now = self.clock()
        self.state.withLock { $0.beat = now }
    }

    /// Notes the state of the work.
    public func set(_ readiness: Readiness) { self.state.withLock { $0.readiness = readiness } }

    /// It has been asked to end: not ready from now on.
    public func stop() { self.state.withLock { $0.isStopping = true } }

    /// The health now.
    public var report: HealthReport {
        let now = self.clock()
        let state = self.state.withLock { $0 }
        var report = HealthReport()
        let age = max(0, now - state.beat)
        report.beatAge = Double(age) / 1000
        report.isStopping = state.isStopping
        report.isLive = age <= self.stillMillisecondsMax
        report.isReady = !state.isStopping && state.readiness == .ready && report.isLive
        if !report.isLive {
            report.reason = "the control loop has stood still for \(age / 1000) s"
        } else if state.isStopping {
            report.reason = "it has been asked to end"
        } else {
            switch state.readiness {
            case .starting: report.reason = "it has not begun"
            case .ready: break
            case .unready(let reason): report.reason = reason
            }
        }
        return report
    }
}
