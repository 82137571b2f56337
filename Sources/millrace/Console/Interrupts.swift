// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Ctrl-C and SIGTERM: the first asks the work to end well, the second ends the program now.
final class Interrupts {
    private var sources: [any DispatchSourceSignal] = []

    /// What is said on the first signal while a topology runs.
    static let committing =
        "stopping: committing what is finished; open shards are dropped and their records read again by the next run; "
        + "once more to stop now"

    /// Says a message and calls back on the first signal.
    init(_ message: String = Interrupts.committing, _ onFirst: @escaping @Sendable () -> Void) {
        let queue = DispatchQueue(label: "millrace.signals")
        let seen = Seen()
        for number in [SIGINT, SIGTERM] {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler {
                if seen.first() {
                    Console.info(message)
                    onFirst()
                } else {
                    exit(1)
                }
            }
            source.resume()
            self.sources.append(source)
        }
    }

    /// Stops listening.
    func cancel() { for source in self.sources { source.cancel() } }

    /// `@unchecked Sendable`: used on the signal queue only.
    private final class Seen: @unchecked Sendable {
        private var count = 0
        func first() -> Bool {
            self.count += 1
            return self.count == 1
        }
    }
}
