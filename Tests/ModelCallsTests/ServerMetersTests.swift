// SPDX-License-Identifier: Apache-2.0

import Telemetry
import Testing

@testable import ModelCalls

/// The metrics of a model server: they follow its usage, which counts from the start of the process.
@Suite("Server's metrics")
struct ServerMetersTests {
    @Test("Counters follow the usage, and gauges are as it stands")
    func follow() {
        let registry = MetricRegistry()
        let meters = ServerMeters(server: "http://m", factory: registry)
        var usage = ServerUsage()
        usage.calls = 5
        usage.hits = 2
        usage.promptTokens = 100
        usage.serverFailures = ["timeout": 1]
        usage.requestFailures = ["too-long": 1]
        usage.costs = ["EUR": 0.5]
        usage.inFlight = 3
        usage.breaker = "open"
        meters.take(usage, waitSeconds: 12)
        usage.calls = 6
        usage.promptTokens = 150
        usage.costs = ["EUR": 0.75]
        usage.breaker = "closed"
        meters.take(usage, waitSeconds: nil)
        meters.take(usage, waitSeconds: nil)
        meters.answered(seconds: 0.2)
        let families = Dictionary(uniqueKeysWithValues: registry.snapshot().map { ($0.name, $0) })
        func sum(_ metric: MetricDefinition, _ labels: [String: String] = [:]) -> Double? {
            families[metric.name]?.sum(labels)
        }
        #expect(sum(.modelCalls) == 6)
        #expect(sum(.modelCacheHits) == 2)
        #expect(sum(.modelRetries) == 0)
        #expect(sum(.modelTokens, ["direction": "in"]) == 150)
        #expect(sum(.modelServerFailures, ["kind": "timeout"]) == 1)
        #expect(sum(.modelRequestFailures, ["reason": "too-long"]) == 1)
        #expect(sum(.modelCost, ["currency": "EUR"]) == 0.75)
        #expect(sum(.modelInFlight) == 3)
        #expect(sum(.modelBreaker, ["state": "closed"]) == 1)
        #expect(sum(.modelBreaker, ["state": "open"]) == 0)
        #expect(sum(.modelWaitSeconds) == 0)
        #expect(sum(.modelCallSeconds) == 1)
        #expect(usage.figures.cost == 0.75 && usage.figures.currency == "EUR")
    }
}
