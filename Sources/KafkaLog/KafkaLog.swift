// SPDX-License-Identifier: Apache-2.0

import CRdKafka
public import RecordLog
public import Records
import Synchronization

/// A `RecordLog` on Apache Kafka, or on any broker that speaks its protocol with transactions.
///
/// Each writer is a transactional producer whose `transactional.id` is the writer's id; its state lives in a compacted
/// topic of its own, `millrace-state.<id>`, which no other producer writes, so that a stranger's open transaction never
/// hides it. Each reader is a `read_committed` consumer of one partition. A group member is a consumer that takes part
/// in the group and fetches nothing itself.
///
/// Topics are created with `message.timestamp.type=LogAppendTime` and without retention unless asked for.
public final class KafkaLog: RecordLog {
    /// A property of Millrace's own among librdkafka's: `true` for a broker that speaks Kafka's protocol and is not
    /// Apache Kafka, as noida-db 0.2.3, which the tests use.
    ///
    /// Readers then begin some thousand offsets before their position and look again where records seem to be missing,
    /// and a member that gives partitions back waits 50 ms.
    public static let quirksProperty = "millrace.broker.quirks"
    /// A property of Millrace's own: the milliseconds, 100 to 600000, that a call of a reader or writer waits for
    /// brokers that do not answer, 30000 unless it says otherwise.
    ///
    /// Calls are repeated for three times as long, and what became of a commit is looked for four times as long; then
    /// the call fails with `LogError.Code.unavailable`, and the commit for good where it stays unknown.
    public static let callTimeoutProperty = "millrace.call.timeout.ms"

    let configuration: ClientConfiguration
    let signal = AppendSignal()
    /// Administration and metadata; a consumer, because those of a producer's may create topics.
    let admin: Client
    /// Number of times this log created or deleted topics: beliefs about topics from before the last one do not count.
    let topicChanges = Atomic(0)
    /// Sees undecided records too; made when it is first asked for.
    private let uncommitted = Mutex<Client?>(nil)
    private let clients = Mutex<[ObjectIdentifier: Client]?>([:])

    /// Connects lazily: a broker that is not there is the first call's error.
    /// - Parameters:
    ///   - brokers: `host:port`, several separated by commas.
    ///   - properties: librdkafka's own, such as `security.protocol` or `sasl.password`, passed through. Those that
    ///     the log's promises rest on (`isolation.level`, `transactional.id` and so on) stay as they are. Besides,
    ///     `quirksProperty` and `callTimeoutProperty`.
    ///   - onEvent: is told what librdkafka says on its own: its log, and statistics where `statistics.interval.ms`
    ///     asks for them. Called from any thread.
    /// - Throws: `LogError.Code.invalidArgument` for a property or value that is not taken; never with a secret.
    public init(
        brokers: String, properties: [String: String] = [:],
        onEvent: @escaping @Sendable (KafkaEvent) -> Void = { _ in }
    ) throws(LogError) {
        guard !brokers.isEmpty else { throw LogError(.invalidArgument, "no Kafka broker is named: host:port") }
        self.configuration = try ClientConfiguration(brokers: brokers, properties: properties, onEvent: onEvent)
        let client = try self.configuration.makeClient(
            RD_KAFKA_CONSUMER,
            required: ["isolation.level": "read_committed", "allow.auto.create.topics": "false"])
        self.admin = Client(owning: client)
    }

    deinit { self.close() }

    /// Waits until the brokers answer.
    /// - Throws: `LogError.Code.unavailable` with the reason that librdkafka gave, such as a certificate's.
    public func connect(timeoutMilliseconds: Int = 10_000) throws(LogError) {
        do throws(LogError) {
            _ = try self.metadata(of: nil, timeoutMilliseconds: Int32(clamping: timeoutMilliseconds))
        } catch  where error.code == .unavailable {
            let reason = self.configuration.events.lastProblem ?? "no answer within \(timeoutMilliseconds) ms"
            let name =
                reason.contains("certificate verify failed")
                ? "; or the certificate has expired, or is for another host name than the log's" : ""
            throw LogError(.unavailable, "cannot reach Kafka at \(self.configuration.brokers): \(reason)\(name)")
        }
    }

    /// Creates a reader; the partition must exist.
    public func makeReader(
        of partition: TopicPartition, from offset: Offset
    ) throws(LogError) -> any PartitionReader {
        try self.checkExists(partition)
        return KafkaReader(of: partition, from: offset, in: self)
    }

    /// Initialises the id's producer, which fences the former one and ends its open transaction, then restores the
    /// state.
    public func makeWriter(id: String) throws(LogError) -> any TransactionalWriter {
        if self.admin.isClosed { throw .logClosed }
        return try KafkaWriter(id: id, log: self)
    }

    /// Reads the topic of a writer's state, as far as it is decided; fences nobody.
    public func state(ofWriter id: String) throws(LogError) -> [StateEntry] {
        let topic = try WriterState.topic(of: id)
        guard try self.partitionCount(of: topic) != nil else { return [] }
        return try WriterState.read(topic, in: self).sorted
    }

    /// The ids whose state topics are there.
    public func writerIDs() throws(LogError) -> [String] {
        try self.metadata(of: nil).keys.compactMap { WriterState.id(ofTopic: $0) }.sorted()
    }

    /// Joins a group by the cooperative-sticky protocol.
    public func join(_ configuration: GroupConfiguration) throws(LogError) -> any GroupMember {
        guard !configuration.group.isEmpty else { throw LogError(.invalidArgument, "a group needs a name") }
        guard !configuration.topics.isEmpty else {
            throw LogError(.invalidArgument, "group \(configuration.group): no topic to share")
        }
        return try KafkaGroupMember(configuration, log: self)
    }

    /// Returns when a reader's queue has filled, and early rather than late: an append may have come before the call.
    public func awaitAppend(timeoutMilliseconds: Int) {
        self.signal.wait(milliseconds: min(timeoutMilliseconds, 25))
    }

    /// Does nothing: brokers enforce retention themselves.
    public func enforceRetention() throws(LogError) {
        if self.admin.isClosed { throw .logClosed }
    }

    /// Closes the readers, writers and members too; members leave their groups.
    public func close() {
        let open = self.clients.withLock { clients in
            defer { clients = nil }
            return clients ?? [:]
        }
        for client in open.values { client.close() }
        self.admin.close()
    }

    /// The client that sees what is undecided.
    func uncommittedClient() throws(LogError) -> Client {
        if let known = self.uncommitted.withLock({ $0 }) { return known }
        let pointer = try self.configuration.makeClient(
            RD_KAFKA_CONSUMER,
            required: ["isolation.level": "read_uncommitted", "allow.auto.create.topics": "false"])
        let made = Client(owning: pointer)
        try self.register(made)
        // Of two made at once the later serves no more than the log's end.
        self.uncommitted.withLock { $0 = made }
        return made
    }

    /// Makes a client be closed with the log.
    func register(_ client: Client) throws(LogError) {
        let isOpen = self.clients.withLock { clients in
            clients?[ObjectIdentifier(client)] = client
            return clients != nil
        }
        if !isOpen {
            client.close()
            throw .logClosed
        }
    }

    /// Closes a client before the log is.
    func close(_ client: Client) {
        self.clients.withLock { clients in _ = clients?.removeValue(forKey: ObjectIdentifier(client)) }
        client.close()
    }
}
