// SPDX-License-Identifier: Apache-2.0

import CoreMetrics
import Telemetry

/// The metrics of an ingest: they follow its report, a batch at a time.
struct IngestMeters {
    private let results: [(counter: Counter, count: (IngestReport) -> Int)]
    private var last: [Int]

    init(topic: String, factory: any MetricsFactory) {
        func groups(_ result: String) -> Counter {
            MetricDefinition.ingestGroups.counter(["topic": topic, "result": result], in: factory)
        }
        self.results = [
            (groups("new"), { $0.groups - $0.replaced }), (groups("replaced"), { $0.replaced }),
            (groups("unchanged"), { $0.unchanged }), (groups("refused"), { $0.refused }),
            (MetricDefinition.ingestRecords.counter(["topic": topic], in: factory), { $0.records }),
            (
                MetricDefinition.ingestDeadLetters.counter(["topic": topic], in: factory),
                { $0.problems.values.reduce(0, +) }
            ),
        ]
        self.last = self.results.map { _ in 0 }
    }

    /// Takes the report so far.
    mutating func take(_ report: IngestReport) {
        for (index, result) in self.results.enumerated() {
            let count = result.count(report)
            if count > self.last[index] { result.counter.increment(by: count - self.last[index]) }
            self.last[index] = count
        }
    }
}
