// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Dispatch
import RecordLog
import StatusServer
import Telemetry
import Threads

/// `millrace serve`
struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Show a home, or a log in Kafka, over HTTP: status page, metrics and health of all its processes.",
        discussion: """
            Reads, and changes nothing. /metrics has the figures of every process that lives, labelled by process, and the lag of \
            groups that nobody runs; /ready fails while the log cannot be read; /live while this process stands still. Listens at \
            127.0.0.1:8090 without --http.

            EXAMPLES
              millrace serve
              millrace serve --http 127.0.0.1:9090 --log kafka://localhost:9092
              openssl rand -hex 32 > token
              millrace serve --http 0.0.0.0:8090 --http-token-file token
              curl -H "Authorization: Bearer $(cat token)" localhost:8090/metrics
              millrace serve --list-metrics > metrics.md
            """)

    @Flag(help: "Print the table of all metrics, and end.")
    var listMetrics = false

    @OptionGroup(title: "Status server") var http: HTTPArguments
    @OptionGroup(title: "Options of every command") var common: CommonOptions

    func run() throws {
        if self.listMetrics { return try Results.text(MetricCatalogue.markdown) }
        let home = try self.common.makeHome()
        try CommandFailure.reporting {
            guard let options = try self.http.options(fallback: "127.0.0.1:8090") else { return }
            let log = try home.openLogToRead()
            let end = EndFlag()
            // Its own figures go nowhere: it reads, and changes nothing.
            let pulse = Pulse(role: "serve", name: "", path: home.path, exchange: nil, stillSecondsMax: 60)
            let interrupts = Interrupts("stopping the server") {
                pulse.end()
                end.set()
            }
            defer { interrupts.cancel() }
            pulse.start { _ in }
            defer { pulse.stop() }
            let watch = FigureWatch(home.figureExchange(log), log: log)
            let watcher = try WorkerThread { watch.run() }
            defer { withExtendedLifetime(watcher) {} }
            let processes = { @Sendable () -> FigureReading in
                var reading = watch.reading
                var own = pulse.figures
                own.metrics += watch.lag
                reading.figures.append(own)
                return reading
            }
            let content = ServerContent(
                health: pulse.health,
                metrics: { Exposition.text(of: processes().figures, now: ProcessReadings.systemTime) },
                routes: StatusPageWiring.routes(home, log, figures: processes))
            let serving = try StatusServing(options, content, registry: pulse.registry)
            defer { if serving.stop(), watch.stop() { log.close() } }
            repeat {
                if let problem = watch.problem {
                    pulse.health.set(.unready("the log cannot be read: \(problem)"))
                } else {
                    pulse.health.set(.ready)
                }
                pulse.beat()
            } while !end.wait(seconds: 0.5)
        }
    }
}

/// A flag that one sets and another waits for.
private final class EndFlag: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)

    func set() { self.semaphore.signal() }

    /// - Returns: whether it was set within the time.
    func wait(seconds: Double) -> Bool { self.semaphore.wait(timeout: .now() + seconds) == .success }
}
