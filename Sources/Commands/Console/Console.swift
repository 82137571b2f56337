// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import Logging
import Records
import Synchronization

/// Results go to standard output (`Results`); everything else goes to standard error, by here and nowhere else, without
/// secrets, and with what comes from outside made visible.
///
/// Messages are swift-log's: the program boots `ConsoleLogHandler` as its backend, which brings them back here. A
/// message is one write.
enum Console {
    private struct State {
        var level = LogLevel.info
        /// The form that was asked for; by default that of the terminal, or lines with time and level.
        var format: LogFormat?
        var screen = ProgressScreen()
        var resizes: (any DispatchSourceSignal)?
    }

    private static let state = Mutex(State())
    private static let logger = Logger(label: LogLine.program)

    /// Sets how much is said, and in which form.
    static func set(_ newLevel: LogLevel, _ format: LogFormat? = nil) {
        self.state.withLock { state in
            state.level = newLevel
            state.format = format ?? state.format
        }
    }

    /// The least level that is said.
    static var level: LogLevel { self.state.withLock { $0.level } }

    static func error(_ message: String) { self.say(message, at: .error) }
    static func warning(_ message: String) { self.say(message, at: .warning) }
    static func info(_ message: String) { self.say(message, at: .info) }
    static func debug(_ message: String) { self.say(message, at: .debug) }

    private static func say(_ message: String, at level: LogLevel) {
        // A logger made before the level was set would keep the old one.
        if level <= self.level { self.logger.log(level: level.logger, "\(message)") }
    }

    /// Says something that has its form already, whatever the level: the words of a usage error, diagnostics.
    static func text(_ text: String) {
        let message = text.hasPrefix("Error: ") && !self.isTerminal ? String(text.dropFirst(7)) : text
        self.write(LogLine(time: Date(), level: .error, message: message, saysLevel: true))
    }

    /// Writes a message, in one piece.
    static func write(_ line: LogLine) {
        var line = line
        line.message = Secrets.hidden(line.cutMessage)
        line.facts = line.facts.map { ($0.name, Secrets.hidden($0.value)) }
        self.state.withLock { state in
            switch state.format {
            case .json: self.write(line.json)
            case .text: self.write(state.screen.write(line.text, on: self.size))
            case nil where self.isTerminal: self.write(state.screen.write(line.friendly, on: self.size))
            case nil: self.write(line.text)
            }
        }
    }

    // MARK: Progress

    /// Shows rows of progress on a terminal in place of the last ones; none removes them.
    static func progress(_ rows: [String]) {
        self.state.withLock { state in
            guard LogLevel.info <= state.level, state.format != .json else { return }
            if state.resizes == nil, !rows.isEmpty { state.resizes = self.followResizes() }
            self.write(state.screen.show(rows.map(Secrets.hidden), on: self.size))
        }
    }

    private static func followResizes() -> any DispatchSourceSignal {
        let source = DispatchSource.makeSignalSource(
            signal: SIGWINCH, queue: DispatchQueue(label: "millrace.terminal-size"))
        source.setEventHandler { self.state.withLock { self.write($0.screen.redraw(self.size)) } }
        source.resume()
        return source
    }

    /// Tells whether a person looks at standard error, on a terminal whose lines can be rewritten.
    static var isTerminal: Bool {
        StandardStream.error.isTerminal && getenv("TERM").map { String(cString: $0) } != "dumb"
    }

    /// Tells whether progress is rows that are rewritten.
    static var showsRows: Bool { self.isTerminal && self.state.withLock { $0.format } != .json }

    /// The columns that a row of progress may take: the last one stays free.
    static var columns: Int { self.size.columns - 1 }

    private static var size: TerminalSize { TerminalSize.of(.error) ?? .usual }

    private static func write(_ text: String) { if !text.isEmpty { self.write(Bytes(text.utf8)) } }

    private static func write(_ bytes: Bytes) {
        // If standard error cannot be written, there is nowhere left to say so.
        try? StandardStream.error.write(bytes)
    }
}
