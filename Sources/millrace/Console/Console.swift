// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Synchronization

/// How much is said on standard error.
enum LogLevel: String, CaseIterable, ExpressibleByArgument, Comparable {
    case error, warning, info, debug

    static func < (left: LogLevel, right: LogLevel) -> Bool {
        (Self.allCases.firstIndex(of: left) ?? 0) < (Self.allCases.firstIndex(of: right) ?? 0)
    }
}

/// Results go to standard output; everything else goes here, to standard error.
enum Console {
    private static let level = Mutex(LogLevel.info)
    private static let progressShown = Mutex(false)

    /// Sets how much is said.
    static func set(_ newLevel: LogLevel) { self.level.withLock { $0 = newLevel } }

    static func error(_ message: String) { self.say(message, prefix: "error: ", at: .error) }
    static func warning(_ message: String) { self.say(message, prefix: "warning: ", at: .warning) }
    static func info(_ message: String) { self.say(message, prefix: "", at: .info) }
    static func debug(_ message: String) { self.say(message, prefix: "", at: .debug) }

    private static func say(_ message: String, prefix: String, at level: LogLevel) {
        guard level <= self.level.withLock({ $0 }) else { return }
        self.progressShown.withLock { shown in
            if shown { Self.write("\r\u{1b}[K") }
            shown = false
        }
        // Diagnostics of a topology carry their own severity and place.
        let hasPrefix = prefix.isEmpty || message.contains(": \(prefix)")
        Self.write((hasPrefix ? "" : prefix) + message + "\n")
    }

    /// Rewrites the progress line; an empty text removes it.
    static func progress(_ text: String) {
        guard LogLevel.info <= self.level.withLock({ $0 }) else { return }
        self.progressShown.withLock { shown in
            Self.write("\r\u{1b}[K" + text)
            shown = !text.isEmpty
        }
    }

    /// Whether a person looks at standard error.
    static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    /// Writes text to standard error.
    static func write(_ text: String) {
        try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
    }
}

/// Writes results to standard output, buffered; a closed pipe ends the program quietly, as `| head` wants it.
struct ResultWriter {
    private var buffer: [UInt8] = []

    mutating func line(_ bytes: some Sequence<UInt8>) {
        self.buffer.append(contentsOf: bytes)
        self.buffer.append(UInt8(ascii: "\n"))
        if self.buffer.count > 1 << 16 { self.flush() }
    }

    mutating func line(_ text: String) { self.line(text.utf8) }

    mutating func flush() {
        guard !self.buffer.isEmpty else { return }
        do {
            try FileHandle.standardOutput.write(contentsOf: Data(self.buffer))
        } catch {
            exit(0)
        }
        self.buffer.removeAll(keepingCapacity: true)
    }
}

/// Shows how far long work has got: a line that is rewritten on a terminal, a plain line now and then elsewhere.
final class ProgressReporter: Sendable {
    private struct State {
        var started = Date()
        var shown = Date.distantPast
    }

    private let state = Mutex(State())
    private let interval: TimeInterval = Console.isTerminal ? 0.2 : 10

    /// Shows a text if the last one is old enough; the text is made only then.
    func show(_ text: (_ elapsed: TimeInterval) -> String?) {
        let elapsed = self.state.withLock { state -> TimeInterval? in
            let now = Date()
            // The first plain line comes after an interval: short work needs none.
            if !Console.isTerminal, state.shown == .distantPast { state.shown = state.started }
            guard now.timeIntervalSince(state.shown) >= self.interval else { return nil }
            state.shown = now
            return now.timeIntervalSince(state.started)
        }
        guard let elapsed, let text = text(elapsed) else { return }
        if Console.isTerminal { Console.progress(text) } else { Console.info(text) }
    }

    /// Removes the line.
    func finish() { if Console.isTerminal { Console.progress("") } }

    /// Seconds since the start.
    var elapsed: TimeInterval { self.state.withLock { Date().timeIntervalSince($0.started) } }

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

/// Columns of text, aligned.
struct TextTable {
    private var rows: [[String]]

    init(_ header: [String]) { self.rows = [header] }

    mutating func add(_ row: [String]) { self.rows.append(row) }

    /// The lines; columns whose cells are all numbers are set to the right.
    var lines: [String] {
        let count = self.rows.map(\.count).max() ?? 0
        let widths = (0..<count).map { column in self.rows.map { $0.count > column ? $0[column].count : 0 }.max() ?? 0 }
        let numeric = (0..<count).map { column in
            self.rows.dropFirst().allSatisfy { row in
                row.count <= column || row[column].allSatisfy { $0.isNumber || ",.-%+".contains($0) }
            }
        }
        return self.rows.map { row in
            row.enumerated().map { column, cell in
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                return numeric[column] ? padding + cell : cell + padding
            }.joined(separator: "  ").replacing(/\s+$/, with: "")
        }
    }
}
