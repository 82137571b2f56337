// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// Shows how far long work has got: rows that are rewritten on a terminal, plain lines now and then elsewhere.
final class ProgressReporter: Sendable {
    private struct State {
        let started = ContinuousClock.now
        var shown: ContinuousClock.Instant?
        /// The plain lines that were told last, and when, in seconds since the start.
        var rows: [String] = []
        var told = 0.0
    }

    private let state = Mutex(State())
    private let showsRows = Console.showsRows

    /// The columns of rows elsewhere than on a terminal: they are read in a file.
    private static let columnsElsewhere = 200

    /// Shows rows if the last ones are old enough; they are made only then.
    /// - Parameter rows: makes them, as wide as they may be.
    func show(rows: (_ elapsed: TimeInterval, _ columns: Int) -> [String]?) {
        let interval: Duration = self.showsRows ? .milliseconds(200) : .seconds(10)
        let elapsed = self.state.withLock { state -> TimeInterval? in
            let now = ContinuousClock.now
            // The first plain line comes after an interval: short work needs none.
            if !self.showsRows, state.shown == nil { state.shown = state.started }
            if let shown = state.shown, now - shown < interval { return nil }
            state.shown = now
            return (now - state.started).seconds
        }
        guard let elapsed, let rows = rows(elapsed, self.showsRows ? Console.columns : Self.columnsElsewhere) else {
            return
        }
        if self.showsRows { return Console.progress(rows) }
        // Nothing new is worth a line now and then: somebody may look whether the process is alive.
        let isNews = self.state.withLock { state in
            let isNews = rows != state.rows || elapsed - state.told >= Self.silenceSeconds
            if isNews { (state.rows, state.told) = (rows, elapsed) }
            return isNews
        }
        if isNews { rows.forEach(Console.info) }
    }

    /// The longest silence about work that does not move, elsewhere than on a terminal.
    private static let silenceSeconds = 600.0

    /// Shows one row if the last one is old enough; it is made only then, and cut where it is too long.
    func show(_ text: (_ elapsed: TimeInterval) -> String?) {
        self.show { elapsed, _ in text(elapsed).map { [$0] } }
    }

    /// Removes the rows.
    func finish() { if self.showsRows { Console.progress([]) } }

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
        let whole = Int(max(0, seconds).rounded())
        let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60)
        let tail = String(format: "%02d:%02d", minutes, rest)
        return hours > 0 ? "\(hours):\(tail)" : tail
    }
}

extension Duration {
    /// In seconds.
    var seconds: Double { Double(self.components.seconds) + Double(self.components.attoseconds) * 1e-18 }
}
