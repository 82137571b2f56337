// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Commands

/// The use that the metrics make of librdkafka's lines.
@Suite("Trouble with brokers")
struct BrokerTroubleTests {
    @Test("A refused login, a refused certificate and a lost connection are told apart, and news is no trouble")
    func kinds() {
        let prefix = "[thrd:sasl_ssl://k:9093/bootstrap]: sasl_ssl://k:9093/bootstrap: "
        for (line, severity, kind) in [
            ("SASL authentication error: Authentication failed (after 31ms in state AUTH_REQ)", 3, .login),
            ("SASL PLAIN mechanism handshake failed: broker's supported mechanisms: SCRAM-SHA-512", 3, .login),
            ("Broker: Topic authorization failed (TOPIC_AUTHORIZATION_FAILED)", 6, .login),
            ("SSL handshake failed: certificate verify failed: broker certificate is not verified", 3, .certificate),
            ("Failed to verify broker certificate: certificate has expired", 3, .certificate),
            ("Connect to ipv4#127.0.0.1:9092 failed: Connection refused (after 0ms in state CONNECT)", 3, .connection),
            ("Disconnected (after 300069ms in state UP)", 6, .connection),
            ("Failed to resolve 'k:9092': Name or service not known", 3, .connection),
        ] as [(String, Int, BrokerTrouble)] {
            #expect(BrokerTrouble(prefix + line, severity: severity) == kind, "\(line)")
        }
        for (line, severity) in [
            ("Group \"nlq.land\" is rebalancing in state up", 6), ("3/3 brokers are down", 3), ("", 7),
        ] { #expect(BrokerTrouble(prefix + line, severity: severity) == nil, "\(line)") }
    }
}
