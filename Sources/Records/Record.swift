// SPDX-License-Identifier: Apache-2.0

public import Codecs

/// A named piece of metadata that travels with a record, as in Kafka.
public struct Header: Hashable, Sendable {
    /// The header's name; names may repeat.
    public var name: String
    /// The header's value, any bytes.
    public var value: Bytes

    /// Creates a header from bytes.
    public init(_ name: String, _ value: Bytes) {
        self.name = name
        self.value = value
    }

    /// Creates a header from text, stored as UTF-8.
    public init(_ name: String, _ text: String) {
        self.init(name, Bytes(text.utf8))
    }
}

/// A key, a value and headers: what is written to a log.
///
/// A `nil` value is a tombstone; an empty value is a value. Timestamps are not the writer's: the log stamps a record
/// when it is appended, so that a replay of old annotations is not swept away by retention.
public struct Record: Hashable, Sendable {
    /// Decides the partition; records with equal keys keep their order.
    public var key: Bytes?
    /// The payload, or `nil` for a tombstone.
    public var value: Bytes?
    /// Metadata, in order.
    public var headers: [Header]

    /// Creates a record.
    public init(key: Bytes?, value: Bytes?, headers: [Header] = []) {
        self.key = key
        self.value = value
        self.headers = headers
    }

    /// Creates a record from text.
    public init(key: String?, value: String?, headers: [Header] = []) {
        self.init(key: key.map { Bytes($0.utf8) }, value: value.map { Bytes($0.utf8) }, headers: headers)
    }
}

/// A position in a partition. Offsets grow but need not be dense.
public typealias Offset = Int64

/// Milliseconds since 1970-01-01T00:00:00Z, Kafka's unit.
public typealias Timestamp = Int64

/// One partition of one topic.
public struct TopicPartition: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The topic's name.
    public var topic: String
    /// The partition's number, from zero.
    public var partition: Int

    /// Names a partition.
    public init(_ topic: String, _ partition: Int) {
        self.topic = topic
        self.partition = partition
    }

    /// `topic[partition]`
    public var description: String { "\(self.topic)[\(self.partition)]" }

    /// By topic, then by number.
    public static func < (left: TopicPartition, right: TopicPartition) -> Bool {
        (left.topic, left.partition) < (right.topic, right.partition)
    }
}
