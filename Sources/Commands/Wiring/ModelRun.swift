// SPDX-License-Identifier: Apache-2.0

import CoreMetrics
import Dataflow
import Dispatch
import Foundation
import ModelCalls
import ModelRequests
import Records
import Telemetry

/// The model servers of one run: what its steps ask by, what it may spend, and what is said of it at the end.
///
/// Nothing is opened for a topology that asks no model.
struct ModelRun {
    private let service: CompletionService
    private let budget: Budget?

    /// Prepares a run.
    /// - Parameters:
    ///   - arguments: say what may be spent, and how long a server is waited for.
    ///   - metrics: the backend of the metrics.
    init(_ home: Home, topology: String, _ arguments: RunArguments, metrics: any MetricsFactory) throws {
        var options = CompletionService.Options(
            cacheFolder: home.cacheFolder, environment: ProcessInfo.processInfo.environment)
        options.notify = { notice in
            switch notice {
            case .info(let text): Console.info(text)
            case .warning(let text): Console.warning(text)
            }
        }
        do throws(BudgetProblem) {
            self.budget = try arguments.limits.map { limits throws(BudgetProblem) in
                try Budget(limits, path: home.budgetPath(of: topology))
            }
        } catch {
            throw CommandFailure(.usage, error.message)
        }
        if let resumed = self.budget?.resumed {
            Console.info(
                "going on with the budget of a run that did not end: \(ProgressReporter.grouped(resumed.calls)) calls and "
                    + "\(ProgressReporter.grouped(resumed.tokens)) tokens of it are used")
        }
        options.media = try arguments.media.folder()
        options.metrics = metrics
        options.budget = self.budget
        options.waitSecondsMax = arguments.maxWait?.seconds
        options.endSecondsMax = min(Double(arguments.sessionTimeout) / 2000, arguments.drainSeconds / 2)
        let board = WaitBoard(home, topology: topology)
        options.onWaits = board.show
        self.service = CompletionService(options)
    }

    /// The services by which operators find the servers.
    var services: OperatorServices {
        var services = OperatorServices()
        services.set(self.service, as: (any CompletionProvider).self)
        return services
    }

    /// The longest wait for a server.
    var longestWait: ServerWait? { self.service.waits.max { $0.seconds < $1.seconds } }

    /// The servers' figures.
    var figures: [ModelFigures] { self.service.figures }

    /// The servers that are waited for, as a process tells it.
    var waits: [WaitFigures] {
        let now = ProcessReadings.systemTime
        return self.service.waits.map { wait in
            WaitFigures(
                .model, subject: wait.server, since: now - Timestamp(min(wait.seconds, 1e9) * 1000),
                message: wait.message)
        }
    }

    /// Has a closure called when no more calls will be made, though records wait.
    func onHalt(_ body: @escaping @Sendable () -> Void) { self.service.onHalt(body) }

    /// Makes no more calls: the run is about to be stopped.
    func beginNoMore() { self.service.beginNoMore() }

    /// Says that calls which have been sent are waited for, if there are any.
    func announceWait() {
        let calls = self.service.callsUnderWay
        guard calls > 0 else { return }
        Console.info(
            "\(ProgressReporter.grouped(calls)) calls have been sent: waiting for their answers, to keep them, up to "
                + ServerWait.duration(self.service.endSecondsMax))
    }

    /// Ends what is under way.
    /// - Parameter isDone: whether the run came to its end by itself; if not, the next one goes on with its budget.
    func end(isDone: Bool) {
        let done = DispatchSemaphore(value: 0)
        Task { [service] in
            await service.shutdown()
            done.signal()
        }
        done.wait()
        var isSpent = false
        if case .budgetSpent? = self.service.halt { isSpent = true }
        self.budget?.close(hasEnded: isSpent || isDone && self.service.halt == nil)
    }

    /// The reason why the run ended before its work was done, if it did.
    var problem: CommandFailure? {
        switch self.service.halt {
        case .budgetSpent(let message):
            CommandFailure(
                .failed,
                "\(message); nothing is lost: the same command goes on from here with a new budget of that size, answers that "
                    + "came are kept")
        case .failed(let message): CommandFailure(.failed, message)
        case nil: nil
        }
    }

    /// Says what has passed between this process and the servers.
    func report() {
        for usage in self.service.usage where usage.calls + usage.hits > 0 { Console.info(Self.line(usage)) }
        let unreadable = self.service.unreadableAnswers
        if unreadable > 0 {
            Console.warning(
                "\(ProgressReporter.grouped(unreadable)) kept answers could not be read and were asked for again")
        }
    }

    private static func line(_ usage: ServerUsage) -> String {
        func number(_ count: Int, _ what: String) -> String? {
            count > 0 ? "\(ProgressReporter.grouped(count)) \(what)" : nil
        }
        let failures = usage.serverFailures.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        let parts = [
            "\(ProgressReporter.grouped(usage.calls)) calls", "\(ProgressReporter.grouped(usage.hits)) cache hits",
            number(usage.promptTokens, "tokens in"), number(usage.completionTokens, "tokens out"),
            number(usage.retries, "retries"), number(usage.duplicates, "duplicate calls"),
            number(usage.cancelled, "cancelled"),
            failures.isEmpty ? nil : "server failures: " + failures.joined(separator: ", "),
            usage.medianSeconds.map { String(format: "half of the answers within %.3g s", $0) },
        ]
        return "\(usage.endpoint), this run: " + parts.compactMap { $0 }.joined(separator: ", ")
    }
}
