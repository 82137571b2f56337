// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Commands

/// The use that the metrics make of librdkafka's lines.
@Suite("Trouble with brokers")
struct BrokerTroubleTests {
    @Test("A refused login, a refused certificate and a lost connection are told apart, and news is no trouble")
    func kinds() {
        let prefix = "[thrd:sasl_ssl://k:9093/bootstrap]: sasl_ssl://k:9093/bootstrap: "
        for (line, facility, severity, kind) in [
            ("SASL authentication error: Authentication failed (after 31ms in state AUTH_REQ)", "FAIL", 3, .login),
            ("SASL PLAIN mechanism handshake failed: broker's supported mechanisms: SCRAM-SHA-512", "FAIL", 3, .login),
            ("Broker: Topic authorization failed (TOPIC_AUTHORIZATION_FAILED)", "ERROR", 6, .login),
            (
                "SSL handshake failed: certificate verify failed: broker certificate is not verified", "FAIL", 3,
                .certificate
            ),
            ("Failed to verify broker certificate: certificate has expired", "SSLCERTVRFY", 3, .certificate),
            (
                "Connect to ipv4#127.0.0.1:9092 failed: Connection refused (after 0ms in state CONNECT)", "FAIL", 3,
                .connection
            ),
            ("Disconnected (after 300069ms in state UP)", "FAIL", 6, .connection),
            ("Failed to resolve 'k:9092': Name or service not known", "FAIL", 3, .connection),
            ("1 request(s) timed out: disconnect (after 70008ms in state UP)", "FAIL", 3, .connection),
        ] as [(String, String, Int, BrokerTrouble)] {
            #expect(BrokerTrouble(prefix + line, facility: facility, severity: severity) == kind, "\(line)")
        }
        for (line, facility, severity) in [
            ("Group \"nlq.land\" is rebalancing in state up", "CGRPJOIN", 6), ("3/3 brokers are down", "ERROR", 3),
            ("", "", 7),
            (
                "Fatal transaction error: Failed to add offsets to transaction: Local: This instance has been fenced",
                "TXNERR", 2
            ),
            ("Application maximum poll interval (300000ms) exceeded by 12ms", "MAXPOLL", 4),
            ("Configuration property ssl.certificate.location is a producer property", "CONFWARN", 4),
            ("Loading CA certificate(s) from file", "SSL", 7),
            ("Disconnected: idle for 600000ms", "FAIL", 7),
        ] {
            #expect(BrokerTrouble(prefix + line, facility: facility, severity: severity) == nil, "\(line)")
        }
    }
}
