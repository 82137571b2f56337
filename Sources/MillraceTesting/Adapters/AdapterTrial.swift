// SPDX-License-Identifier: Apache-2.0

public import Codecs
import Foundation
public import TaskRooms

/// An adapter with a sample of its files, for the conformance suite to try.
///
/// ```swift
/// struct MyTrial: AdapterTrial {
///     let files = ["notes.txt": Bytes("a: one\nb: two\n".utf8)]
///     let main = "notes.txt"
///     func makeAdapter(in folder: String) throws -> MyAdapter { MyAdapter(file: folder + "/notes.txt") }
///     let faults = [AdapterFault("b: two", with: "two", is: .problem("no-colon"), saying: ["notes.txt, line 2"])]
/// }
///
/// @Test(arguments: AdapterCase.all)
/// func keeps(_ promise: AdapterCase) throws {
///     if let reason = try promise.run(on: MyTrial()).skipReason { try Test.cancel("\(reason)") }
/// }
/// ```
///
/// The sample is well-formed and small, with at least two groups; the suite breaks it itself.
public protocol AdapterTrial: Sendable {
    /// The adapter.
    associatedtype Adapter: SourceAdapter

    /// The sample's files, by their path in a folder.
    var files: [String: Bytes] { get }
    /// The file that is read by `SourceAdapter.read`, which has the groups.
    var main: String { get }
    /// Opens an adapter of the files in a folder.
    func makeAdapter(in folder: String) throws -> Adapter

    /// Faults in one entry of a file, and what must come of them.
    var faults: [AdapterFault] { get }
    /// Tells which cuts of the main file are known to be cuts.
    var cuts: AdapterCuts { get }
    /// Tells whether groups are handed out while the file is read, before its end.
    var isStreamed: Bool { get }
    /// Tells whether the main file is one of those that a folder holds, so that nobody misses it where it is not there.
    var isListed: Bool { get }
}

extension AdapterTrial {
    /// None: `AdapterCase` then tries only faults of the file.
    public var faults: [AdapterFault] { [] }
    /// A line that does not end is known to be cut off.
    public var cuts: AdapterCuts { .withinLines }
    /// Groups come while the file is read.
    public var isStreamed: Bool { true }
    /// It is named.
    public var isListed: Bool { false }
}

/// The cuts of a file that its reader can know for such.
public enum AdapterCuts: Hashable, Sendable {
    /// All that leave anything out: a document of JSON.
    case anywhere
    /// Those that leave a line without its end: JSON Lines.
    case withinLines
    /// None for sure: a table, whose last row may lack its line end.
    case none
}

/// A fault in one entry of a file.
public struct AdapterFault: Sendable, CustomStringConvertible {
    /// The consequence that it must have, and no other.
    public enum Outcome: Hashable, Sendable {
        /// A dead letter with this reason, of this entry alone.
        case problem(String)
        /// A count under this reason.
        case count(String)
        /// The whole file is refused.
        case refusal
    }

    /// The text that is replaced, once.
    public var text: String
    /// The text that replaces it.
    public var replacement: String
    /// The file it stands in; `nil` for the main one.
    public var file: String?
    /// The consequence.
    public var outcome: Outcome
    /// The words that the message must hold: the field and its value, most of all.
    public var words: [String]
    /// The names of the groups that may change by it, or be lost.
    public var groups: [String]

    /// Describes a fault.
    public init(
        _ text: String, with replacement: String, in file: String? = nil, is outcome: Outcome,
        saying words: [String] = [], touching groups: [String] = []
    ) {
        self.text = text
        self.replacement = replacement
        self.file = file
        self.outcome = outcome
        self.words = words
        self.groups = groups
    }

    /// The change.
    public var description: String { "“\(self.text)” made “\(self.replacement)”" }
}
