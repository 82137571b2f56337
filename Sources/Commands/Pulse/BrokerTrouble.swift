// SPDX-License-Identifier: Apache-2.0

import CoreMetrics
import Telemetry

/// Tells from a line of librdkafka's log what ails a connection, for the metrics: it is told nowhere else.
enum BrokerTrouble: Equatable {
    /// The broker refused the user or the password, or the rights are not enough.
    case login
    /// A certificate was refused, by us or by the broker, or the two do not speak the same.
    case certificate
    /// A connection could not be made, or broke.
    case connection

    /// - Parameter severity: syslog's.
    init?(_ text: String, severity: Int) {
        let text = text.lowercased()
        func has(_ marks: String...) -> Bool { marks.contains { text.contains($0) } }
        if has("sasl authentication error", "authentication failed", "authorization_failed", "supported mechanisms") {
            self = .login
        } else if has("ssl handshake failed", "certificate") {
            self = .certificate
        } else if severity <= 4 || has("disconnected", "connection refused", "failed to resolve", "timed out") {
            guard !has("brokers are down") else { return nil }
            self = .connection
        } else {
            return nil
        }
    }

    /// Counts the trouble that a line tells of, if it does.
    static func count(_ text: String, severity: Int) {
        let factory = ProgramMetrics.registry
        switch BrokerTrouble(text, severity: severity) {
        case .login: MetricDefinition.loginsRefused.counter(["reason": "login"], in: factory).increment()
        case .certificate: MetricDefinition.loginsRefused.counter(["reason": "certificate"], in: factory).increment()
        case .connection: MetricDefinition.connectionErrors.counter(in: factory).increment()
        case nil: break
        }
    }
}
