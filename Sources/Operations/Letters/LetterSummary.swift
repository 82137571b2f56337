// SPDX-License-Identifier: Apache-2.0

public import RecordLog
public import Records

/// The letters of one stage, step and reason.
public struct LetterGroup: Sendable {
    /// The stage, step and reason that they have in common, and where they lie.
    public struct Name: Hashable, Comparable, Sendable {
        /// The topic that they lie in.
        public var topic: String
        /// The stage, or the source of an ingest.
        public var stage: String
        /// The step.
        public var step: String
        /// `dead` or `rejected`.
        public var kind: String
        /// The reason code.
        public var reason: String

        /// By topic, then as they are written.
        public static func < (left: Name, right: Name) -> Bool {
            (left.topic, left.stage, left.step, left.reason, left.kind)
                < (right.topic, right.stage, right.step, right.reason, right.kind)
        }
    }

    /// The name of the group.
    public var name: Name
    /// Its letters.
    public var letters = 0
    /// The letters of which nothing has been done.
    public var open = 0
    /// The letters whose record waits to be taken again.
    public var waiting = 0
    /// The letters whose record has been taken again, whatever came of it.
    public var taken = 0
    /// The time of the first letter.
    public var first: Timestamp
    /// The time of the last letter.
    public var last: Timestamp
    /// The last letter.
    public var newest: LetterID
    /// The message of the last letter.
    public var message: String
}

/// Letters by stage, step and reason.
public struct LetterSummary: Sendable {
    /// The groups, by name.
    public private(set) var groups: [LetterGroup] = []
    /// The reading's account.
    public private(set) var report = ReadingReport()

    /// The most groups: a reason is a code, but anybody may write one. Those beyond count as one.
    private static let groupsMax = 5_000
    private static let others = "…"

    /// Counts letters.
    /// - Parameters:
    ///   - filter: the letters to count.
    ///   - limits: the most that may be looked at; the oldest are counted first.
    public init(
        of topics: [TopicSpecification], _ filter: LetterFilter = LetterFilter(), in log: any RecordLog,
        limits: ReadingLimits = ReadingLimits()
    ) throws {
        let standing = try RetryStanding(of: topics.map(\.name), in: log)
        var groups: [LetterGroup.Name: LetterGroup] = [:]
        let reading = LetterReading(log, limits: limits)
        try reading.forEach(in: topics, since: filter.since, .head) { letter in
            guard filter.takes(letter) else { return true }
            var name = LetterGroup.Name(
                topic: letter.id.partition.topic, stage: letter.stage, step: letter.step, kind: letter.kind,
                reason: letter.reason)
            if groups[name] == nil, groups.count >= Self.groupsMax {
                (name.stage, name.step, name.reason) = (Self.others, Self.others, Self.others)
            }
            var group =
                groups[name]
                ?? LetterGroup(
                    name: name, first: letter.time, last: letter.time, newest: letter.id, message: letter.message)
            group.letters += 1
            switch standing.state(of: letter) {
            case .open: group.open += 1
            case .waiting: group.waiting += 1
            case .taken: group.taken += 1
            }
            group.first = min(group.first, letter.time)
            if letter.time >= group.last {
                (group.last, group.newest, group.message) = (letter.time, letter.id, letter.message)
            }
            groups[name] = group
            return true
        }
        self.groups = groups.values.sorted { $0.name < $1.name }
        self.report = reading.report
    }
}
