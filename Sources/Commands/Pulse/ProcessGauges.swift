// SPDX-License-Identifier: Apache-2.0

import CoreMetrics
import Synchronization
import Telemetry

/// The metrics of the process itself: start, processor, memory, health, room on the disk.
final class ProcessGauges: Sendable {
    private let live: Meter
    private let ready: Meter
    private let stopping: Meter
    private let beatAge: Meter
    private let homeFree: Meter
    private let homeSize: Meter
    private let errors: Counter
    private let process: ProcessMeters

    init(role: String, name: String, factory: any MetricsFactory) {
        MetricDefinition.processInfo.gauge(["role": role, "name": name], in: factory).set(1)
        self.live = MetricDefinition.processLive.gauge(in: factory)
        self.ready = MetricDefinition.processReady.gauge(in: factory)
        self.stopping = MetricDefinition.processStopping.gauge(in: factory)
        self.beatAge = MetricDefinition.processBeatAge.gauge(in: factory)
        self.homeFree = MetricDefinition.homeFree.gauge(in: factory)
        self.homeSize = MetricDefinition.homeSize.gauge(in: factory)
        self.errors = MetricDefinition.publicationErrors.counter(in: factory)
        self.process = ProcessMeters(factory: factory)
    }

    /// Sets them all.
    func set(_ health: HealthReport, path: String) {
        self.live.set(health.isLive ? 1 : 0)
        self.ready.set(health.isReady ? 1 : 0)
        self.stopping.set(health.isStopping ? 1 : 0)
        self.beatAge.set(health.beatAge)
        if let room = ProcessReadings.room(at: path) {
            self.homeFree.set(room.free)
            self.homeSize.set(room.size)
        }
        self.process.measure()
    }

    /// A publication failed.
    func failed() { self.errors.increment() }
}
