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

    /// Debugging and remarks on the configuration name certificates and time-outs too, and a fenced transaction is as
    /// loud as a lost broker: none of them is trouble with a connection.
    /// - Parameters:
    ///   - facility: librdkafka's; `FAIL` is each connection that could not be made or broke.
    ///   - severity: syslog's.
    init?(_ text: String, facility: String, severity: Int) {
        guard severity <= 6, facility != "CONFWARN" else { return nil }
        let text = text.lowercased()
        func has(_ marks: String...) -> Bool { marks.contains { text.contains($0) } }
        if has("sasl authentication error", "authentication failed", "authorization_failed", "supported mechanisms") {
            self = .login
        } else if has("ssl handshake failed", "certificate") {
            self = .certificate
        } else if facility == "FAIL" {
            self = .connection
        } else {
            return nil
        }
    }

    /// Counts the trouble that a line tells of, if it does.
    static func count(_ text: String, facility: String, severity: Int) {
        let factory = ProgramMetrics.registry
        switch BrokerTrouble(text, facility: facility, severity: severity) {
        case .login: MetricDefinition.loginsRefused.counter(["reason": "login"], in: factory).increment()
        case .certificate: MetricDefinition.loginsRefused.counter(["reason": "certificate"], in: factory).increment()
        case .connection: MetricDefinition.connectionErrors.counter(in: factory).increment()
        case nil: break
        }
    }
}
