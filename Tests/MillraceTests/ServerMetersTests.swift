// SPDX-License-Identifier: Apache-2.0

import StatusServer
import Telemetry
import Testing

@testable import Commands

/// The status server's own metrics.
@Suite("Metrics of the status server")
struct ServerMetersTests {
    @Test("All series are there from the start, count what the server tells, and are as many as the catalogue says")
    func counts() throws {
        let registry = MetricRegistry()
        let meters = ServerMeters(registry)
        let value = { (metric: MetricDefinition, labels: [String: String]) in
            registry.snapshot().first { $0.name == metric.name }?.sum(labels)
        }
        let series = registry.snapshot().reduce(0) { $0 + $1.series.count }
        #expect(Set(registry.snapshot().map(\.name)) == Set(MetricCatalogue.sections.last?.metrics.map(\.name) ?? []))
        #expect(series == ServerEvent.Route.allCases.count * 4 + ServerEvent.refusalReasons.count + 3)
        for event: ServerEvent in [
            .connected, .connected, .answered(.api, status: 200), .answered(.api, status: 204), .listens, .cut,
            .answered(.none, status: 404), .refused(reason: "unknown"), .disconnected, .answered(.page, status: 700),
            .refused(reason: "of a stranger"),
        ] { meters.count(event) }
        #expect(value(.serverRequests, ["route": "api", "status": "2xx"]) == 2)
        #expect(value(.serverRequests, [:]) == 3 && value(.serverRefused, [:]) == 1)
        #expect(value(.serverConnections, [:]) == 1 && value(.serverStreams, [:]) == 1)
        #expect(value(.serverCut, [:]) == 1)
        meters.count(.leaves)
        #expect(value(.serverStreams, [:]) == 0)
        #expect(registry.snapshot().reduce(0) { $0 + $1.series.count } == series)
    }
}
