// SPDX-License-Identifier: Apache-2.0

import CoreMetrics
import Foundation
import Records
import Synchronization
import Telemetry
import Threads

/// The life of a process as others see it: each second it gathers the figures, sets the gauges of the process and
/// publishes both, so that `serve` and `status` can show them; and it speaks with the service manager.
///
/// A thread of its own does that. Where the log or the disk is away, it waits for them and the work does not.
final class Pulse: Sendable {
    /// The health, which the work's control loop beats.
    let health: Telemetry.Health
    /// All metrics of the process.
    let registry: MetricRegistry

    private struct State {
        var figures: ProcessFigures
        var isStopped = false
        var hasEnded = false
        var beats = 0
        var noticeDue: Timestamp = 0
        var wait: WaitFigures?
    }

    private let identity: ProcessFigures.Identity
    private let exchange: (any FigureExchange)?
    private let path: String
    private let gauges: ProcessGauges
    private let notice: ServiceNotice?
    private let condition = SteadyCondition()
    private let state: Mutex<State>
    private let thread = Mutex<WorkerThread?>(nil)

    /// Seconds that the end waits for a publication that is under way: it may hang where the log is away.
    private static let endMilliseconds: Timestamp = 1_000

    /// - Parameters:
    ///   - role: the command.
    ///   - name: its subject.
    ///   - path: a folder on the file system whose room is told: the home's.
    ///   - exchange: where the figures go; `nil`: nowhere, they are for this process alone.
    ///   - stillSecondsMax: the longest that the work's control loop may stand still.
    init(
        role: String, name: String, path: String, exchange: (any FigureExchange)?, stillSecondsMax: Double,
        registry: MetricRegistry = ProgramMetrics.registry,
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) {
        self.identity = ProcessFigures.Identity(
            instance: InstanceName.make(), role: role, name: name, host: ProcessReadings.host,
            pid: Int(ProcessReadings.processIdentifier), start: ProcessReadings.start)
        self.health = Telemetry.Health(stillSecondsMax: stillSecondsMax)
        self.registry = registry
        self.exchange = exchange
        self.path = path
        self.gauges = ProcessGauges(role: role, name: name, factory: registry)
        self.notice = ServiceNotice(environment: environment)
        self.state = Mutex(State(figures: ProcessFigures(self.identity, at: ProcessReadings.systemTime)))
    }

    /// The figures as they were last gathered.
    var figures: ProcessFigures { self.state.withLock { $0.figures } }

    // MARK: The control loop

    /// The control loop has gone round: it is alive, and the service manager hears of it.
    func beat() {
        self.health.beat()
        let now = SteadyClock.now
        let message = self.state.withLock { state -> ServiceNotice.Message? in
            state.beats += 1
            guard let notice = self.notice else { return nil }
            // Once round, it works; a manager that waits for more would end a process whose broker is away.
            if state.beats == 2 { return .ready }
            guard let seconds = notice.watchdogSeconds, now >= state.noticeDue, state.beats > 2 else { return nil }
            state.noticeDue = now + Timestamp(min(seconds * 1000 / 3, 10_000))
            return .watchdog
        }
        if let message { self.notice?.send(message) }
    }

    /// It has been asked to end: not ready from this moment on.
    func end() {
        self.health.stop()
        self.notice?.send(.stopping)
        self.state.withLock { $0.figures.health = self.health.report }
    }

    /// The work goes on: it beats, waits for nothing and is ready.
    func works() {
        self.state.withLock { $0.wait = nil }
        self.health.set(.ready)
        self.beat()
    }

    /// The work waits, and its loop goes round: it beats.
    func waits(_ kind: WaitFigures.Kind, for subject: String) {
        self.state.withLock { state in
            guard state.wait?.subject != subject else { return }
            state.wait = WaitFigures(kind, subject: subject, since: ProcessReadings.systemTime, message: "")
        }
        self.health.set(.ready)
        self.beat()
    }

    /// The thing that the work waits for, if it does.
    var wait: WaitFigures? { self.state.withLock { $0.wait } }

    // MARK: Publishing

    /// Begins to gather and publish.
    /// - Parameter gather: adds what the work knows to figures that hold the process's own.
    func start(_ gather: @escaping @Sendable (inout ProcessFigures) -> Void) {
        // Figures are no reason to fail: without a thread for them, the process goes on without.
        let thread = try? WorkerThread { [self] in
            var round = 0
            while !self.state.withLock({ $0.isStopped }) {
                self.gather(gather, publishes: round % (self.exchange?.secondsBetween ?? 1) == 0)
                round += 1
                let next = SteadyClock.now + 1_000
                self.condition.withLock {
                    while !self.state.withLock({ $0.isStopped }), self.condition.wait(until: next) {}
                }
            }
            self.exchange?.withdraw()
            self.state.withLock { $0.hasEnded = true }
            self.condition.withLock { self.condition.broadcast() }
        }
        self.thread.withLock { $0 = thread }
    }

    /// Ends it: the process is not seen any more. A publication that hangs is not waited for long.
    func stop() {
        guard self.thread.withLock({ $0 != nil }) else { return }
        self.state.withLock { $0.isStopped = true }
        let deadline = SteadyClock.now + Self.endMilliseconds
        self.condition.withLock {
            self.condition.broadcast()
            while !self.state.withLock({ $0.hasEnded }), self.condition.wait(until: deadline) {}
        }
    }

    private func gather(_ gather: (inout ProcessFigures) -> Void, publishes: Bool) {
        var figures = ProcessFigures(self.identity, at: ProcessReadings.systemTime)
        gather(&figures)
        figures.at = ProcessReadings.systemTime
        figures.health = self.health.report
        figures.waits.sort { ($0.since, $0.subject) < ($1.since, $1.subject) }
        self.gauges.set(figures.health, path: self.path)
        figures.metrics = self.registry.snapshot()
        let hasBegun = self.state.withLock { state in
            state.figures = figures
            return state.beats > 0
        }
        // A command that is refused at its start leaves nothing behind.
        guard publishes, hasBegun else { return }
        do throws(FigureExchangeError) {
            try self.exchange?.publish(figures)
        } catch {
            self.gauges.failed()
            Console.debug("figures of this process cannot be published: \(error)")
        }
    }
}
