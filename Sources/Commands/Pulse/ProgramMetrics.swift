// SPDX-License-Identifier: Apache-2.0

import CoreMetrics
import Telemetry

/// The metrics of this program's process. Who embeds the libraries bootstraps swift-metrics with a backend of their
/// own; the program does so here.
enum ProgramMetrics {
    /// The backend, which swift-metrics is bootstrapped with when it is first asked for.
    static let registry: MetricRegistry = {
        let registry = MetricRegistry()
        MetricsSystem.bootstrap(registry)
        return registry
    }()
}
