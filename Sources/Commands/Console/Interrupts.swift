// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// Ctrl-C and SIGTERM: the first asks the work to end well, the second ends the program now.
///
/// Either way the program ends with 128 and the signal's number, as a shell reports a program that a signal has ended,
/// so that no `&&` goes on behind it: also where the work came to its end meanwhile, or failed on the way there. While
/// nobody listens, a signal ends the program by itself.
final class Interrupts {
    /// The seconds that an end may take, where nothing else is said: less than the thirty after which supervisors
    /// kill, so that the partitions are given up first.
    static let drainSeconds = 20.0

    private static let numbers = [SIGINT, SIGTERM]
    private static let firstNumber = Atomic<Int32>(0)
    private var sources: [any DispatchSourceSignal] = []

    /// The message on the first signal while a topology runs.
    static let committing =
        "stopping: committing what is finished; open shards are dropped and their records read again by the next run; "
        + "once more to stop now"

    /// The code that the program ends with once a signal has come: 130 after SIGINT, 143 after SIGTERM.
    static var exitCode: Int32? {
        let number = Self.firstNumber.load(ordering: .acquiring)
        return number == 0 ? nil : 128 + number
    }

    /// Tells whether the work has been asked to end.
    static var hasCome: Bool { Self.exitCode != nil }

    /// Says a message and calls back on the first signal.
    /// - Parameter drainSeconds: the time after which the program ends, whatever the work is at; `nil`: when it is
    ///   done.
    init(
        _ message: String = Interrupts.committing, within drainSeconds: Double? = nil,
        _ onFirst: @escaping @Sendable () -> Void = {}
    ) {
        let queue = DispatchQueue(label: "millrace.signals")
        for number in Self.numbers {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler {
                let (isFirst, _) = Self.firstNumber.compareExchange(
                    expected: 0, desired: number, ordering: .acquiringAndReleasing)
                // At once: what runs at an ordinary exit would meet threads that are still at work.
                guard isFirst else { _exit(128 + number) }
                if let drainSeconds { Self.end(after: drainSeconds, 128 + number) }
                Console.info(message)
                onFirst()
            }
            source.resume()
            self.sources.append(source)
        }
    }

    /// Ends the program after a time, from a queue that nothing else waits on.
    private static func end(after seconds: Double, _ code: Int32) {
        DispatchQueue(label: "millrace.drain").asyncAfter(deadline: .now() + seconds) {
            Console.warning(
                "the end took longer than --drain-seconds allows (\(seconds) s): what was not committed is read again by the next run"
            )
            _exit(code)
        }
    }

    deinit { self.cancel() }

    /// Stops listening.
    func cancel() {
        guard !self.sources.isEmpty else { return }
        for source in self.sources { source.cancel() }
        self.sources.removeAll()
        for number in Self.numbers { signal(number, SIG_DFL) }
    }
}
