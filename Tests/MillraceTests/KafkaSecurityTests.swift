// SPDX-License-Identifier: Apache-2.0

import Foundation
import KafkaBroker
import Testing

/// TLS, by a proxy that ends it in front of the broker.
@Suite(
    "Kafka: TLS", .serialized, .enabled(if: Broker.program != nil, "\(Broker.missing)"),
    .enabled(if: SecurityTools.areThere, "\(SecurityTools.missing)"))
struct KafkaTLSTests {
    /// All checks on, as a user of a real cluster has them.
    private static func properties(trusting authority: String) -> [(name: String, value: String)] {
        [
            ("security.protocol", "ssl"), ("ssl.ca.location", authority),
            ("enable.ssl.certificate.verification", "true"), ("ssl.endpoint.identification.algorithm", "https"),
        ]
    }

    private static func options(trusting authority: String) -> [String] {
        Self.properties(trusting: authority).flatMap { ["--kafka-property", "\($0.name)=\($0.value)"] }
    }

    @Test("A whole run, with properties by option, by file and by environment") func wholeRun() throws {
        let bench = try Workbench(videos: 12)
        let broker = try Broker()
        defer { broker.remove() }
        let certificates = try Certificates(in: bench.folder)
        let proxy = try TLSProxy(of: broker.address, as: certificates.right, in: bench.folder)
        let properties = Self.properties(trusting: certificates.authority)
        let log = ["--log", "kafka://\(proxy.address)"]

        try bench.expect(0, Workbench.ingestWorld + log + Self.options(trusting: certificates.authority))
        let afterIngest = proxy.handshakes
        #expect(afterIngest > 0)

        let file = try bench.folder.write(
            "# For the cluster of the test.\n" + properties.map { "\($0.name) = \($0.value)\n" }.joined(),
            to: "kafka.properties")
        let run = ["run", Workbench.topology("naq"), "--until-idle"]
        try bench.expect(0, run + log + ["--kafka-config", file])
        let afterRun = proxy.handshakes
        #expect(afterRun > afterIngest)

        let variables = properties.map { property in
            ("MILLRACE_KAFKA_" + property.name.uppercased().replacing(".", with: "_"), property.value)
        }
        var environment = Dictionary(uniqueKeysWithValues: variables)
        environment["MILLRACE_LOG"] = "kafka://\(proxy.address)"
        try bench.expect(0, ["shards", "verify", "naq"], environment: environment)
        let found = try bench.expect(0, ["shards", "cat", "naq"], environment: environment).outputLines
        #expect(proxy.handshakes > afterRun)
        #expect(proxy.refusals == [])

        // As many samples as without Kafka, in a home of its own.
        bench.home = bench.folder.file("quiet").path
        try bench.expect(0, Workbench.ingestWorld)
        try bench.expect(0, run)
        let expected = try bench.expect(0, ["shards", "cat", "naq"]).outputLines
        #expect(found.count == expected.count && !found.isEmpty)
    }

    @Test("A certificate of another authority or host is refused, and said to be why")
    func wrongCertificates() throws {
        let bench = try Workbench()
        let broker = try Broker()
        defer { broker.remove() }
        let certificates = try Certificates(in: bench.folder)
        let cases = [
            ("another authority", certificates.right, certificates.otherAuthority),
            ("another host", certificates.ofAnotherHost, certificates.authority),
        ]
        for (what, server, authority) in cases {
            let proxy = try TLSProxy(of: broker.address, as: server, in: bench.folder)
            let start = ContinuousClock.now
            let result = try bench.expect(
                1, ["status", "--log", "kafka://\(proxy.address)"] + Self.options(trusting: authority))
            #expect(ContinuousClock.now - start < .seconds(90), "\(what)")
            #expect(result.errorText.contains("cannot reach Kafka at \(proxy.address)"), "\(result.story)")
            #expect(result.errorText.contains("certificate verify failed"), "\(result.story)")
            #expect(result.output.isEmpty)
            #expect(proxy.handshakes == 0 && !proxy.refusals.isEmpty, "\(what)")
        }
        // That it was the host's name, and nothing else, in the second.
        let proxy = try TLSProxy(of: broker.address, as: certificates.ofAnotherHost, in: bench.folder)
        let unchecked = Self.options(trusting: certificates.authority).map { $0.replacing("=https", with: "=none") }
        try bench.expect(0, ["status", "--log", "kafka://\(proxy.address)"] + unchecked)
        #expect(proxy.handshakes > 0)
    }

    @Test("A broker with TLS and one without are told apart") func wrongProtocol() throws {
        let bench = try Workbench()
        let broker = try Broker()
        defer { broker.remove() }
        let certificates = try Certificates(in: bench.folder)
        let proxy = try TLSProxy(of: broker.address, as: certificates.right, in: bench.folder)
        let plain = try bench.expect(1, ["status", "--log", "kafka://\(proxy.address)"])
        #expect(plain.errorText.contains("security.protocol"), "\(plain.story)")
        let options = Self.options(trusting: certificates.authority)
        let secure = try bench.expect(1, ["status", "--log", "kafka://\(broker.address)"] + options)
        #expect(secure.errorText.lowercased().contains("ssl"), "\(secure.story)")
        let missing = try bench.expect(
            2, ["status", "--log", "kafka://\(proxy.address)"] + Self.options(trusting: "/no/such/file.pem"))
        #expect(missing.errorText.contains("ssl.ca.location"), "\(missing.story)")
    }
}

/// SASL is passed through, and its secrets are seen nowhere. Untested against a broker that checks passwords: this one
/// (noida-db 0.2.3) takes any with the mechanism PLAIN, and knows no SCRAM.
@Suite("Kafka: SASL", .serialized, .enabled(if: Broker.program != nil, "\(Broker.missing)"))
struct KafkaSASLTests {
    private static let password = "hunter2-9f8e7d"
    private static let user = "alice-5c4b3a"
    /// By the environment, where no other user of the machine reads them.
    private static let environment = [
        "MILLRACE_KAFKA_SECURITY_PROTOCOL": "sasl_plaintext", "MILLRACE_KAFKA_SASL_MECHANISM": "PLAIN",
        "MILLRACE_KAFKA_SASL_USERNAME": user, "MILLRACE_KAFKA_SASL_PASSWORD": password,
    ]

    private static func expectNoSecret(in result: ProcessResult, at place: SourceLocation = #_sourceLocation) {
        for secret in [self.password, self.user, Data(self.password.utf8).base64EncodedString()] {
            #expect(!result.outputText.contains(secret), "on standard output", sourceLocation: place)
            #expect(!result.errorText.contains(secret), "on standard error", sourceLocation: place)
        }
    }

    @Test("A run with a password from the environment, at the level of debugging, shows it nowhere")
    func run() throws {
        let bench = try Workbench(videos: 5)
        let broker = try Broker()
        defer { broker.remove() }
        let log = ["--log", "kafka://\(broker.address)", "--log-level", "debug"]
        // Everything that librdkafka itself has to say, too.
        let talkative = Self.environment.merging(
            ["MILLRACE_KAFKA_DEBUG": "all", "MILLRACE_KAFKA_STATISTICS_INTERVAL_MS": "100"]) { $1 }
        let commands = [
            Workbench.ingestWorld, ["run", Workbench.topology("naq"), "--until-idle"], ["status", "--json"],
            ["topics", "list", "--json"], ["shards", "verify", "naq"],
        ]
        for command in commands {
            let result = try bench.expect(0, command + log, environment: talkative)
            Self.expectNoSecret(in: result)
            #expect(result.errorText.contains("librdkafka"), "nothing was said that could hold a secret")
            #expect(result.errorText.contains("SASL") || result.errorText.contains("sasl"), "\(command) took no SASL")
        }
        // By a file, and by options, whose values the other users of a machine can see.
        let properties = [
            "security.protocol=sasl_plaintext", "sasl.mechanism=PLAIN", "sasl.username=\(Self.user)",
            "sasl.password=\(Self.password)",
        ]
        let file = try bench.folder.write(properties.joined(separator: "\n"), to: "kafka.properties")
        Self.expectNoSecret(in: try bench.expect(0, ["status", "--json", "--kafka-config", file] + log))
        let options = properties.flatMap { ["--kafka-property", $0] }
        Self.expectNoSecret(in: try bench.expect(0, ["status", "--json"] + options + log))
    }

    @Test("Other users of the machine do not see a password from the environment or a file")
    func commandLine() throws {
        let bench = try Workbench(videos: 5)
        let broker = try Broker()
        defer { broker.remove() }
        let log = ["--log", "kafka://\(broker.address)"]
        try bench.expect(0, Workbench.ingestWorld + log, environment: Self.environment)
        let file = try bench.folder.write("sasl.password=\(Self.password)\n", to: "kafka.properties")
        var byFile = Self.environment
        byFile["MILLRACE_KAFKA_SASL_PASSWORD"] = nil
        byFile["MILLRACE_KAFKA_CONFIG"] = file
        for environment in [Self.environment, byFile] {
            let home = ["--home", bench.folder.file("home").path]
            let process = try MillraceProcess(
                ["run", Workbench.topology("naq")] + log + home, environment: environment)
            usleep(1_500_000)
            #expect(process.isRunning, "\(process.errorsSoFar)")
            let line = try Data(contentsOf: URL(fileURLWithPath: "/proc/\(process.pid)/cmdline"))
            let text = String(decoding: line, as: UTF8.self)
            #expect(text.contains("kafka://") && !text.contains(Self.password))
            process.send(SIGTERM)
            Self.expectNoSecret(in: try process.wait(seconds: 60))
        }
    }

    /// A mistake in the configuration, and the exit code that it must give.
    struct Mistake: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var code: Int32
        var environment: [String: String]
        var options: [String] = []
        var isAway = false
        /// The text that the error must contain.
        var says: String
    }

    static let mistakes = [
        Mistake(
            testDescription: "a mechanism that the broker does not know", code: 1,
            environment: ["MILLRACE_KAFKA_SASL_MECHANISM": "SCRAM-SHA-256"], says: "SASL"),
        Mistake(
            testDescription: "a mechanism that nobody knows", code: 2,
            environment: ["MILLRACE_KAFKA_SASL_MECHANISM": "SMOKE-SIGNALS"], says: "Unsupported SASL mechanism"),
        Mistake(testDescription: "no broker", code: 1, environment: [:], isAway: true, says: "cannot reach Kafka"),
        Mistake(
            testDescription: "a property that does not exist", code: 2,
            environment: ["MILLRACE_KAFKA_SASL_PASSWORDS": password], says: "sasl.passwords"),
        Mistake(
            testDescription: "the password in the wrong place", code: 2, environment: [:],
            options: ["--kafka-property", "session.timeout.ms=\(password)"], says: "session.timeout.ms"),
        Mistake(
            testDescription: "the password without a name", code: 2, environment: [:],
            options: ["--kafka-property", password], says: "NAME=VALUE"),
    ]

    @Test("A mistake is explained without the password", arguments: Self.mistakes)
    func mistake(_ mistake: Mistake) throws {
        let bench = try Workbench()
        let broker = try #require(Broker.shared, "the broker did not start")
        let address = mistake.isAway ? "127.0.0.1:1" : broker.address
        let result = try bench.expect(
            mistake.code,
            ["status", "--json", "--log", "kafka://\(address)", "--log-level", "debug"] + mistake.options,
            environment: Self.environment.merging(mistake.environment) { $1 })
        Self.expectNoSecret(in: result)
        #expect(result.errorText.contains(mistake.says), "\(result.story)")
    }
}
