// SPDX-License-Identifier: Apache-2.0

import Records

/// Reads one data set's annotation files and hands out groups of records, each of which is written whole, once.
///
/// An adapter opens its side files (metadata, exclusion lists, feature folder) when it is created and streams its main
/// file in `read`. Its memory grows with the number of groups, not with the size of the file: one group's records at a
/// time.
public protocol SourceAdapter: Sendable {
    /// The records of a group: of a video and pass, most often.
    associatedtype Group: RecordGroup

    /// The name on the command line, and in the ledger of what was ingested: `ego4d`.
    static var name: String { get }
    /// The topic that its records go to where the command line names none: `narrations`.
    static var topic: String { get }
    /// Warnings about the side files for the user, one sentence each: a split that had to be guessed, for instance.
    var notes: [String] { get }
    /// The exclusion lists that were given, in their order.
    var exclusionLists: [SourceList] { get }

    /// Reads the main file from its start, in its order.
    ///
    /// - Parameters:
    ///   - progress: called about once a mebibyte.
    ///   - body: takes each item; what it throws ends the reading and is thrown on.
    /// - Throws: `SourceError` where the file cannot be read on; every whole group before that has been handed out.
    func read(progress: ProgressHandler?, _ body: (SourceItem<Group>) throws -> Void) throws

    /// Warnings for the user about what was counted while the file was read, one sentence each.
    static func warnings(about counts: [String: Int]) -> [String]
}

extension SourceAdapter {
    /// Reads the main file from its start, in its order, and tells nobody how far it is.
    public func read(_ body: (SourceItem<Group>) throws -> Void) throws { try self.read(progress: nil, body) }

    /// No warnings: a source without side files has none.
    public var notes: [String] { [] }
    /// No lists: a source that nothing is to be kept out of has none.
    public var exclusionLists: [SourceList] { [] }
    /// No warnings.
    public static func warnings(about counts: [String: Int]) -> [String] { [] }
}

/// A function that is told how far the reading of a file is.
public typealias ProgressHandler = (SourceProgress) -> Void

/// The progress of reading a file.
public struct SourceProgress: Hashable, Sendable {
    /// The bytes read so far.
    public var bytesRead: Int
    /// The size of the file; 0 where it has none, a pipe for instance.
    public var bytesTotal: Int

    /// Creates a progress.
    public init(bytesRead: Int, bytesTotal: Int) {
        self.bytesRead = bytesRead
        self.bytesTotal = bytesTotal
    }
}

/// An item that an adapter hands out.
public enum SourceItem<Group: RecordGroup>: Sendable {
    /// A group, complete.
    case group(Group)
    /// Something that belongs to no group that is handed out.
    case problem(SourceProblem)
    /// Something that happened to no group that is handed out and is no fault: a pass that does not exist.
    case count(reason: String, number: Int)
}

/// A list of videos that are to be kept out of a set, as a file has it.
public struct SourceList: Hashable, Sendable {
    /// Its path.
    public var path: String
    /// The splits of its entries, sorted.
    public var splits: [String]
    /// The number of different videos, or clips of unnamed videos, that it lists.
    public var ids: Int
    /// One of them, as the file has it.
    public var example: String

    /// Describes a list.
    public init(path: String, splits: [String], ids: Int, example: String) {
        self.path = path
        self.splits = splits
        self.ids = ids
        self.example = example
    }

    /// An entry of one of an adapter's lists, for those who count which entries were met.
    public struct Entry: Hashable, Sendable {
        /// The number of the list, in the order in which they were given.
        public var file: Int
        /// The number of the video or clip in the list.
        public var id: Int

        /// Names an entry.
        public init(file: Int, id: Int) {
            self.file = file
            self.id = id
        }
    }
}
