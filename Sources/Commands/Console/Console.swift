// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Codecs
import Records
import Synchronization

/// A level of messages on standard error.
enum LogLevel: String, CaseIterable, ExpressibleByArgument, Comparable {
    case error, warning, info, debug

    static func < (left: LogLevel, right: LogLevel) -> Bool {
        (Self.allCases.firstIndex(of: left) ?? 0) < (Self.allCases.firstIndex(of: right) ?? 0)
    }
}

/// Results go to standard output (`Results`); everything else goes to standard error, by here and nowhere else, with
/// what comes from outside made visible.
enum Console {
    private static let level = Mutex(LogLevel.info)
    private static let progressShown = Mutex(false)

    /// Sets how much is said.
    static func set(_ newLevel: LogLevel) { self.level.withLock { $0 = newLevel } }

    static func error(_ message: String) { self.say(message, prefix: "error: ", at: .error) }
    static func warning(_ message: String) { self.say(message, prefix: "warning: ", at: .warning) }
    static func info(_ message: String) { self.say(message, prefix: "", at: .info) }
    static func debug(_ message: String) { self.say(message, prefix: "", at: .debug) }

    /// Says something that has its form already, whatever the level: the words of a usage error, diagnostics.
    static func text(_ text: String) {
        self.write(VisibleText.text(Self.withoutPasswords(text), keepsLines: true) + "\n")
    }

    /// A text whose addresses have lost what stands before their `@`: a user may have put a password there.
    static func withoutPasswords(_ text: String) -> String {
        text.contains("@") ? text.replacing(/:\/\/[^\/\s@]+@/, with: "://…@") : text
    }

    private static func say(_ message: String, prefix: String, at level: LogLevel) {
        guard level <= self.level.withLock({ $0 }) else { return }
        self.progressShown.withLock { shown in
            if shown { Self.write(Self.lineStart) }
            shown = false
        }
        // Diagnostics of a topology carry their own severity and place.
        let hasPrefix = prefix.isEmpty || message.contains(": \(prefix)")
        self.text((hasPrefix ? "" : prefix) + message)
    }

    /// Rewrites the progress line; an empty text removes it.
    static func progress(_ text: String) {
        guard LogLevel.info <= self.level.withLock({ $0 }) else { return }
        self.progressShown.withLock { shown in
            Self.write(Self.lineStart + VisibleText.text(text))
            shown = !text.isEmpty
        }
    }

    /// Tells whether a person looks at standard error.
    static var isTerminal: Bool { StandardStream.error.isTerminal }

    /// Goes to the beginning of the line and clears it: the one control sequence that is meant.
    private static let lineStart = "\r\u{1b}[K"

    private static func write(_ text: String) {
        // If standard error cannot be written, there is nowhere left to say so.
        try? StandardStream.error.write(Bytes(text.utf8))
    }
}
