// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// Shows how far long work has got: a line that is rewritten on a terminal, a plain line now and then elsewhere.
final class ProgressReporter: Sendable {
    private struct State {
        let started = ContinuousClock.now
        var shown: ContinuousClock.Instant?
    }

    private let state = Mutex(State())
    private let interval: Duration = Console.isTerminal ? .milliseconds(200) : .seconds(10)

    /// Shows a text if the last one is old enough; the text is made only then.
    func show(_ text: (_ elapsed: TimeInterval) -> String?) {
        let elapsed = self.state.withLock { state -> TimeInterval? in
            let now = ContinuousClock.now
            // The first plain line comes after an interval: short work needs none.
            if !Console.isTerminal, state.shown == nil { state.shown = state.started }
            if let shown = state.shown, now - shown < self.interval { return nil }
            state.shown = now
            return (now - state.started).seconds
        }
        guard let elapsed, let text = text(elapsed) else { return }
        if Console.isTerminal { Console.progress(text) } else { Console.info(text) }
    }

    /// Removes the line.
    func finish() { if Console.isTerminal { Console.progress("") } }

    /// Seconds since the start.
    var elapsed: TimeInterval { self.state.withLock { (ContinuousClock.now - $0.started).seconds } }

    /// `12,345`
    static func grouped(_ number: Int) -> String {
        var digits = String(number.magnitude)
        var groups: [String] = []
        while digits.count > 3 {
            groups.insert(String(digits.suffix(3)), at: 0)
            digits.removeLast(3)
        }
        groups.insert(digits, at: 0)
        return (number < 0 ? "-" : "") + groups.joined(separator: ",")
    }

    /// `1:02:03`
    static func duration(_ seconds: TimeInterval) -> String {
        guard seconds.isFinite, seconds < 360_000 else { return "?" }
        let whole = Int(seconds.rounded())
        let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60)
        let tail = String(format: "%02d:%02d", minutes, rest)
        return hours > 0 ? "\(hours):\(tail)" : tail
    }
}

extension Duration {
    /// In seconds.
    var seconds: Double { Double(self.components.seconds) + Double(self.components.attoseconds) * 1e-18 }
}
