// SPDX-License-Identifier: Apache-2.0

import Codecs
public import Records

/// The order to take a record of a dead letter again: it travels beside the record, as a header, through the topic of
/// retries of the letter's stage (`ReservedTopics.retries`).
public struct RetryOrder: Hashable, Sendable {
    /// The letters that are settled by it, by name and time, as `RetryOrder.name` writes them.
    public var letters: [String]
    /// The partition of the original record.
    public var source: TopicPartition
    /// The offset of the original record.
    public var sourceOffset: Offset
    /// The number of times that the record has been taken again, this one included.
    public var attempt: Int

    /// The header's name.
    public static let headerName = "millrace-retry"

    /// Describes an order.
    public init(letters: [String], source: TopicPartition, sourceOffset: Offset, attempt: Int) {
        self.letters = letters
        self.source = source
        self.sourceOffset = sourceOffset
        self.attempt = attempt
    }

    /// The name of a letter in orders: its place, and its time, for a topic that is deleted and made anew has the same
    /// offsets again.
    public static func name(of letter: TopicPartition, _ offset: Offset, at time: Timestamp) -> String {
        "\(letter.topic)/\(letter.partition)/\(offset)@\(time)"
    }

    /// The record with the order beside it.
    public func record(of original: Record) -> Record {
        var json = JSONWriter()
        json.beginObject()
        json.key("letters")
        json.beginArray()
        for letter in self.letters { json.value(letter) }
        json.endArray()
        json.field("topic", self.source.topic)
        json.field("partition", self.source.partition)
        json.field("offset", Int(self.sourceOffset))
        json.field("attempt", self.attempt)
        json.endObject()
        var record = original
        record.headers.append(Header(Self.headerName, json.bytes))
        return record
    }

    /// Parts a record of a topic of retries into the original and its order; `nil` where it has none that can be read.
    public static func split(_ record: Record) -> (original: Record, order: RetryOrder?) {
        // Anything that the original had under this name lies before it.
        guard let index = record.headers.lastIndex(where: { $0.name == Self.headerName }) else { return (record, nil) }
        var original = record
        let header = original.headers.remove(at: index)
        return (original, try? RetryOrder(parsing: header.value))
    }

    private init(parsing bytes: Bytes) throws(JSONError) {
        let value = try JSONValue(parsing: bytes)
        guard let letters = value["letters"]?.array, let topic = value["topic"]?.string,
            let partition = value["partition"]?.count, let offset = value["offset"]?.count,
            let attempt = value["attempt"]?.count
        else { throw JSONError("no order of a retry", offset: 0) }
        self.init(
            letters: letters.compactMap(\.string), source: TopicPartition(topic, partition),
            sourceOffset: Offset(offset), attempt: attempt)
    }
}
