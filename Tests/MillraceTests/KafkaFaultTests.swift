// SPDX-License-Identifier: Apache-2.0

import Foundation
import KafkaBroker
import Testing

/// Brokers that are away or come and go, wrong settings, and records that others wrote.
@Suite(
    "Kafka: faults", .serialized, .enabled(if: Broker.program != nil, "\(Broker.missing)"),
    .enabled(if: OtherClient.isThere, "\(OtherClient.missing)"))
struct KafkaFaultTests {
    // MARK: Brokers

    @Test("A broker that is not there is named, soon")
    func awayAtStart() async throws {
        let folder = try TestFolder()
        let topology = try TestTopology.write("naq", rotate: "{ seconds: 1 }", into: folder)
        // Port 9 is nobody's on a loopback interface.
        let commands = [
            ["run", topology], ["status"], ["topics", "list"], ["replay", topology, "--from", "earliest"],
        ]
        let processes = try commands.map {
            try TestHome(folder.file("home")).start($0 + ["--log", "kafka://127.0.0.1:9"])
        }
        for process in processes {
            let result = try await process.finished(seconds: 30)
            #expect(result.end == .exit(1), "\(result.story)")
            #expect(result.errorText.contains("127.0.0.1:9"), "\(result.story)")
        }
    }

    @Test(
        "A broker that is restarted in mid-run, and one that stays away for longer than a call waits",
        arguments: [0, 3])
    func restarted(secondsAway: Int) async throws {
        let bench = try await KafkaBench()
        let name = secondsAway == 0 ? "nlq" : "naq"
        // A call waits as long as the broker is away: a tenth of the half minute that it waits for by default.
        let calls = secondsAway == 0 ? [] : ["--kafka-property", "millrace.call.timeout.ms=\(secondsAway * 1000)"]
        let topology = try bench.topology(name)
        let quiet = try await bench.quiet(topology)
        let process = try bench.home.start(["run", topology, "--until-idle", "--max-rate", "900"] + calls)
        try await Self.awaitFiles(8, of: name, by: process, in: bench)
        try await Self.stopBroker(under: [process], in: bench)
        try await Task.sleep(for: .seconds(secondsAway))
        try bench.broker.start()
        let result = try await process.finished(seconds: 120)
        #expect(result.code == 0, "\(result.story)")
        try await bench.expectShards(of: name, equal: try await quiet.shards(of: name))
        for topic in name == "nlq" ? ["blocks", "queries", "queries.rejected"] : [] {
            try await bench.home.expectTopic(topic, equals: quiet)
        }
    }

    @Test("Ctrl-C while the broker is away ends, a second one at once; the next run ends with the same bytes")
    func interruptedWhileAway() async throws {
        let bench = try await KafkaBench()
        let topologies = try ["naq", "nlq"].map { try bench.topology($0) }
        var quiets: [TestHome] = []
        for topology in topologies {
            quiets.append(try await bench.quiet(topology, as: "quiet-\(quiets.count)"))
        }
        let processes = try topologies.map { try bench.home.start(["run", $0, "--max-rate", "800"]) }
        try await Self.awaitFiles(4, of: "naq", by: processes[0], in: bench)
        try await Self.awaitFiles(4, of: "nlq", by: processes[1], in: bench)
        try await Self.stopBroker(under: processes, in: bench)
        // Time to have something that cannot be committed.
        try await Task.sleep(for: .seconds(2))
        for process in processes {
            process.send(SIGINT)
            while process.isRunning, !process.errorsSoFar.contains("stopping") {
                try await Task.sleep(for: .milliseconds(5))
            }
        }
        processes[1].send(SIGINT)
        let hurried = try await processes[1].finished(seconds: 5)
        #expect(hurried.end == .exit(130), "\(hurried.story)")
        let patient = try await processes[0].finished(seconds: 50)
        #expect(patient.end == .exit(130), "\(patient.story)")

        try bench.broker.start()
        try await bench.home.expire(processes[0], in: ["naq.land"])
        try await bench.home.expire(processes[1], in: ["nlq.curate", "nlq.generate", "nlq.land"])
        for (name, (topology, quiet)) in zip(["naq", "nlq"], zip(topologies, quiets)) {
            try await bench.home.output("run", topology, "--until-idle")
            try await bench.expectShards(of: name, equal: try await quiet.shards(of: name))
        }
    }

    /// Stops the broker between transactions, and while nobody talks to it: noida-db 0.2.3 loses what it acknowledges
    /// while it writes its data down to end, and what an open transaction has written by then, which Kafka does not.
    private static func stopBroker(under processes: [MillraceProcess], in bench: KafkaBench) async throws {
        repeat {
            for process in processes { process.send(SIGCONT) }
            try await Task.sleep(for: .milliseconds(20))
            for process in processes { process.send(SIGSTOP) }
            try await Task.sleep(for: .milliseconds(300))
        } while try OtherClient.seesOpenTransactions(on: bench.home.address)
        bench.broker.stop()
        for process in processes { process.send(SIGCONT) }
    }

    /// Waits until a process has published so many shards.
    private static func awaitFiles(
        _ count: Int, of set: String, by process: MillraceProcess, in bench: KafkaBench
    ) async throws {
        while process.isRunning, bench.home.home.published(of: set).count < count {
            try await Task.sleep(for: .milliseconds(10))
        }
        #expect(process.isRunning, "it was still at work")
    }

    // MARK: Settings

    @Test("Topics with other partitions are refused with the remedy")
    func otherPartitions() async throws {
        let bench = try await KafkaBench()
        let topology = try bench.topology("naq")
        let text = try String(contentsOfFile: topology, encoding: .utf8)
        let wider = try bench.folder.write("partitions: 6\n" + text, to: "topologies/wider.yaml")
        let source = try await bench.home.run("run", wider, "--until-idle")
        #expect(source.end == .exit(2), "\(source.story)")
        source.says("narrations", "4 partitions", "`partitions: 4`")

        try OtherClient.run(
            """
            import sys
            from confluent_kafka.admin import AdminClient, NewTopic
            admin = AdminClient({"bootstrap.servers": sys.argv[1]})
            for future in admin.create_topics([NewTopic("naq.dead-letters", 3, 1)]).values(): future.result()
            """, [bench.home.address])
        let own = try await bench.home.run("run", topology, "--until-idle")
        #expect(own.end == .exit(2), "\(own.story)")
        own.says("naq.dead-letters", "3 partitions", "wants 4")
        #expect(!own.errorText.contains("another home"), "topics in Kafka are not the home's: \(own.errorText)")
        #expect(try await bench.home.listed(in: "naq").isEmpty)
    }

    @Test("Properties that librdkafka does not take are named, before anything is done")
    func properties() async throws {
        let folder = try TestFolder()
        let home = TestHome(folder.file("home"))
        let cases: [(arguments: [String], words: [String])] = [
            (["--kafka-property", "fetch.wait.maximum=1"], ["fetch.wait.maximum"]),
            (["--kafka-property", "fetch.wait.max.ms=soon"], ["fetch.wait.max.ms"]),
            (["--kafka-property", "fetch.wait.max.ms"], ["--kafka-property", "NAME=VALUE"]),
            (["--kafka-property", "bootstrap.servers=elsewhere:9092"], ["--log"]),
            (["--kafka-config", folder.file("none").path], ["--kafka-config"]),
            (["--kafka-config", try folder.write("acks=all\nfetch.wait.max.ms\n", to: "bad")], ["bad:2"]),
        ]
        for (arguments, words) in cases {
            let result = try await home.start(["status", "--log", "kafka://127.0.0.1:9"] + arguments).finished()
            #expect(result.end == .exit(2), "\(result.story)")
            for word in words { result.says(word) }
        }
        for log in [
            "kafka://", "kafka://localhost", "kafka://localhost:99999", "kafka:/localhost:9092", "kafka://a:1,,b:2",
        ] {
            let result = try await home.start(["status", "--log", log]).finished()
            #expect(result.end == .exit(2), "\(result.story)")
        }
    }

    // MARK: Records of others

    @Test(
        "A tombstone, an empty value, a header of a megabyte and bytes that are no JSON are counted or dead letters",
        arguments: ["naq", "nlq"])
    func strangeRecords(name: String) async throws {
        let bench = try await KafkaBench()
        let topology = try bench.topology(name)
        let quiet = try await bench.quiet(topology)
        let count = 9
        try OtherClient.run(Self.strangeProducer, [bench.home.address])
        let narrations = try await bench.home.records(of: "narrations")
        #expect(narrations.joined().count { $0.content.contains("stranger") } >= count)

        let result = try await bench.home.output("run", topology, "--until-idle", "--json")
        let stages = try JSONTree(result.output)["stages"].array
        // A tombstone says nothing, and nothing is wrong with it.
        #expect(stages.first?["counts"]["read.tombstone"].int == 4, "\(result.outputText)")
        #expect(stages.first?["dead_letters"].int == 4 * (count - 1), "\(result.outputText)")
        let letters = try await bench.home.records(of: "\(name).dead-letters")
        for (partition, records) in letters.enumerated() {
            #expect(records.count == count - 1)
            for record in records {
                let value = try record.json["value"]
                #expect(value["reason"].string?.isEmpty == false && value["step"].string?.isEmpty == false)
                #expect(value["topic"].string == "narrations" && value["partition"].int == partition)
                let source = narrations[partition].first { $0.offset == value["offset"].int }
                #expect(source?.content.contains("stranger") == true, "\(record.content.prefix(300))")
            }
        }
        try await bench.expectShards(of: name, equal: try await quiet.shards(of: name))
    }

    /// Writes one of each kind into every partition, with a key that says so.
    private static let strangeProducer = """
        import sys
        from confluent_kafka import Producer
        producer = Producer({"bootstrap.servers": sys.argv[1], "message.max.bytes": 4000000})
        failures = []
        def write(partition, value, key=b"stranger", **more):
            producer.produce("narrations", key=key, value=value, partition=partition,
                on_delivery=lambda error, message: failures.append(str(error)) if error else None, **more)
        for partition in range(4):
            write(partition, None)
            write(partition, b"")
            write(partition, b"stranger", headers=[("large", b"x" * 1000000)])
            write(partition, bytes(range(256)), headers=[("by", b"stranger")])
            write(partition, b'{"kind": "narration", "video_uid": "stranger"')
            write(partition, b"[1, 2, 3]")
            write(partition, b'{"kind": "stranger"}')
            write(partition, b"null", key=None, headers=[("by", b"stranger"), ("empty", b""), ("none", None)])
            write(partition, b"[" * 100000, headers=[("by", b"stranger")])
            producer.flush(30)
        sys.exit("; ".join(failures) if failures else 0)
        """
}
