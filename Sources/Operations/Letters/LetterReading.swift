// SPDX-License-Identifier: Apache-2.0

public import RecordLog
public import Records

/// The most that a reading may take; it ends where one of these is reached.
public struct ReadingLimits: Sendable {
    /// Records to look at.
    public var records = Int.max
    /// Bytes of keys and values to look at.
    public var bytes = Int.max
    /// Seconds.
    public var seconds = Double.infinity

    /// Sets no limits.
    public init() {}

    /// Sets limits.
    public init(records: Int = .max, bytes: Int = .max, seconds: Double = .infinity) {
        self.records = records
        self.bytes = bytes
        self.seconds = seconds
    }
}

/// An account of how far a reading went.
public struct ReadingReport: Sendable {
    /// Records that were looked at.
    public fileprivate(set) var records = 0
    /// Bytes of them.
    public fileprivate(set) var bytes = 0
    /// Tells whether a limit was reached before everything had been looked at.
    public fileprivate(set) var isCutShort = false
}

/// Reads letters from the topics of a log: newest first for those who look, oldest first for those who count.
public final class LetterReading {
    /// A topic of letters.
    public typealias Topic = TopicSpecification

    private let log: any RecordLog
    private let limits: ReadingLimits
    private let start = ContinuousClock.now
    /// Its account so far.
    public private(set) var report = ReadingReport()

    /// Offsets of the first look from a partition's end; each further one is twice as long.
    private static let firstWindow: Offset = 256
    private static let (recordsAtOnce, bytesAtOnce) = (1_000, 4 << 20)

    /// Prepares a reading.
    public init(_ log: any RecordLog, limits: ReadingLimits = ReadingLimits()) {
        self.log = log
        self.limits = limits
    }

    /// The topics of dead letters, of all topologies and ingests or of one.
    public static func deadLetterTopics(of name: String? = nil, in log: any RecordLog) throws(LogError) -> [Topic] {
        try log.topics().filter { topic in
            guard let owner = ReservedTopics.name(ofDeadLetters: topic.name) else { return false }
            return name.map { $0 == owner || $0 == topic.name } ?? true
        }
    }

    /// The letter of a name; `nil` where there is no record.
    public func letter(_ id: LetterID) throws(LogError) -> KeptLetter? {
        guard try self.log.offsets(of: id.partition).contains(id.offset) else { return nil }
        let batch = try self.log.makeReader(of: id.partition, from: id.offset)
            .read(recordsMax: 1, bytesMax: Self.bytesAtOnce)
        guard let index = batch.index(of: id.offset) else { return nil }
        return KeptLetter(batch.records[index], id: id, time: batch.timestamps[index], .whole)
    }

    /// Goes through letters from the oldest on, partition by partition.
    /// - Parameters:
    ///   - since: a time from whose letters on; all by default.
    ///   - take: gets each letter; answers whether to go on.
    public func forEach(
        in topics: [Topic], since: Timestamp? = nil, _ detail: KeptLetter.Detail,
        _ take: (KeptLetter) throws -> Bool
    ) throws {
        for partition in Self.partitions(of: topics) {
            let range = try self.range(of: partition, since: since)
            let reader = try self.log.makeReader(of: partition, from: range.lowerBound)
            var next = range.lowerBound
            while next < range.upperBound {
                let batch = try self.read(reader, upTo: range.upperBound)
                for index in 0..<batch.count {
                    guard self.mayGoOn(batch, index) else { return }
                    if !(try take(Self.letter(batch, index, detail))) { return }
                }
                guard batch.nextOffset > next else { break }
                next = batch.nextOffset
            }
        }
    }

    /// The newest letters first, over all partitions.
    /// - Parameters:
    ///   - count: rows that are wanted.
    ///   - filter: letters that are wanted.
    ///   - row: makes a row of a letter, or none of it.
    public func newest<Row>(
        _ count: Int, in topics: [Topic], _ filter: LetterFilter, _ detail: KeptLetter.Detail,
        _ row: (KeptLetter) throws -> Row?
    ) throws -> [Row] {
        var found: [(time: Timestamp, id: LetterID, row: Row)] = []
        for partition in Self.partitions(of: topics) {
            found += try self.newest(count, of: partition, filter, detail, row)
            // Of what one partition holds, no more than is wanted of all can be among the newest of all.
            found.sort { ($0.time, $0.id.offset) > ($1.time, $1.id.offset) }
            if found.count > count { found.removeLast(found.count - count) }
        }
        return found.map(\.row)
    }

    private func newest<Row>(
        _ count: Int, of partition: TopicPartition, _ filter: LetterFilter, _ detail: KeptLetter.Detail,
        _ row: (KeptLetter) throws -> Row?
    ) throws -> [(time: Timestamp, id: LetterID, row: Row)] {
        let range = try self.range(of: partition, since: filter.since)
        var found: [(time: Timestamp, id: LetterID, row: Row)] = []
        var end = range.upperBound
        var window = Self.firstWindow
        while end > range.lowerBound, found.count < count {
            let start = max(range.lowerBound, end > window ? end - window : 0)
            var here: [(time: Timestamp, id: LetterID, row: Row)] = []
            let reader = try self.log.makeReader(of: partition, from: start)
            var next = start
            while next < end {
                let batch = try self.read(reader, upTo: end)
                for index in 0..<batch.count {
                    guard self.mayGoOn(batch, index) else { return Self.last(count, of: here) + found }
                    let letter = Self.letter(batch, index, detail)
                    guard filter.takes(letter), let row = try row(letter) else { continue }
                    here.append((letter.time, letter.id, row))
                    // Only the last of them can be among the newest.
                    if here.count >= 2 * count { here.removeFirst(here.count - count) }
                }
                guard batch.nextOffset > next else { break }
                next = batch.nextOffset
            }
            found = Self.last(count - found.count, of: here) + found
            end = start
            window = min(window * 2, 1 << 16)
        }
        return found
    }

    private static func last<Element>(_ count: Int, of elements: [Element]) -> [Element] {
        Array(elements.suffix(max(0, count)))
    }

    // MARK: Reading

    private static func partitions(of topics: [Topic]) -> [TopicPartition] {
        topics.flatMap { topic in (0..<topic.partitions).map { TopicPartition(topic.name, $0) } }
    }

    /// The offsets as they are now, from a time on.
    private func range(of partition: TopicPartition, since: Timestamp?) throws(LogError) -> Range<Offset> {
        let range = try self.log.offsets(of: partition)
        guard let since else { return range }
        let start = try self.log.offset(of: partition, notBefore: since)
        return min(max(start, range.lowerBound), range.upperBound)..<range.upperBound
    }

    private func read(_ reader: any PartitionReader, upTo end: Offset) throws(LogError) -> FetchedBatch {
        var batch = try reader.read(recordsMax: Self.recordsAtOnce, bytesMax: Self.bytesAtOnce)
        batch.truncate(before: end)
        return batch
    }

    private static func letter(_ batch: FetchedBatch, _ index: Int, _ detail: KeptLetter.Detail) -> KeptLetter {
        KeptLetter(
            batch.records[index], id: LetterID(batch.partition, batch.offsets[index]), time: batch.timestamps[index],
            detail)
    }

    /// Counts a record, unless the limits are reached.
    private func mayGoOn(_ batch: FetchedBatch, _ index: Int) -> Bool {
        let entry = batch.records.entries[index]
        let size = max(0, entry.keyCount) + max(0, entry.valueCount)
        let isOver =
            self.report.records >= self.limits.records || self.report.bytes > self.limits.bytes - size
            || self.limits.seconds < .infinity && ContinuousClock.now - self.start > .seconds(self.limits.seconds)
        if isOver {
            self.report.isCutShort = true
            return false
        }
        self.report.records += 1
        self.report.bytes += size
        return true
    }
}
