// SPDX-License-Identifier: Apache-2.0

import Foundation
import KafkaBroker

/// Another client of the broker, with another library: the `confluent-kafka` that is installed beside the broker.
enum OtherClient {
    static let missing = "needs confluent-kafka beside the broker: run `ops/setup --tests`"

    /// The interpreter that has it.
    static let python: String? = Broker.program.map {
        URL(filePath: $0).deletingLastPathComponent().appending(path: "python").path
    }

    static let isThere: Bool = {
        guard Self.python != nil else { return false }
        return (try? Self.run("import confluent_kafka", [])) != nil
    }()

    /// Runs a script.
    /// - Returns: what it printed.
    @discardableResult
    static func run(_ script: String, _ arguments: [String]) throws -> String {
        guard let python else { throw ProcessFailure(description: Self.missing) }
        let process = Process()
        process.executableURL = URL(filePath: python)
        process.arguments = ["-c", script] + arguments
        let output = Pipe()
        let errors = Pipe()
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        let said = try output.fileHandleForReading.readToEnd() ?? Data()
        let complaint = try errors.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw ProcessFailure(description: String(decoding: complaint, as: UTF8.self))
        }
        return String(decoding: said, as: UTF8.self)
    }

    /// Leaves a group as one of its members.
    static func leave(_ group: String, as member: String, on address: String) throws {
        let script = """
            import socket, struct, sys
            address, group, member = sys.argv[1:]
            host, port = address.rsplit(":", 1)
            text = lambda value: struct.pack(">h", len(value)) + value.encode()
            request = struct.pack(">hhi", 13, 0, 1) + text("test") + text(group) + text(member)  # LeaveGroup
            with socket.create_connection((host, int(port)), timeout=10) as connection:
                connection.sendall(struct.pack(">i", len(request)) + request)
                error = struct.unpack(">iih", connection.recv(64)[:10])[2]
                sys.exit(f"LeaveGroup: error {error}" if error not in (0, 25) else 0)
            """
        try Self.run(script, [address, group, member])
    }

    /// Tells whether any partition holds records of a transaction that is not decided.
    static func seesOpenTransactions(on address: String) throws -> Bool {
        let script = """
            import sys
            from confluent_kafka import TopicPartition, IsolationLevel
            from confluent_kafka.admin import AdminClient, OffsetSpec
            admin = AdminClient({"bootstrap.servers": sys.argv[1]})
            topics = admin.list_topics(timeout=10).topics.values()
            partitions = [TopicPartition(topic.topic, number) for topic in topics for number in topic.partitions]
            def ends(level):
                found = admin.list_offsets({entry: OffsetSpec.latest() for entry in partitions}, isolation_level=level)
                return [future.result().offset for future in found.values()]
            print(ends(IsolationLevel.READ_COMMITTED) != ends(IsolationLevel.READ_UNCOMMITTED))
            """
        return try Self.run(script, [address]).contains("True")
    }

    /// The offsets that a group has committed in a topic's partitions; partitions without one are left out.
    static func commits(of group: String, in topic: String, on address: String) throws -> [Int: Int] {
        let script = """
            import json, sys
            from confluent_kafka import Consumer, TopicPartition
            address, group, topic = sys.argv[1:]
            consumer = Consumer({"bootstrap.servers": address, "group.id": group})
            found = consumer.committed([TopicPartition(topic, number) for number in range(4)], timeout=10)
            print(json.dumps([entry.offset for entry in found]))
            """
        let offsets = try JSONTree(try Self.run(script, [address, group, topic])).array.compactMap(\.int)
        return Dictionary(
            uniqueKeysWithValues: offsets.enumerated().filter { $0.element >= 0 }.map { ($0.offset, $0.element) })
    }
}

/// A transaction of another client's that has written a record and is not decided, until it is aborted.
final class OpenTransaction {
    private let process: Process
    private let input = Pipe()

    init(on topic: String, of address: String) throws {
        guard let python = OtherClient.python else { throw ProcessFailure(description: OtherClient.missing) }
        let script = """
            import sys
            from confluent_kafka import Producer
            producer = Producer({"bootstrap.servers": sys.argv[1], "transactional.id": "another", "transaction.timeout.ms": 300000})
            producer.init_transactions(10)
            producer.begin_transaction()
            producer.produce(sys.argv[2], value=b"never committed", partition=0)
            producer.flush(10)
            print("open", flush=True)
            sys.stdin.readline()
            producer.abort_transaction(10)
            """
        let output = Pipe()
        self.process = Process()
        self.process.executableURL = URL(filePath: python)
        self.process.arguments = ["-c", script, address, topic]
        self.process.standardInput = self.input
        self.process.standardOutput = output
        try self.process.run()
        guard output.fileHandleForReading.availableData.starts(with: Data("open".utf8)) else {
            throw ProcessFailure(description: "no transaction was opened")
        }
    }

    /// Ends it without a trace.
    func abort() throws {
        // Closing it would not do: processes started meanwhile hold it open too.
        try self.input.fileHandleForWriting.write(contentsOf: Data("\n".utf8))
        self.process.waitUntilExit()
        guard self.process.terminationStatus == 0 else {
            throw ProcessFailure(description: "the transaction was not aborted")
        }
    }

    deinit { if self.process.isRunning { self.process.terminate() } }
}
