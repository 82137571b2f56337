// SPDX-License-Identifier: Apache-2.0

import Codecs
import RecordLog
import Records

/// The contents of a writer's state topic: pieces of state, and the marker that each commit leaves.
///
/// The marker holds the writer's epoch and the commit's number. It makes epochs grow whatever producer ids the broker
/// hands out, and tells after a failure in mid-commit whether that commit took place.
struct WriterState {
    /// The epoch of the last writer to commit, and the number of that commit.
    struct Marker: Equatable {
        var epoch: Int64 = 0
        var sequence: Int64 = 0

        private static let numberMax: Int64 = 1 << 62

        /// The key of a marker; those of state start with another byte.
        static let key: Bytes = [0]

        init(epoch: Int64 = 0, sequence: Int64 = 0) {
            self.epoch = epoch
            self.sequence = sequence
        }

        init?(_ value: Bytes) {
            guard value.count == 16 else { return nil }
            self.epoch = value[..<8].reduce(0) { $0 << 8 | Int64($1) }
            self.sequence = value[8...].reduce(0) { $0 << 8 | Int64($1) }
            // Both only grow, by one.
            guard 0..<Self.numberMax ~= self.epoch, 0..<Self.numberMax ~= self.sequence else { return nil }
        }

        var bytes: Bytes {
            [self.epoch, self.sequence].flatMap { number in
                (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * $0)) }
            }
        }
    }

    var marker = Marker()
    var entries: [Bytes: Bytes] = [:]

    /// The pieces of state in the order of their keys.
    var sorted: [StateEntry] { Self.sorted(self.entries) }

    static func sorted(_ entries: [Bytes: Bytes]) -> [StateEntry] {
        entries.map { StateEntry(key: $0.key, value: $0.value) }.sorted { $0.key.lexicographicallyPrecedes($1.key) }
    }

    static func key(of stateKey: Bytes) -> Bytes { [1] + stateKey }

    /// The topic of an id's state: the id itself, where bytes that no topic's name takes, and `_`, are `_` and two
    /// digits.
    static func topic(of id: String) throws(LogError) -> String {
        guard !id.isEmpty else { throw LogError(.invalidArgument, "a writer needs an id") }
        let digits = Array("0123456789abcdef")
        var name = KafkaLog.statePrefix
        for byte in id.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"):
                name.unicodeScalars.append(UnicodeScalar(byte))
            default:
                name.append("_")
                name.append(digits[Int(byte >> 4)])
                name.append(digits[Int(byte & 15)])
            }
        }
        guard TopicSpecification.isValid(name: name) else {
            throw LogError(.invalidArgument, "the writer id “\(id.prefix(300))” is too long for a topic of its state")
        }
        return name
    }

    /// The id whose state a topic holds; `nil` for any other topic.
    static func id(ofTopic topic: String) -> String? {
        guard topic.hasPrefix(KafkaLog.statePrefix) else { return nil }
        var rest = Array(topic.utf8.dropFirst(KafkaLog.statePrefix.utf8.count))[...]
        var id: Bytes = []
        while let byte = rest.popFirst() {
            if byte != UInt8(ascii: "_") {
                id.append(byte)
                continue
            }
            guard rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else {
                return nil
            }
            id.append(value)
            rest = rest.dropFirst(2)
        }
        let text = String(decoding: id, as: UTF8.self)
        // Anything that this program would not have named so is somebody else's.
        return (try? self.topic(of: text)) == topic ? text : nil
    }

    /// Reads a state topic whose former owners are fenced, once each of their transactions is decided.
    ///
    /// A broker decides them before it lets a new owner begin. One that has lost track of a transaction, as Apache
    /// Kafka before 4.0 may (KIP-890), leaves it open: reading ends before it, and whatever was committed behind it, or
    /// will be, is hidden.
    /// - Throws: `LogError.Code.unavailable` after 5 s with the way to find such a transaction and end it.
    static func readDecided(_ topic: String, in log: KafkaLog) throws(LogError) -> WriterState {
        try log.awaitDecisions(on: TopicPartition(topic, 0), timeoutMilliseconds: 5_000)
        return try self.read(topic, in: log)
    }

    /// Reads a state topic to its end.
    static func read(_ topic: String, in log: KafkaLog) throws(LogError) -> WriterState {
        let partition = TopicPartition(topic, 0)
        let range = try log.offsets(of: partition)
        var state = WriterState()
        if range.isEmpty { return state }
        let reader = KafkaReader(of: partition, from: range.lowerBound, in: log)
        // So that its consumer goes at once.
        defer { reader.seek(to: range.upperBound) }
        let deadline = ContinuousClock.now + .seconds(60)
        while true {
            let batch = try reader.read(recordsMax: 10_000, bytesMax: 16 << 20)
            for index in 0..<batch.count {
                try state.apply(batch.records[index], of: partition, at: batch.offsets[index])
            }
            if batch.nextOffset >= range.upperBound { return state }
            guard !batch.isEmpty || ContinuousClock.now < deadline else {
                throw LogError(.unavailable, "the state in \(topic) ends at \(batch.nextOffset), before \(range)")
            }
        }
    }

    private mutating func apply(_ record: Record, of partition: TopicPartition, at offset: Offset) throws(LogError) {
        guard let key = record.key, let kind = key.first else {
            throw LogError(.corrupt, "\(partition), offset \(offset): no record of a writer's state")
        }
        switch kind {
        case 0:
            guard let value = record.value, let marker = Marker(value) else {
                throw LogError(.corrupt, "\(partition), offset \(offset): no marker of a commit")
            }
            self.marker = marker
        case 1: self.entries[Bytes(key.dropFirst())] = record.value
        default:
            throw LogError(
                .versionTooNew, "\(partition), offset \(offset): a newer version's state record, of kind \(kind)")
        }
    }
}
