// SPDX-License-Identifier: Apache-2.0

public import CoreMetrics
import Synchronization

/// The metrics that the system knows about this process, under the names that Prometheus's own clients have.
public final class ProcessMeters: Sendable {
    private let start: Meter
    private let cpu: FloatingPointCounter
    private let memory: Meter
    private let virtualMemory: Meter
    private let descriptors: Meter
    private let descriptorsMax: Meter
    private let threads: Meter
    private let counted = Mutex(0.0)

    /// Makes them in a backend.
    public init(factory: any MetricsFactory) {
        self.start = MetricDefinition.processStart.gauge(in: factory)
        self.cpu = MetricDefinition.processCPU.fractionalCounter(in: factory)
        self.memory = MetricDefinition.processMemory.gauge(in: factory)
        self.virtualMemory = MetricDefinition.processVirtualMemory.gauge(in: factory)
        self.descriptors = MetricDefinition.processDescriptors.gauge(in: factory)
        self.descriptorsMax = MetricDefinition.processDescriptorsMax.gauge(in: factory)
        self.threads = MetricDefinition.processThreads.gauge(in: factory)
    }

    /// Asks the system and sets them.
    public func measure() {
        let readings = ProcessReadings.now
        self.start.set(Double(ProcessReadings.start) / 1000)
        let more = self.counted.withLock { counted in
            defer { counted = max(counted, readings.cpuSeconds) }
            return max(0, readings.cpuSeconds - counted)
        }
        self.cpu.increment(by: more)
        self.memory.set(readings.residentBytes)
        self.virtualMemory.set(readings.virtualBytes)
        self.descriptors.set(readings.descriptors)
        self.descriptorsMax.set(readings.descriptorsMax)
        self.threads.set(readings.threads)
    }
}
