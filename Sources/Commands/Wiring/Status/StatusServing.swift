// SPDX-License-Identifier: Apache-2.0

import RecordLog
import StatusServer
import Synchronization
import Telemetry

/// The status server of a command, which ends with it and disturbs nothing.
final class StatusServing: Sendable {
    private let service: StatusService
    private let log: (any RecordLog)?

    /// Starts the server and says where it is.
    /// - Parameters:
    ///   - registry: the metrics of this process, in which the server counts its own.
    ///   - log: a log of the server's own, which is closed with it.
    init(
        _ options: StatusService.Options, _ content: ServerContent, registry: MetricRegistry,
        log: (any RecordLog)? = nil
    ) throws {
        let reports = ReportPace()
        let meters = ServerMeters(registry)
        self.log = log
        do throws(StatusServiceError) {
            self.service = try StatusService(content, options, observe: meters.count) { report in
                reports.say(report)
            }
        } catch {
            log?.close()
            throw CommandFailure(error.code == .usage ? .usage : .failed, "--http: \(error.message)")
        }
        let path = options.token == nil ? "/" : "/login"
        Console.info("status page, /metrics, /live and /ready at http://\(self.service.address)\(path)")
    }

    /// Starts the server of a command that works: with its own health and metrics, and a page of the whole home.
    /// - Parameter home: the home that the page shows; `nil` for a command that has none.
    convenience init(_ options: StatusService.Options, of pulse: Pulse, home: Home?) throws {
        var routes = StatusPageWiring.noPage
        var log: (any RecordLog)?
        if let home {
            // Connections of its own: whatever the page looks for, it takes none of the work's.
            let own = try home.openLogToRead()
            let exchange = home.figureExchange(own)
            routes = StatusPageWiring.routes(home, own) { try exchange.read() }
            log = own
        }
        let registry = pulse.registry
        let content = ServerContent(
            health: pulse.health, metrics: { Exposition.text(registry.snapshot()) }, routes: routes)
        try self.init(options, content, registry: registry, log: log)
    }

    /// Ends the server.
    /// - Returns: whether nothing of it is under way any more, so that a log which it reads may be closed.
    @discardableResult
    func stop() -> Bool {
        let hasEnded = self.service.stop()
        if hasEnded { self.log?.close() }
        return hasEnded
    }
}

extension ServerContent {
    /// The content of a process: its health, and its metrics.
    init(
        health: Telemetry.Health, metrics: @escaping @Sendable () throws -> [UInt8], routes: [StatusRoute] = []
    ) {
        self.init(
            live: {
                let report = health.report
                return ProbeAnswer(isWell: report.isLive, text: report.isLive ? "live" : "not live: \(report.reason)")
            },
            ready: {
                let report = health.report
                return ProbeAnswer(
                    isWell: report.isReady, text: report.isReady ? "ready" : "not ready: \(report.reason)")
            },
            metrics: { (Exposition.contentType, try metrics()) }, routes: routes)
    }
}

/// Says what the server reports, a few a minute: whoever asks must not fill the log.
private final class ReportPace: Sendable {
    private let last = Mutex<(time: ContinuousClock.Instant, dropped: Int)?>(nil)

    func say(_ report: String) {
        let more: Int? = self.last.withLock { last in
            let now = ContinuousClock.now
            if let earlier = last, now - earlier.time < .seconds(10) {
                last = (earlier.time, earlier.dropped + 1)
                return nil
            }
            defer { last = (now, 0) }
            return last?.dropped ?? 0
        }
        guard let more else { return }
        Console.warning("status server: \(report)\(more > 0 ? " (and \(more) more like it before)" : "")")
    }
}
