// SPDX-License-Identifier: Apache-2.0

import Dispatch
import RecordLog
import Synchronization
import Telemetry
import Threads

/// Looks at what the processes of a home or a log tell, again and again on a thread of its own, so that whoever asks
/// never waits for a log that is away.
final class FigureWatch: Sendable {
    private struct State {
        var reading = FigureReading()
        var lag: [MetricFamily] = []
        var problem: String? = "it has not looked yet"
        var looked: ContinuousClock.Instant?
        var isStopped = false
        var told: Set<String> = []

        /// Tells whether the last look is not too long ago to say anything.
        var isFresh: Bool { self.looked.map { ContinuousClock.now - $0 < FigureWatch.staleTime } ?? false }

        /// Those that were not told before.
        mutating func news(_ reasons: [String]) -> [String] {
            if self.told.count > 1000 { self.told = [] }
            return reasons.filter { self.told.insert($0).inserted }
        }
    }

    private let exchange: any FigureExchange
    private let log: any RecordLog
    private let state = Mutex(State())
    private let wake = DispatchSemaphore(value: 0)
    private let ended = DispatchSemaphore(value: 0)

    /// Time after which what was seen last says nothing any more.
    private static let staleTime = Duration.seconds(30)
    /// Looks between two at the lag, which asks the log for each partition: five seconds, or ten.
    private var looksPerLag: Int { max(2, 5 / max(1, self.exchange.secondsBetween)) }

    init(_ exchange: any FigureExchange, log: any RecordLog) {
        self.exchange = exchange
        self.log = log
    }

    /// Looks until it is stopped.
    func run() {
        var looks = 0
        while !self.state.withLock(\.isStopped) {
            self.look(withLag: looks % self.looksPerLag == 0)
            looks += 1
            _ = self.wake.wait(timeout: .now() + .seconds(max(1, self.exchange.secondsBetween)))
        }
        self.ended.signal()
    }

    /// Ends `run`. A look that hangs is not waited for long.
    /// - Returns: whether it has ended, so that the log may be closed.
    func stop() -> Bool {
        self.state.withLock { $0.isStopped = true }
        self.wake.signal()
        return self.ended.wait(timeout: .now() + 1) == .success
    }

    private func look(withLag: Bool) {
        do {
            let reading = try self.exchange.read()
            let lag = withLag ? try UnownedLag(in: self.log, now: ProcessReadings.systemTime).families : nil
            self.state.withLock { state in
                state.reading = reading
                if let lag { state.lag = lag }
                state.problem = nil
                state.looked = .now
            }
            for reason in self.state.withLock({ $0.news(reading.refused) }) { Console.warning(reason) }
        } catch {
            let isNews = self.state.withLock { state in
                defer { state.problem = "\(error)" }
                return state.problem != "\(error)"
            }
            if isNews { Console.warning("the figures of the processes cannot be read: \(error)") }
        }
    }

    /// The figures of the last look. The dead vanish by the exchange; where it could not be asked for long, all do.
    var reading: FigureReading { self.state.withLock { $0.isFresh ? $0.reading : FigureReading() } }

    /// The lag of groups that nobody owns, as of one of the last looks. A partition whose owner has come since is told
    /// by that one alone.
    var lag: [MetricFamily] {
        let (lag, figures) = self.state.withLock { $0.isFresh ? ($0.lag, $0.reading.figures) : ([], []) }
        return lag.compactMap { family in
            let owned = figures.flatMap(\.metrics).filter { $0.name == family.name }.flatMap(\.series)
            let places = Set(owned.map { Set($0.labels) })
            var family = family
            family.series.removeAll { places.contains(Set($0.labels)) }
            return family.series.isEmpty ? nil : family
        }
    }

    /// The reason why nothing new is known; nil where the last look went well.
    var problem: String? { self.state.withLock(\.problem) }
}
