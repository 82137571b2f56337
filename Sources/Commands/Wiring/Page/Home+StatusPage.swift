// SPDX-License-Identifier: Apache-2.0

import Engine
import RecordLog
import Shards
import StatusPage
import TaskRooms
import Telemetry

extension Home {
    /// The status page of this home, which only reads.
    /// - Parameters:
    ///   - log: open for as long as the page is asked.
    ///   - figures: the figures of all processes that live.
    func statusPage(log: any RecordLog, figures: @escaping @Sendable () throws -> FigureReading) -> StatusPage {
        let home = self
        let address: String? = if case .kafka(let brokers) = self.location { "kafka://\(brokers)" } else { nil }
        let sources = PageSources(
            home: self.path, logName: address, log: log,
            storage: { set in FileShardStorage(folder: home.shardFolder(set)) }, figures: figures,
            explain: { found, deadline in
                let surroundings = home.surroundings(log, until: deadline)
                return try ExplainCommand.explanation(of: found, in: surroundings, by: Tasks.registered)
            },
            trail: { letter, deadline in
                let surroundings = home.surroundings(log, until: deadline)
                for explainer in Tasks.registered.explainers {
                    if let trail = try explainer.trail(of: letter, in: surroundings) { return trail.parts }
                }
                return []
            }, now: { Engine.systemClock() })
        return StatusPage(sources)
    }

    private func surroundings(_ log: any RecordLog, until deadline: ContinuousClock.Instant) -> ExplanationSurroundings
    {
        var surroundings = ExplanationSurroundings(log: log, cacheFolder: self.cacheFolder)
        surroundings.deadline = deadline
        return surroundings
    }
}
