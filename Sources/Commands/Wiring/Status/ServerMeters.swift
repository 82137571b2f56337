// SPDX-License-Identifier: Apache-2.0

import CoreMetrics
import StatusServer
import Synchronization
import Telemetry

/// The metrics of the status server itself, which it has from the first moment: a counter that appears with its first
/// count has not grown in the eyes of whoever scrapes.
final class ServerMeters: Sendable {
    private struct Request: Hashable {
        var route: ServerEvent.Route
        var status: String
    }

    private struct Open {
        var connections = 0
        var streams = 0
    }

    private static let classes = ["2xx", "3xx", "4xx", "5xx"]

    private let requests: [Request: Counter]
    private let refused: [String: Counter]
    private let cut: Counter
    private let connections: Meter
    private let streams: Meter
    private let open = Mutex(Open())

    init(_ factory: any MetricsFactory) {
        var requests: [Request: Counter] = [:]
        for route in ServerEvent.Route.allCases {
            for status in Self.classes {
                requests[Request(route: route, status: status)] = MetricDefinition.serverRequests.counter(
                    ["route": route.rawValue, "status": status], in: factory)
            }
        }
        self.requests = requests
        self.refused = Dictionary(
            uniqueKeysWithValues: ServerEvent.refusalReasons.map {
                ($0, MetricDefinition.serverRefused.counter(["reason": $0], in: factory))
            })
        self.cut = MetricDefinition.serverCut.counter(in: factory)
        self.connections = MetricDefinition.serverConnections.gauge(in: factory)
        self.streams = MetricDefinition.serverStreams.gauge(in: factory)
        self.connections.set(0)
        self.streams.set(0)
    }

    /// Counts something that the server did.
    func count(_ event: ServerEvent) {
        switch event {
        case .answered(let route, let status):
            self.requests[Request(route: route, status: "\(status / 100)xx")]?.increment()
        case .refused(let reason): self.refused[reason]?.increment()
        case .connected: self.change { $0.connections += 1 }
        case .disconnected: self.change { $0.connections -= 1 }
        case .listens: self.change { $0.streams += 1 }
        case .leaves: self.change { $0.streams -= 1 }
        case .cut: self.cut.increment()
        }
    }

    private func change(_ body: (inout Open) -> Void) {
        // Set within the lock, so that the last to set is the last to have counted.
        self.open.withLock { open in
            body(&open)
            self.connections.set(open.connections)
            self.streams.set(open.streams)
        }
    }
}
