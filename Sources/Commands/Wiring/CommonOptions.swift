// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation

/// Options that every command has.
struct CommonOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Folder of the embedded log, the shards and the checkpoints (or MILLRACE_HOME; default .millrace).",
            valueName: "dir"))
    var home: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "The log: embedded, or kafka://HOST:PORT[,HOST:PORT…] (or MILLRACE_LOG; default embedded).",
            valueName: "log"))
    var log: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "A property for librdkafka, such as security.protocol=ssl; repeatable. Secrets are better kept in the "
                + "environment: MILLRACE_KAFKA_SASL_PASSWORD is sasl.password, and so on.",
            valueName: "name=value"))
    var kafkaProperty: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp(
            "A file of such properties, one name=value a line (or MILLRACE_KAFKA_CONFIG).", valueName: "file"))
    var kafkaConfig: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "A file of variables for the environment, NAME=VALUE a line; those that are set already stay.",
            valueName: "file"))
    var envFile: String?

    @Flag(name: .long, help: "Print results as JSON.")
    var json = false

    @OptionGroup var logs: LogOptions

    /// The home that these options name.
    func makeHome() throws -> Home {
        if let file = self.envFile { try EnvironmentFile.apply(file) }
        try self.logs.apply()
        let environment = ProcessInfo.processInfo.environment
        let home = self.home ?? environment["MILLRACE_HOME"] ?? ".millrace"
        let location = try LogLocation(parsing: self.log ?? environment["MILLRACE_LOG"] ?? "embedded")
        guard case .kafka = location else {
            if !self.kafkaProperty.isEmpty || self.kafkaConfig != nil {
                throw CommandFailure(
                    .usage, "--kafka-property and --kafka-config need a log in Kafka: add --log kafka://HOST:PORT")
            }
            return Home(path: home, location: location)
        }
        let properties = try KafkaProperties.gather(
            options: self.kafkaProperty, file: self.kafkaConfig ?? environment["MILLRACE_KAFKA_CONFIG"],
            environment: environment)
        Secrets.know { secrets in for (name, value) in properties { secrets.learn(name, value) } }
        return Home(path: home, location: location, kafkaProperties: properties)
    }
}

extension ArgumentHelp {
    /// Help of `--as`.
    static var alias: ArgumentHelp {
        ArgumentHelp(
            "Another name for the topology, and topics, dead letters and a set of its own behind it: NAME.blocks, and the "
                + "set NAME where there is one. What it only reads stays. For a run beside one that has those names.",
            valueName: "name")
    }
}

/// The log that a command works on.
enum LogLocation: Equatable {
    /// The SQLite file in the home.
    case embedded
    /// These brokers: `host:port`, separated by commas.
    case kafka(brokers: String)

    /// Reads `--log`.
    init(parsing text: String) throws {
        if text == "embedded" {
            self = .embedded
            return
        }
        let scheme = "kafka://"
        guard !text.contains("@") else {
            // Said without the text: what stands before an `@` may be a password.
            throw CommandFailure(
                .usage,
                "--log takes no user or password: write kafka://HOST:PORT, and give them by the environment, as "
                    + "MILLRACE_KAFKA_SASL_USERNAME and MILLRACE_KAFKA_SASL_PASSWORD, or in a --kafka-config file")
        }
        guard text.hasPrefix(scheme) else {
            throw CommandFailure(.usage, "unknown log `\(text)`: it is `embedded` or `kafka://HOST:PORT[,HOST:PORT…]`")
        }
        let brokers = text.dropFirst(scheme.count).split(separator: ",", omittingEmptySubsequences: false).map(
            String.init)
        for broker in brokers where !Self.isBroker(broker) {
            throw CommandFailure(
                .usage, "`\(text)`: “\(broker)” is no broker; write HOST:PORT, such as kafka://localhost:9092")
        }
        self = .kafka(brokers: brokers.joined(separator: ","))
    }

    private static func isBroker(_ text: String) -> Bool {
        guard let colon = text.lastIndex(of: ":") else { return false }
        let host = text[..<colon]
        let port = UInt16(text[text.index(after: colon)...])
        // A path, a user or another scheme in it is a mistake that librdkafka would answer with a time-out.
        return !host.isEmpty && port != nil && !host.contains { "/@ ".contains($0) }
    }
}
