// SPDX-License-Identifier: Apache-2.0

import RecordLog
import StatusServer
import Telemetry

/// The status page over a home and its log.
enum StatusPageWiring {
    /// The page's paths.
    /// - Parameter figures: the figures of the processes that live.
    static func routes(
        _ home: Home, _ log: any RecordLog, figures: @escaping @Sendable () throws -> FigureReading
    ) -> [StatusRoute] {
        []
    }
}
