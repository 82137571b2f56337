// SPDX-License-Identifier: Apache-2.0

import CRdKafka
import RecordLog

/// Addresses of the brokers and the settings for talking to them.
struct ClientConfiguration: Sendable {
    /// `host:port`, several separated by commas.
    let brokers: String
    /// The user's librdkafka properties.
    let properties: [String: String]
    /// Tells whether the brokers are to be read and left with more care than Kafka needs (`KafkaLog.quirksProperty`).
    let hasQuirks: Bool
    /// The time that a call waits for the brokers before it is made again (`KafkaLog.callTimeoutProperty`).
    let callTimeout: CallTimeout
    /// Events that the clients report on their own, with secrets taken out.
    let events: ClientEvents

    /// - Throws: `LogError.Code.invalidArgument` for a value that a property of Millrace's own does not take.
    init(
        brokers: String, properties: [String: String], onEvent: @escaping @Sendable (KafkaEvent) -> Void = { _ in }
    ) throws(LogError) {
        self.brokers = brokers
        var properties = properties
        switch properties.removeValue(forKey: KafkaLog.quirksProperty) {
        case "true": self.hasQuirks = true
        case nil, "false": self.hasQuirks = false
        case .some(let value):
            throw LogError(.invalidArgument, "\(KafkaLog.quirksProperty) is `true` or `false`, not “\(value)”")
        }
        self.callTimeout = try CallTimeout(properties.removeValue(forKey: KafkaLog.callTimeoutProperty))
        self.properties = properties
        let secrets = properties.filter { Self.isSecret($0.key) }.map(\.value)
        self.events = ClientEvents { event in onEvent(event.redacting(secrets)) }
        // Kept for good, one for each log: librdkafka's threads may speak as long as any client of it lives.
        _ = Unmanaged.passRetained(self.events)
    }

    /// Properties that an error may not repeat the value of.
    private static let secretWords = [
        "password", "secret", "key.pem", "token", "credential", "oauthbearer.config", "username", "jaas",
    ]

    /// A text with the values of secret properties taken out.
    func redacted(_ text: String) -> String {
        text.redacting(self.properties.filter { Self.isSecret($0.key) }.map(\.value))
    }

    /// Tells whether a property's value must not be shown.
    static func isSecret(_ name: String) -> Bool { self.secretWords.contains { name.contains($0) } }

    /// A client of librdkafka's, which belongs to the caller.
    ///
    /// The user's properties win over `defaults`, and `required` over the user's: these are what the log's promises
    /// rest on.
    func makeClient(
        _ type: rd_kafka_type_t, defaults: [String: String] = [:], required: [String: String],
        _ prepare: (OpaquePointer) -> Void = { _ in }
    ) throws(LogError) -> OpaquePointer {
        guard let configuration = rd_kafka_conf_new() else { throw LogError(.failed, "no memory for a Kafka client") }
        self.events.attach(to: configuration)
        do throws(LogError) {
            var all = defaults.merging(self.properties) { $1 }.merging(required) { $1 }
            all["bootstrap.servers"] = self.brokers
            for (name, value) in all.sorted(by: { $0.key < $1.key }) { try self.set(name, value, in: configuration) }
        } catch {
            rd_kafka_conf_destroy(configuration)
            throw error
        }
        prepare(configuration)
        var reason = [CChar](repeating: 0, count: 512)
        guard let client = rd_kafka_new(type, configuration, &reason, reason.count) else {
            rd_kafka_conf_destroy(configuration)
            throw LogError(.invalidArgument, "Kafka client of \(self.brokers): \(self.redacted(text(reason)))")
        }
        return client
    }

    /// The library's message repeats the value, so it is not used.
    private func set(_ name: String, _ value: String, in configuration: OpaquePointer) throws(LogError) {
        switch rd_kafka_conf_set(configuration, name, value, nil, 0) {
        case RD_KAFKA_CONF_OK: return
        case RD_KAFKA_CONF_UNKNOWN:
            throw LogError(.invalidArgument, "librdkafka has no property \(name), or was built without it")
        default:
            let shown = Self.isSecret(name) ? "its value" : "“\(self.redacted(value))”"
            throw LogError(
                .invalidArgument,
                "the librdkafka property \(name) does not take \(shown), or librdkafka was built without it")
        }
    }
}

/// The times that calls of readers and writers wait for brokers that do not answer.
struct CallTimeout: Hashable, Sendable {
    /// One call, in milliseconds.
    var milliseconds: Int32 = 30_000

    /// 30 s
    init() {}

    /// Reads the property; 30 s where it is not set.
    init(_ property: String?) throws(LogError) {
        guard let property else { return }
        guard let milliseconds = Int32(property), (100...600_000).contains(milliseconds) else {
            throw LogError(
                .invalidArgument, "\(KafkaLog.callTimeoutProperty) is 100 to 600000 milliseconds, not “\(property)”")
        }
        self.milliseconds = milliseconds
    }

    /// A call and its repetitions.
    var patience: Duration { .milliseconds(3 * Int(self.milliseconds)) }
    /// The search for what became of a commit.
    var decision: Duration { .milliseconds(4 * Int(self.milliseconds)) }
}

extension String {
    /// The text without some secrets.
    fileprivate func redacting(_ secrets: [String]) -> String {
        secrets.filter { !$0.isEmpty }.reduce(self) { text, secret in
            text.split(separator: secret, omittingEmptySubsequences: false).joined(separator: "[redacted]")
        }
    }
}

extension KafkaEvent {
    fileprivate func redacting(_ secrets: [String]) -> KafkaEvent {
        switch self {
        case .log(let severity, let facility, let text):
            .log(severity: severity, facility: facility, text: text.redacting(secrets))
        case .statistics(let json): .statistics(json: json.redacting(secrets))
        }
    }
}

/// A NUL-terminated text that C has written.
func text(_ characters: [CChar]) -> String {
    String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
