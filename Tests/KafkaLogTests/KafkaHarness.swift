// SPDX-License-Identifier: Apache-2.0

import Foundation
import KafkaBroker
import KafkaLog
import RecordLog
import RecordLogTesting
import Records

extension KafkaLog {
    /// The log on a broker that is not quite Kafka.
    convenience init(on broker: Broker) throws(LogError) {
        try self.init(brokers: broker.address, properties: [KafkaLog.quirksProperty: "true"])
    }
}

/// The log on the broker, every harness with names of its own.
final class KafkaHarness: RecordLogHarness {
    let features: Set<ConformanceFeature> = [.offsetGaps, .durability, .silentDeath]
    let sessionTimeoutMilliseconds = 6_000
    let patienceMilliseconds = 40_000
    let pollMilliseconds = 50
    private let prefix = "t\(UUID().uuidString.prefix(8).lowercased())."
    private let broker: Broker

    init(_ broker: Broker) { self.broker = broker }

    func open() throws -> any RecordLog { try KafkaLog(on: self.broker) }

    func name(_ base: String) -> String { self.prefix + base }

    func now() -> Timestamp { Timestamp(Date().timeIntervalSince1970 * 1000) }

    func elapse(milliseconds: Int) { Thread.sleep(forTimeInterval: Double(milliseconds) / 1000) }
}
