// SPDX-License-Identifier: Apache-2.0

import CRdKafka
import Codecs
import Foundation
import KafkaBroker
import RecordLog
import RecordLogTesting
import Records
import Testing

@testable import KafkaLog

@Suite struct KafkaConfiguration {
    @Test func anUnknownPropertyIsNamed() throws {
        let error = #expect(throws: LogError.self) {
            _ = try KafkaLog(brokers: "127.0.0.1:1", properties: ["no.such.property": "x"])
        }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.contains("no.such.property") == true)
    }

    @Test(arguments: [
        ["security.protocol": "sasl_ssl", "sasl.mechanism": "PLAIN", "sasl.password": "hunter2hunter2"],
        ["security.protocol": "ssl", "ssl.key.password": "hunter2hunter2", "ssl.ca.location": "/hunter2hunter2"],
        ["sasl.password": "hunter2hunter2", "client.rack": "r", "session.timeout.ms": "hunter2hunter2"],
    ])
    func secretsStayOutOfErrors(_ properties: [String: String]) {
        let error = #expect(throws: LogError.self) {
            try KafkaLog(brokers: "127.0.0.1:1", properties: properties).close()
        }
        #expect(error?.message.contains("hunter2") == false, "\(error?.message ?? "")")
    }

    @Test func quirksAreOnOrOff() throws {
        let properties = [KafkaLog.quirksProperty: "true", "client.rack": "r"]
        let on = try ClientConfiguration(brokers: "h:1", properties: properties)
        #expect(on.hasQuirks && on.properties == ["client.rack": "r"])
        #expect(try !ClientConfiguration(brokers: "h:1", properties: [:]).hasQuirks)
        let error = #expect(throws: LogError.self) {
            _ = try KafkaLog(brokers: "127.0.0.1:1", properties: [KafkaLog.quirksProperty: "yes"])
        }
        #expect(error?.message.contains("millrace.broker.quirks is `true` or `false`, not “yes”") == true)
    }

    @Test func callsWaitThirtySecondsUnlessTold() throws {
        #expect(try ClientConfiguration(brokers: "h:1", properties: [:]).callTimeout == CallTimeout())
        #expect(CallTimeout().milliseconds == 30_000)
        #expect(CallTimeout().patience == .seconds(90) && CallTimeout().decision == .seconds(120))
        let properties = [KafkaLog.callTimeoutProperty: "2000", "client.rack": "r"]
        let short = try ClientConfiguration(brokers: "h:1", properties: properties)
        #expect(short.callTimeout.milliseconds == 2_000 && short.properties == ["client.rack": "r"])
        for value in ["", "99", "600001", "2s"] {
            let error = #expect(throws: LogError.self) {
                _ = try KafkaLog(brokers: "127.0.0.1:1", properties: [KafkaLog.callTimeoutProperty: value])
            }
            #expect(error?.message.contains("millrace.call.timeout.ms is 100 to 600000 milliseconds") == true)
        }
    }

    @Test func noBrokerIsRefused() {
        #expect(throws: LogError.self) { _ = try KafkaLog(brokers: "") }
    }

    @Test func errorsKeepTheirNames() {
        let error = LogError(RD_KAFKA_RESP_ERR__FENCED, "committing")
        #expect(error.code == .fenced && error.message.contains("_FENCED"))
        #expect(LogError(RD_KAFKA_RESP_ERR__TRANSPORT, "asking").isRetriable)
        #expect(LogError(RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, "committing").code == .fenced)
        #expect(LogError(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, "committing").code == .recordTooLarge)
    }
}

@Suite struct KafkaWriterState {
    @Test(arguments: ["t.stage.0", "a_b", "a b", "ingest.narrations./data/ü.json"])
    func everyIdHasATopic(_ id: String) throws {
        #expect(TopicSpecification.isValid(name: try WriterState.topic(of: id)))
    }

    @Test func idsDoNotShareATopic() throws {
        let ids = ["a_20", "a ", "a.20", "a-20", "a_5f20", "a/", "a_2f", "A_20"]
        #expect(Set(try ids.map { try WriterState.topic(of: $0) }).count == ids.count)
        #expect(throws: LogError.self) { _ = try WriterState.topic(of: "") }
        #expect(throws: LogError.self) { _ = try WriterState.topic(of: String(repeating: "x", count: 300)) }
    }

    @Test func aMarkerComesBack() {
        let last: Int64 = 1 << 62 - 1
        for marker in [WriterState.Marker(), .init(epoch: 1, sequence: 258), .init(epoch: last, sequence: last)] {
            #expect(WriterState.Marker(marker.bytes) == marker)
        }
        // One more of either could not be counted on from.
        for marker in [WriterState.Marker(epoch: last + 1), .init(sequence: .max), .init(epoch: -1)] {
            #expect(WriterState.Marker(marker.bytes) == nil)
        }
        #expect(WriterState.Marker([1, 2, 3]) == nil)
    }
}

@Suite(.serialized, .enabled(if: Broker.program != nil, "\(Broker.missing)")) struct KafkaTransactions {
    /// An independent consumer, with librdkafka's own defaults but for where it starts.
    private func values(_ topic: String, _ brokers: String, isolation: String, count: Int) throws -> [String] {
        let configuration = try ClientConfiguration(brokers: brokers, properties: [:])
        let consumer = try configuration.makeClient(
            RD_KAFKA_CONSUMER,
            required: ["group.id": "independent", "isolation.level": isolation, "enable.partition.eof": "true"])
        defer { rd_kafka_destroy(consumer) }
        let list = try PartitionList([(TopicPartition(topic, 0), 0)])
        try rd_kafka_assign(consumer, list.pointer).check("assigning")
        var found: [String] = []
        let deadline = ContinuousClock.now + .seconds(20)
        while ContinuousClock.now < deadline {
            guard let message = rd_kafka_consumer_poll(consumer, 500) else { continue }
            defer { rd_kafka_message_destroy(message) }
            if message.pointee.err == RD_KAFKA_RESP_ERR__PARTITION_EOF, found.count >= count { break }
            guard message.pointee.err == RD_KAFKA_RESP_ERR_NO_ERROR else { continue }
            let bytes = UnsafeRawBufferPointer(start: message.pointee.payload, count: message.pointee.len)
            found.append(String(decoding: bytes, as: UTF8.self))
        }
        return found
    }

    private func records(_ topic: String, _ values: [String]) -> Transaction {
        var transaction = Transaction()
        let records = RecordBatch(values.map { Record(key: "k", value: $0) })
        transaction.outputs = [.init(topic: topic, partition: 0, records: records)]
        return transaction
    }

    @Test func anAbortedTransactionIsInvisibleToAnIndependentConsumer() throws {
        let broker = try #require(Broker.shared, "the broker did not start")
        let harness = KafkaHarness(broker)
        let log = try KafkaLog(on: broker)
        defer { log.close() }
        let topic = harness.name("aborted")
        try log.createTopic(TopicSpecification(name: topic, partitions: 1))
        let writer = try log.makeWriter(id: harness.name("writer"))
        try writer.commit(self.records(topic, ["before"]))
        let other = try OtherProducer(harness.name("other"), on: broker)
        try other.begin()
        try other.send(["aborted"], to: topic)
        try other.abort()
        try writer.commit(self.records(topic, ["after"]))
        let brokers = broker.address
        #expect(try self.values(topic, brokers, isolation: "read_committed", count: 2) == ["before", "after"])
        // That it was there at all, or the above would show nothing.
        #expect(
            try self.values(topic, brokers, isolation: "read_uncommitted", count: 3) == ["before", "aborted", "after"])
    }

    @Test func aFencedWriterShowsNothingToAnIndependentConsumer() throws {
        let broker = try #require(Broker.shared, "the broker did not start")
        let harness = KafkaHarness(broker)
        let log = try KafkaLog(on: broker)
        defer { log.close() }
        let topic = harness.name("fence")
        try log.createTopic(TopicSpecification(name: topic, partitions: 1))
        let old = try log.makeWriter(id: harness.name("writer"))
        try old.commit(self.records(topic, ["old"]))
        var epoch = old.epoch
        for round in 0..<3 {
            let new = try log.makeWriter(id: harness.name("writer"))
            #expect(new.epoch > epoch)
            epoch = new.epoch
            try new.commit(self.records(topic, ["\(round)"]))
            new.close()
        }
        let error = #expect(throws: LogError.self) { try old.commit(self.records(topic, ["zombie"])) }
        #expect(error?.code == .fenced)
        let found = try self.values(topic, broker.address, isolation: "read_committed", count: 4)
        #expect(found == ["old", "0", "1", "2"])
    }

    @Test func aDeadOwnersOpenTransactionIsAbortedByTheNext() throws {
        let broker = try #require(Broker.shared, "the broker did not start")
        let harness = KafkaHarness(broker)
        let log = try KafkaLog(on: broker)
        defer { log.close() }
        let topic = harness.name("open")
        let id = harness.name("owner")
        try log.createTopic(TopicSpecification(name: topic, partitions: 1))
        try log.makeWriter(id: id).commit(self.records(topic, ["committed"]))
        // A killed process leaves records that were sent, in a transaction that nobody will end.
        let killed = try OtherProducer(id, on: broker)
        try killed.begin()
        try killed.send(["left open"], to: topic)
        let marker = WriterState.Marker(epoch: 99, sequence: 99)
        try killed.send(
            [Record(key: WriterState.Marker.key, value: marker.bytes)], to: try WriterState.topic(of: id))
        let next = try log.makeWriter(id: id)
        #expect(next.epoch == 2, "an open transaction's marker counted")
        try next.commit(self.records(topic, ["next"]))
        let found = try self.values(topic, broker.address, isolation: "read_committed", count: 2)
        #expect(found == ["committed", "next"])
    }

    /// A broker was seen to mark records behind an aborted transaction of the same producer as aborted too, if a fetch
    /// begins behind it.
    @Test func whatFollowsAnAbortIsReadFromWhereverOneStarts() throws {
        let broker = try #require(Broker.shared, "the broker did not start")
        let harness = KafkaHarness(broker)
        let log = try KafkaLog(on: broker)
        defer { log.close() }
        let topic = harness.name("abort")
        try log.createTopic(TopicSpecification(name: topic, partitions: 1))
        let producer = try OtherProducer(harness.name("twice"), on: broker)
        try producer.begin()
        try producer.send((0..<10).map { "aborted \($0)" }, to: topic)
        try producer.abort()
        try producer.begin()
        try producer.send((0..<10).map { "committed \($0)" }, to: topic)
        try producer.commit()
        // A reader that has read on is told of the abort with every later fetch.
        let live = try log.makeReader(of: TopicPartition(topic, 0), from: 0)
        #expect(try live.read(recordsMax: 100, bytesMax: 1 << 20).count == 10)
        // Ten aborted records, the mark of their end, ten committed ones.
        for start in 0...20 as ClosedRange<Offset> {
            let reader = try log.makeReader(of: TopicPartition(topic, 0), from: start)
            let batch = try reader.read(recordsMax: 100, bytesMax: 1 << 20)
            #expect(batch.offsets.first == max(start, 11), "from \(start)")
            #expect(batch.count == Int(21 - max(start, 11)), "from \(start)")
        }
        for round in 0..<3 {
            try producer.begin()
            try producer.send((0..<5).map { "more \($0)" }, to: topic)
            try producer.commit()
            var count = 0
            for _ in 0..<500 where count < 5 {
                count += try live.readArrived(recordsMax: 100, bytesMax: 1 << 20).count
                if count < 5 { Thread.sleep(forTimeInterval: 0.01) }
            }
            #expect(count == 5, "round \(round)")
        }
    }

    /// This broker names an abort of before with every later answer; only one that reaches back to its end is right.
    @Test func recordsBehindAnAbortAreReadWhereTheReaderHadReachedTheEndBefore() throws {
        let broker = try #require(Broker.shared, "the broker did not start")
        let harness = KafkaHarness(broker)
        let log = try KafkaLog(on: broker)
        defer { log.close() }
        let topic = harness.name("aborted")
        try log.createTopic(TopicSpecification(name: topic, partitions: 1))
        let producer = try OtherProducer(harness.name("aborter"), on: broker)
        func write(_ value: String) throws {
            try producer.begin()
            try producer.send([value], to: topic)
        }
        try write("aborted")
        try producer.abort()
        try write("first")
        try producer.commit()
        let partition = TopicPartition(topic, 0)
        let end = try log.offsets(of: partition).upperBound
        let reader = try log.makeReader(of: partition, from: end)
        #expect(try reader.read(recordsMax: 9, bytesMax: 999).isEmpty)
        for number in 0..<5 {
            try write("later \(number)")
            try producer.commit()
            let deadline = ContinuousClock.now + .seconds(60)
            var batch = try reader.read(recordsMax: 9, bytesMax: 999)
            let start = batch.nextOffset
            while batch.isEmpty, batch.nextOffset == start, ContinuousClock.now < deadline {
                batch = try reader.read(recordsMax: 9, bytesMax: 999)
            }
            #expect((0..<batch.count).map { batch.records[$0].value } == [Bytes("later \(number)".utf8)], "\(batch)")
        }
    }

    /// Records committed behind an undecided one exist unseen: a reader that needs them waits for the decision.
    @Test func whatIsUndecidedIsWaitedFor() throws {
        let broker = try #require(Broker.shared, "the broker did not start")
        let harness = KafkaHarness(broker)
        let log = try KafkaLog(on: broker)
        defer { log.close() }
        let topic = harness.name("undecided")
        let partition = TopicPartition(topic, 0)
        try log.createTopic(TopicSpecification(name: topic, partitions: 1))
        try log.awaitDecisions(on: partition, timeoutMilliseconds: 0)
        let slow = try OtherProducer(harness.name("slow"), on: broker)
        try slow.begin()
        try slow.send(["undecided"], to: topic)
        try log.makeWriter(id: harness.name("quick")).commit(self.records(topic, ["committed behind it"]))
        #expect(try log.offsets(of: partition).isEmpty, "a record behind an undecided one is seen")
        let error = #expect(throws: LogError.self) {
            try log.awaitDecisions(on: partition, timeoutMilliseconds: 100)
        }
        #expect(error?.code == .unavailable)
        try slow.abort()
        try log.awaitDecisions(on: partition, timeoutMilliseconds: 10_000)
        #expect(try log.makeReader(of: partition, from: 0).read(recordsMax: 9, bytesMax: 999).count == 1)
    }

    /// An undecided transaction hides records committed behind it; a state without them must not be taken up.
    @Test func stateBehindAnUndecidedRecordIsNotTakenForWhole() throws {
        let broker = try #require(Broker.shared, "the broker did not start")
        let harness = KafkaHarness(broker)
        let log = try KafkaLog(on: broker)
        defer { log.close() }
        let id = harness.name("owner")
        let first = try log.makeWriter(id: id)
        var transaction = Transaction()
        transaction.state = [StateChange(key: Bytes("a".utf8), value: Bytes("old".utf8))]
        try first.commit(transaction)

        let lost = try OtherProducer(harness.name("lost"), on: broker)
        try lost.begin()
        try lost.send(
            [Record(key: WriterState.key(of: Bytes("b".utf8)), value: Bytes("never".utf8))],
            to: try WriterState.topic(of: id))
        transaction.state = [StateChange(key: Bytes("a".utf8), value: Bytes("new".utf8))]
        try first.commit(transaction)

        let error = #expect(throws: LogError.self) { _ = try log.makeWriter(id: id) }
        #expect(error?.code == .unavailable)
        #expect(error?.message.contains("kafka-transactions.sh abort") == true)
        try lost.abort()
        let second = try log.makeWriter(id: id)
        #expect(try second.state() == [StateEntry(key: Bytes("a".utf8), value: Bytes("new".utf8))])
        #expect(second.epoch > first.epoch)
    }

    @Test func tombstonesEmptyValuesAndHugeHeadersComeBack() throws {
        let broker = try #require(Broker.shared, "the broker did not start")
        let harness = KafkaHarness(broker)
        let log = try KafkaLog(on: broker)
        defer { log.close() }
        let topic = harness.name("shapes")
        try log.createTopic(TopicSpecification(name: topic, partitions: 1))
        let headers = [
            Header("huge", Bytes(repeating: 200, count: 700_000)), Header("empty", Bytes()), Header("ünïcode ✓", "✓"),
        ]
        let records = [
            Record(key: "k", value: nil, headers: headers), Record(key: "k", value: "", headers: headers),
            Record(key: Bytes(), value: Bytes()), Record(key: Bytes?.none, value: nil), Record(key: nil, value: "v"),
        ]
        var transaction = Transaction()
        transaction.outputs = [.init(topic: topic, partition: 0, records: RecordBatch(records))]
        try log.makeWriter(id: harness.name("shapes")).commit(transaction)
        let reader = try log.makeReader(of: TopicPartition(topic, 0), from: 0)
        var found: [Record] = []
        for _ in 0..<20 where found.count < records.count {
            let batch = try reader.read(recordsMax: 2, bytesMax: 1 << 20)
            found += (0..<batch.count).map { batch.records[$0] }
        }
        #expect(found == records)
    }

    @Test func stateTopicsAreNotListed() throws {
        let broker = try #require(Broker.shared, "the broker did not start")
        let harness = KafkaHarness(broker)
        let log = try KafkaLog(on: broker)
        defer { log.close() }
        _ = try log.makeWriter(id: harness.name("listed"))
        #expect(try log.topics().allSatisfy { !$0.name.hasPrefix(KafkaLog.statePrefix) && !$0.name.hasPrefix("__") })
        #expect(throws: LogError.self) {
            try log.createTopic(TopicSpecification(name: KafkaLog.statePrefix + "x", partitions: 1))
        }
    }
}
