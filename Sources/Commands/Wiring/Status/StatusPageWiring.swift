// SPDX-License-Identifier: Apache-2.0

import RecordLog
import StatusPage
import StatusServer
import Telemetry

/// The status page over a home and its log.
enum StatusPageWiring {
    /// The answer of a server that has no page.
    static let noPage = [
        StatusRoute("/") { _ in
            .bytes(
                type: "text/plain; charset=utf-8", Array("There is no page here: see /metrics, /live, /ready.\n".utf8))
        }
    ]

    /// The page's paths.
    /// - Parameter figures: the figures of the processes that live.
    static func routes(
        _ home: Home, _ log: any RecordLog, figures: @escaping @Sendable () throws -> FigureReading
    ) -> [StatusRoute] {
        home.statusPage(log: log, figures: figures).routes
    }
}
