// SPDX-License-Identifier: Apache-2.0

import Codecs
import Engine
public import RecordLog
import Records

/// The records of dead letters that would be taken again, and the letters that would not, with the reason.
///
/// A record may have left several letters: it is taken again once, and all of them are settled by that.
public struct RetryPlan: Sendable {
    /// A record to take again.
    public struct Item: Sendable {
        /// The letter that it is taken from.
        public var letter: LetterID
        /// The stage that takes it.
        public var stage: String
        /// The step that refused it.
        public var step: String
        /// The reason of that.
        public var reason: String
        var source: TopicPartition
        var sourceOffset: Offset
        var attempt: Int
        /// The letters that are settled by it, as orders name them.
        var letters: [String]
    }

    /// The reason why a letter's record is not taken again.
    public enum Refusal: Hashable, Comparable, Sendable {
        /// A step of the stage gathers records.
        case gathered
        /// The record gave something else beside the letter.
        case partial
        /// The letter does not say whether it did.
        case untold
        /// The letter is a verdict.
        case rejected
        /// The letter is of a source's files.
        case ingested
        /// The letter cannot be read.
        case unreadable
        /// The record was too large to be kept, and is no longer where it was.
        case gone
        /// The stage has begun anew since.
        case begunAnew

        /// The reason, and what to do instead.
        public var message: String {
            switch self {
            case .gathered:
                "a step of the stage gathers records, and would have these out of their order: bring their videos again "
                    + "with `millrace ingest … --replace`, or make a set of all with `millrace replay FILE --from earliest`"
            case .partial:
                "the record gave other output too, which would come twice: make a set of all with `millrace replay FILE "
                    + "--from earliest`"
            case .untold:
                "an earlier program wrote the letter, and it does not say whether its record gave anything else, which "
                    + "would come twice: say `--assume-whole` where you know that it did not and that no step of its stage "
                    + "gathers records"
            case .rejected: "a validator's verdict, which is a result: the same again would come of it"
            case .ingested: "a source's file: mend it, and `millrace ingest … --replace`"
            case .unreadable: "it cannot be read as a letter"
            case .begunAnew:
                "the stage has been reset since and reads the record again: what it cannot use then is a letter of its own"
            case .gone: "the record was too large to be kept whole, and is no longer in its topic"
            }
        }
    }

    /// Letters of one stage that are refused for one reason.
    public struct Refused: Sendable {
        /// The stage.
        public var stage: String
        /// The reason.
        public var refusal: Refusal
        /// Their number.
        public var letters = 0
        /// One of them.
        public var example: LetterID
    }

    /// The name of the topology whose letters they are.
    public let name: String
    /// The records to take again, from the oldest letter on.
    public private(set) var items: [Item] = []
    /// The letters that would be settled.
    public var letters: Int { self.items.reduce(0) { $0 + $1.letters.count } }
    /// Letters whose records wait to be taken already.
    public private(set) var waiting = 0
    /// Letters whose records have been taken before.
    public private(set) var taken = 0
    /// Letters that are not taken again.
    public private(set) var refused: [Refused] = []
    /// Records that were left out because of the limit.
    public private(set) var beyondLimit = 0
    /// The times at which groups were reset.
    private let resets: [String: Timestamp]

    /// A selection of letters.
    public struct Choice: Sendable {
        /// These; `nil` is without a choice.
        public var letters: Set<LetterID>?
        /// Those that it takes.
        public var filter = LetterFilter()
        /// The most records.
        public var limit = Int.max
        /// Takes letters that do not say whether their record gave anything else as those that did not.
        public var assumesWhole = false

        /// Chooses all.
        public init() {}
    }

    private struct Origin: Hashable {
        var stage: String
        var source: TopicPartition
        var offset: Offset
        var digest: String
    }

    /// Plans.
    /// - Parameter topic: the dead letters.
    public init(of topic: TopicSpecification, _ choice: Choice, in log: any RecordLog) throws {
        self.name = ReservedTopics.name(ofDeadLetters: topic.name) ?? topic.name
        self.resets = try log.groupResets()
        let standing = try RetryStanding(of: [topic.name], in: log)
        var places: [Origin: Int] = [:]
        var left: Set<Origin> = []
        try LetterReading(log).forEach(in: [topic], since: choice.filter.since, .identity) { letter in
            guard choice.filter.takes(letter), choice.letters?.contains(letter.id) ?? true else { return true }
            switch standing.state(of: letter) {
            case .waiting: self.waiting += 1
            case .taken: self.taken += 1
            case .open:
                if let refusal = try self.refusal(of: letter, choice, in: log) {
                    self.refuse(letter, refusal)
                } else if let origin = Self.origin(of: letter), places[origin] == nil, !left.contains(origin) {
                    if self.items.count >= choice.limit {
                        left.insert(origin)
                    } else {
                        places[origin] = self.items.count
                        self.items.append(Self.item(letter, origin))
                    }
                }
            }
            return true
        }
        self.beyondLimit = left.count
        if !self.items.isEmpty { try self.addSiblings(places, topic, standing, choice, in: log) }
    }

    /// The other letters of the same records: whoever was not chosen is settled too.
    private mutating func addSiblings(
        _ places: [Origin: Int], _ topic: TopicSpecification, _ standing: RetryStanding, _ choice: Choice,
        in log: any RecordLog
    ) throws {
        var spoilt: [Int: (KeptLetter, Refusal)] = [:]
        try LetterReading(log).forEach(in: [topic], .identity) { letter in
            guard let origin = Self.origin(of: letter), let place = places[origin], standing.state(of: letter) == .open
            else { return true }
            if letter.kind == "rejected" { spoilt[place] = (letter, .partial) }
            if letter.id != self.items[place].letter { self.items[place].letters.append(letter.retryName) }
            return true
        }
        for (letter, refusal) in spoilt.values { self.refuse(letter, refusal) }
        self.items = self.items.enumerated().filter { spoilt[$0.offset] == nil }.map(\.element)
    }

    private static func origin(of letter: KeptLetter) -> Origin? {
        guard let source = letter.source, let offset = letter.sourceOffset, let digest = letter.digest else {
            return nil
        }
        return Origin(stage: letter.stage, source: source, offset: offset, digest: digest)
    }

    private static func item(_ letter: KeptLetter, _ origin: Origin) -> Item {
        Item(
            letter: letter.id, stage: letter.stage, step: letter.step, reason: letter.reason, source: origin.source,
            sourceOffset: origin.offset, attempt: letter.attempt + 1, letters: [letter.retryName])
    }

    // MARK: Refusing

    private mutating func refuse(_ letter: KeptLetter, _ refusal: Refusal) {
        if let index = self.refused.firstIndex(where: { $0.stage == letter.stage && $0.refusal == refusal }) {
            self.refused[index].letters += 1
        } else {
            self.refused.append(Refused(stage: letter.stage, refusal: refusal, letters: 1, example: letter.id))
        }
    }

    private func refusal(of letter: KeptLetter, _ choice: Choice, in log: any RecordLog) throws -> Refusal? {
        if let refusal = Self.refusal(of: letter, assumesWhole: choice.assumesWhole) { return refusal }
        if let reset = self.resets["\(self.name).\(letter.stage)"], letter.time <= reset { return .begunAnew }
        guard letter.isTruncated else { return nil }
        return try Self.record(of: letter.id, in: log) == nil ? .gone : nil
    }

    /// The reason why a letter's record cannot be taken again, as far as the letter itself tells.
    public static func refusal(of letter: KeptLetter, assumesWhole: Bool = false) -> Refusal? {
        if letter.problem != nil { return .unreadable }
        if letter.topology == "ingest" { return .ingested }
        if letter.kind == "rejected" { return .rejected }
        guard letter.source != nil, letter.sourceOffset != nil, TopicSpecification.isValid(name: letter.stage) else {
            return .unreadable
        }
        switch letter.retry {
        case .whole: return nil
        case .partial: return .partial
        case .gathered: return .gathered
        case nil: return assumesWhole ? nil : .untold
        }
    }

    /// The record of a letter: as the letter keeps it, or, where that was too much, from its topic.
    static func record(of id: LetterID, in log: any RecordLog) throws(LogError) -> Record? {
        guard let letter = try LetterReading(log).letter(id), letter.problem == nil else { return nil }
        if !letter.isTruncated { return Record(key: letter.key, value: letter.value, headers: letter.headers) }
        guard let source = letter.source, let offset = letter.sourceOffset else { return nil }
        let found: FetchedBatch
        do throws(LogError) {
            guard try log.offsets(of: source).contains(offset) else { return nil }
            found = try log.makeReader(of: source, from: offset).read(recordsMax: 1, bytesMax: 1)
        } catch {
            if error.code == .unknownTopic { return nil }
            throw error
        }
        guard let index = found.index(of: offset) else { return nil }
        let record = found.records[index]
        // The topic may have been deleted and made anew. What is cut may end in the midst of a character.
        let kept = (letter.value ?? []).dropLast(min(4, letter.value?.count ?? 0))
        guard record.value?.count == letter.valueBytes, record.value?.starts(with: kept) == true else { return nil }
        return record
    }
}
