// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging

/// The backend of swift-log that this program boots: every logger's messages, those of libraries too, go the way of the
/// program's own.
struct ConsoleLogHandler: LogHandler {
    private let label: String
    private var ownLevel: Logger.Level?
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    init(label: String, metadataProvider: Logger.MetadataProvider? = nil) {
        self.label = label
        self.metadataProvider = metadataProvider
    }

    /// That of the command line, unless the logger was given one of its own.
    var logLevel: Logger.Level {
        get { self.ownLevel ?? Console.level.logger }
        set { self.ownLevel = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var facts = self.metadata
        for more in [self.metadataProvider?.get(), event.metadata] { facts.merge(more ?? [:]) { $1 } }
        let message = event.error.map { "\(event.message): \($0)" } ?? "\(event.message)"
        Console.write(
            LogLine(
                time: Date(), level: LogLevel(event.level), logger: self.label, message: message,
                facts: facts.sorted { $0.key < $1.key }.map { ($0.key, "\($0.value)") },
                saysLevel: message.contains(": \(LogLevel(event.level).rawValue): ")))
    }
}
