// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Codecs
import Foundation
import Logging
import Records

/// A level of messages on standard error.
enum LogLevel: String, CaseIterable, ExpressibleByArgument, Comparable {
    case error, warning, info, debug

    static func < (left: LogLevel, right: LogLevel) -> Bool {
        (Self.allCases.firstIndex(of: left) ?? 0) < (Self.allCases.firstIndex(of: right) ?? 0)
    }

    /// The level that a logger's has here, which knows more of them.
    init(_ level: Logger.Level) {
        switch level {
        case .trace, .debug: self = .debug
        case .info, .notice: self = .info
        case .warning: self = .warning
        case .error, .critical: self = .error
        }
    }

    /// The logger's level of the same name.
    var logger: Logger.Level {
        switch self {
        case .error: .error
        case .warning: .warning
        case .info: .info
        case .debug: .debug
        }
    }
}

/// A form of messages on standard error.
enum LogFormat: String, CaseIterable, ExpressibleByArgument {
    /// Time, level and message, on every line.
    case text
    /// An object a line.
    case json
}

/// A message and its circumstances, as it is written in one piece. It was cut, and secrets were taken out, by then.
struct LogLine {
    var time: Date
    var level: LogLevel
    /// The name of the logger: `millrace`, or that of a library.
    var logger = LogLine.program
    var message: String
    /// Further facts, by name.
    var facts: [(name: String, value: String)] = []
    /// Tells whether the message says its level itself, as a diagnostic does behind its place.
    var saysLevel = false

    /// The name of the program's own logger.
    static let program = "millrace"

    /// The longest message that is written whole, in bytes: a hostile server's answer must not fill a disk.
    static let bytesMax = 64 << 10

    /// As a person at a terminal reads it.
    var friendly: String {
        let prefix = self.level < .info && !self.saysLevel ? "\(self.level.rawValue): " : ""
        return VisibleText.text(prefix + self.words, keepsLines: true) + "\n"
    }

    /// Time and level before each line of the message.
    var text: String {
        let prefix = "\(Self.text(self.time)) \(self.level.rawValue): "
        let lines = VisibleText.text(self.words, keepsLines: true).split(
            separator: "\n", omittingEmptySubsequences: false)
        return lines.map { prefix + $0 + "\n" }.joined()
    }

    /// One line with an object.
    var json: Bytes {
        var json = JSONWriter()
        json.beginObject()
        json.field("time", Self.text(self.time))
        json.field("level", self.level.rawValue)
        json.field("logger", self.logger)
        json.field("message", self.message)
        for fact in self.facts {
            json.key(text: fact.name)
            json.value(fact.value)
        }
        json.endObject()
        return VisibleText.bytes(json.bytes, as: .json) + [UInt8(ascii: "\n")]
    }

    private var words: String {
        let place = self.logger == Self.program ? "" : "\(self.logger): "
        return place + self.message + self.facts.map { " \($0.name)=\($0.value)" }.joined()
    }

    /// The message, cut where it is too long.
    var cutMessage: String {
        let count = self.message.utf8.count
        guard count > Self.bytesMax else { return self.message }
        return String(decoding: self.message.utf8.prefix(Self.bytesMax), as: UTF8.self)
            + "…[cut: \(count) bytes in all]"
    }

    /// `2026-11-30T16:04:30.123Z`
    static func text(_ time: Date) -> String {
        time.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }
}
