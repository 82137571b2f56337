// SPDX-License-Identifier: Apache-2.0

public import Records

/// The place of a dead letter or a reject in the log, by which it is named: `nlq/0/17` is offset 17 of partition 0 of
/// `nlq.dead-letters`, and `queries.rejected/0/17` that of another topic.
public struct LetterID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The partition it lies in.
    public var partition: TopicPartition
    /// Its offset there.
    public var offset: Offset

    /// Names a letter.
    public init(_ partition: TopicPartition, _ offset: Offset) {
        self.partition = partition
        self.offset = offset
    }

    /// Reads a name, if it is one: of a topic's dead letters where there are such, else of the topic itself.
    /// - Parameter topics: the topics of the log.
    public init?(parsing text: String, among topics: [TopicPartitions]) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3, let number = Int(parts[1]), let offset = Offset(parts[2]), number >= 0, offset >= 0
        else { return nil }
        let names = [ReservedTopics.deadLetters(of: String(parts[0])), String(parts[0])]
        guard let topic = names.lazy.compactMap({ name in topics.first { $0.name == name } }).first,
            number < topic.partitions
        else { return nil }
        self.init(TopicPartition(topic.name, number), offset)
    }

    /// The name and the number of partitions of a topic.
    public typealias TopicPartitions = (name: String, partitions: Int)

    /// `NAME/PARTITION/OFFSET`
    public var description: String {
        let topic = self.partition.topic
        return "\(ReservedTopics.name(ofDeadLetters: topic) ?? topic)/\(self.partition.partition)/\(self.offset)"
    }

    /// By place.
    public static func < (left: LetterID, right: LetterID) -> Bool {
        (left.partition, left.offset) < (right.partition, right.offset)
    }
}
