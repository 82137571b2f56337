// SPDX-License-Identifier: Apache-2.0

import Engine
public import RecordLog
import Records

/// The letters whose records have been handed over to be taken again, and how far that has come.
///
/// The topics of retries say so, and nothing else: a letter is settled when its stage has committed the offset of its
/// retry, which it does together with what the record gave.
public struct RetryStanding: Sendable {
    /// The state of a letter.
    public enum State: String, Sendable {
        /// Nothing has been done.
        case open
        /// Its record waits in the topic of retries.
        case waiting
        /// Its stage has taken its record again, whatever came of it.
        case taken
    }

    private var states: [String: State] = [:]

    /// Reads what was handed over.
    /// - Parameter topics: the topics of the letters in question.
    public init(of topics: [String], in log: any RecordLog) throws(LogError) {
        let names = topics.compactMap(ReservedTopics.name(ofDeadLetters:))
        for topic in try log.topics() {
            guard let group = ReservedTopics.group(ofRetries: topic.name),
                names.contains(where: { group.hasPrefix("\($0).") })
            else { continue }
            for number in 0..<topic.partitions {
                try self.read(TopicPartition(topic.name, number), in: log)
            }
        }
    }

    /// Reads what was handed over to one stage.
    init(ofRetries topic: String, partitions: Int, in log: any RecordLog) throws(LogError) {
        for number in 0..<partitions { try self.read(TopicPartition(topic, number), in: log) }
    }

    private mutating func read(_ partition: TopicPartition, in log: any RecordLog) throws(LogError) {
        let range = try log.offsets(of: partition)
        if range.isEmpty { return }
        // In this order: what is taken meanwhile counts as waiting, and not the other way round.
        let taken = try RetryOffset.taken(partition, in: log)
        let reader = try log.makeReader(of: partition, from: range.lowerBound)
        var next = range.lowerBound
        while next < range.upperBound {
            let batch = try reader.read(recordsMax: 1_000, bytesMax: 4 << 20)
            for index in 0..<batch.count {
                guard let order = RetryOrder.split(batch.records[index]).order else { continue }
                let state: State = batch.offsets[index] < taken ? .taken : .waiting
                for letter in order.letters { self.states[letter] = state }
            }
            guard batch.nextOffset > next else { return }
            next = batch.nextOffset
        }
    }

    /// The state of a letter.
    public func state(of letter: KeptLetter) -> State { self.state(of: letter.retryName) }

    /// The state of the letter of a name.
    func state(of name: String) -> State { self.states[name] ?? .open }
}

extension KeptLetter {
    /// Its name in orders to take its record again.
    var retryName: String { RetryOrder.name(of: self.id.partition, self.id.offset, at: self.time) }
}
