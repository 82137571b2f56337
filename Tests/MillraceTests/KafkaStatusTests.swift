// SPDX-License-Identifier: Apache-2.0

import Foundation
import KafkaBroker
import Testing

/// The report of `status` on a running topology, from a machine that has nothing of it but the brokers' address.
@Suite("Kafka: status", .serialized, .enabled(if: Broker.program != nil, "\(Broker.missing)"))
struct KafkaStatusTests {
    @Test("From another home: members, partitions, lag, rates and the last commit of each task")
    func fromAnywhere() async throws {
        let bench = try await KafkaBench()
        let topology = try bench.topology("nlq")
        // Minutes of work: whoever looks on a busy machine must not find it done.
        let run = ["run", topology, "--max-rate", "15"]
        let first = try bench.home.start(run)
        let second = try bench.home.start(run)
        let there = bench.home.elsewhere(bench.folder.file("another-machine"))
        for group in ["nlq.curate", "nlq.generate", "nlq.land"] {
            try await there.awaitGroup(group, "both share") { $0.isShared(by: first, second) }
        }
        let narrations = try await there.records(of: "narrations")
        let begin = Date().timeIntervalSince1970 * 1000
        try await there.awaitGroup("nlq.curate", "every task has committed since then") { status in
            status.tasks.count == 4 && status.tasks.allSatisfy { Double($0.lastCommit ?? 0) > begin }
        }
        let status = try await there.group("nlq.curate", interval: 1)
        #expect(status.isShared(by: first, second))
        #expect(status.lag > 0 && status.rate > 0 && status.records > 0, "\(status)")
        #expect(status.lag == status.tasks.reduce(0) { $0 + $1.lag })
        #expect(status.records == status.tasks.reduce(0) { $0 + $1.records })
        for task in status.tasks {
            let owner = try #require(status.members.first { $0.id == task.member }, "\(task)")
            #expect(owner.partitions.contains(task.partition), "\(task)")
            let end = try #require(narrations[task.partition].last).offset + 1
            let committed = try #require(task.committed)
            // Behind the last record may be a transaction's marker.
            #expect((0...1).contains(committed + task.lag - end), "\(task), the end is \(end)")
            #expect(Double(task.lastCommit ?? 0) <= Date().timeIntervalSince1970 * 1000)
        }
        let text = try await there.output("status", "--interval", "0").outputText
        #expect(text.contains("nlq.curate") && text.contains("narrations[3]"), "\(text)")
        #expect(
            !FileManager.default.fileExists(atPath: there.home.url.path),
            "looking creates nothing: \(there.home.url.path)")
        for process in [first, second] {
            process.send(SIGINT)
            let result = try await process.finished(seconds: 40)
            #expect(result.code == 130, "\(result.story)")
        }
        let stopped = try await there.group("nlq.curate")
        #expect(stopped.members.isEmpty)
        #expect(stopped.tasks.count == 4 && stopped.tasks.allSatisfy { $0.member == nil && $0.committed != nil })
    }

    @Test("No secret is in what is printed, however it was given and however much is said")
    func secrets() async throws {
        let bench = try await KafkaBench()
        let topology = try bench.topology("naq")
        let secrets = ["sesame-of-an-option", "sesame-of-a-file", "sesame-of-the-environment", "sesame-of-oauth"]
        let file = try bench.folder.write(
            "# as a user keeps it\nssl.key.password=\(secrets[1])\nsasl.mechanism=PLAIN\n", to: "kafka.properties")
        let options = [
            "--kafka-config", file, "--kafka-property", "sasl.password=\(secrets[0])", "--kafka-property",
            "sasl.username=ali",
            "--kafka-property", "debug=all", "--log-level", "debug",
        ]
        let environment = [
            "MILLRACE_KAFKA_SASL_OAUTHBEARER_CONFIG": "principal=\(secrets[3])",
            "MILLRACE_KAFKA_SSL_KEYSTORE_PASSWORD": secrets[2],
        ]
        let commands = [
            ["run", topology, "--until-idle", "--json"], ["status", "--json"], ["status"], ["topics", "list"],
            ["replay", topology, "--from", "earliest", "--dry-run"],
        ]
        for command in commands {
            let result = try await bench.home.start(command + options, environment: environment).finished()
            #expect(result.code == 0, "\(result.story)")
            #expect(result.errorText.contains("librdkafka"), "it was talkative")
            for secret in secrets {
                #expect(
                    !result.errorText.contains(secret) && !result.outputText.contains(secret), "\(command): \(secret)")
            }
        }
        // Nor in errors: a key that is none, and a property that there is none of.
        for wrong in ["ssl.key.pem=sesame-of-a-typo", "sasl.pasword=sesame-of-a-typo"] {
            let result = try await bench.home.start(
                ["status", "--kafka-property", "security.protocol=ssl", "--kafka-property", wrong]
            ).finished()
            #expect(result.end == .exit(2), "\(result.story)")
            #expect(!result.errorText.contains("sesame"), "\(result.errorText)")
        }
    }
}
