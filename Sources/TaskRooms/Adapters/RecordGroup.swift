// SPDX-License-Identifier: Apache-2.0

public import Codecs
public import Dataflow
import Records

/// Records that are written together, whole and once: those of a video and pass, most often.
///
/// A group begins with a record that may say its revision, and ends with one that says that it is complete, by which
/// steps that gather know that no more will come; there is no group without.
public protocol RecordGroup: Sendable {
    /// The type of its records.
    associatedtype Value: StreamValue

    /// The words for such groups and their records in reports.
    static var words: GroupWords { get }

    /// Its name in the ledger of what was ingested: `VIDEO/PASS`.
    var name: String { get }
    /// The key of all its records.
    var key: String { get }
    /// Text that the ledger keeps beside, for those who ask it; empty for none.
    var note: Bytes { get }
    /// The number of records between the first and the last.
    var count: Int { get }
    /// The records of this group that could not be read.
    var problems: [SourceProblem] { get }
    /// Counts of what was left out or is worth knowing, by reason: `summaries`, `not-performed`.
    var counts: [String: Int] { get }
    /// The entries of exclusion lists that name it.
    var listed: [SourceList.Entry] { get }

    /// The record that it begins with; a group that is ingested again, with other content, has the next revision.
    /// - Parameter revision: from 1; 0 where the content is compared, whatever the revision.
    func first(revision: Int) -> Value
    /// Calls a function with each record between the first and the last, in order.
    func forEach(_ body: (Value) -> Void)
    /// The record that says that the group is complete.
    var end: Value { get }

    /// The same group without details that earlier versions of the program did not write; `nil` where it has none. By
    /// that a group that an earlier version ingested is known again.
    var withoutDetails: Self? { get }
}

extension RecordGroup {
    /// Nothing beside.
    public var note: Bytes { [] }
    /// No problems.
    public var problems: [SourceProblem] { [] }
    /// No counts.
    public var counts: [String: Int] { [:] }
    /// No entries.
    public var listed: [SourceList.Entry] { [] }
    /// No details: all that it has was always written.
    public var withoutDetails: Self? { nil }
}

/// The words for groups and their records in an ingest's report.
public struct GroupWords: Hashable, Sendable {
    /// Groups, as the user knows them, and as JSON names their number: `videos`.
    public var groups: String
    /// Groups, told apart from parts of them: `videos and passes`.
    public var wholeGroups: String
    /// The records, and how JSON names their number: `narrations`.
    public var records: String

    /// Chooses words.
    public init(groups: String, wholeGroups: String, records: String) {
        self.groups = groups
        self.wholeGroups = wholeGroups
        self.records = records
    }
}
