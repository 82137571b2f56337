// SPDX-License-Identifier: Apache-2.0

import CRdKafka
import Synchronization

/// A message of librdkafka's beside the results of calls. Secrets are taken out before anyone sees it.
public enum KafkaEvent: Hashable, Sendable {
    /// A line of its log; the severity is syslog's, 3 for an error, 7 for debugging. The facility is a word of
    /// librdkafka's: `FAIL` where a connection could not be made or broke.
    case log(severity: Int, facility: String, text: String)
    /// A client's statistics as JSON, every `statistics.interval.ms` if that property is set.
    case statistics(json: String)
}

/// Passes on what the clients of a log say, and remembers the last that sounded like trouble.
///
/// A client of a group has a subclass of its own as its context, since librdkafka has one context a client.
class ClientEvents: @unchecked Sendable {
    // @unchecked: both properties are constant, and `Problem` guards itself.
    private let report: @Sendable (KafkaEvent) -> Void
    private let problem: Problem

    private final class Problem: Sendable {
        let text = Mutex<String?>(nil)
    }

    init(report: @escaping @Sendable (KafkaEvent) -> Void) {
        self.report = report
        self.problem = Problem()
    }

    /// Shares another's listener and memory.
    init(sharing other: ClientEvents) {
        self.report = other.report
        self.problem = other.problem
    }

    /// The last trouble with a connection, which a call that timed out does not tell.
    var lastProblem: String? { self.problem.text.withLock { $0 } }

    /// Makes this the context of a client to be, which it must outlive.
    func attach(to configuration: OpaquePointer) {
        rd_kafka_conf_set_opaque(configuration, Unmanaged.passUnretained(self).toOpaque())
        rd_kafka_conf_set_log_cb(configuration) { client, severity, facility, line in
            guard let client, let context = rd_kafka_opaque(client) else { return }
            let events = Unmanaged<ClientEvents>.fromOpaque(context).takeUnretainedValue()
            events.take(
                Int(severity), facility.map { String(cString: $0) } ?? "", line.map { String(cString: $0) } ?? "")
        }
        rd_kafka_conf_set_stats_cb(configuration) { _, json, count, context in
            guard let json, let context else { return 0 }
            let text = String(decoding: UnsafeRawBufferPointer(start: json, count: count), as: UTF8.self)
            Unmanaged<ClientEvents>.fromOpaque(context).takeUnretainedValue().report(.statistics(json: text))
            return 0
        }
    }

    private func take(_ severity: Int, _ facility: String, _ line: String) {
        // The rest of the line is the thread's and the broker's names.
        // That all brokers are down says less than what was said of each before.
        if severity <= 4 || facility == "FAIL", !line.hasSuffix("brokers are down") {
            self.problem.text.withLock { $0 = line.components(after: "]: ") }
        }
        self.report(.log(severity: severity, facility: facility, text: line))
    }
}

extension String {
    /// Returns the components after the first occurrence of a mark; everything if there is none.
    fileprivate func components(after mark: String) -> String {
        self.firstRange(of: mark).map { String(self[$0.upperBound...]) } ?? self
    }
}
