// SPDX-License-Identifier: Apache-2.0

public import Codecs
public import RecordLog
public import Records
public import Topologies

/// Says where a task's samples came from.
public protocol SampleExplainer: Sendable {
    /// Takes a sample on; `nil` where it is none of the task's.
    init?(_ found: FoundSample)

    /// Looks up what the sample's lineage names.
    /// - Throws: `TaskFailure` where what the user asked for is not there.
    func explanation(in surroundings: ExplanationSurroundings) throws -> Explanation

    /// Looks up what the record of a dead letter or a reject names; `nil` where it is none of the task's, as by
    /// default.
    static func trail(of letter: FoundLetter, in surroundings: ExplanationSurroundings) throws -> LineageTrail?

    /// Looks up what a lineage of the task's names by a hash: a prompt, an answer; `nil` where there is nothing, as by
    /// default.
    static func trail(ofHash hash: String, in surroundings: ExplanationSurroundings) throws -> LineageTrail?
}

extension SampleExplainer {
    /// Knows no letters.
    public static func trail(of letter: FoundLetter, in surroundings: ExplanationSurroundings) throws -> LineageTrail? {
        nil
    }

    /// Knows no hashes.
    public static func trail(ofHash hash: String, in surroundings: ExplanationSurroundings) throws -> LineageTrail? {
        nil
    }
}

/// The record of a dead letter or a reject, and what was refused.
public struct FoundLetter: Sendable {
    /// The value that a step refused, as JSON, where it is not the record itself.
    public var refused: Bytes?
    /// The record that the stage read.
    public var record: Record

    /// Describes a letter.
    public init(refused: Bytes?, record: Record) {
        self.refused = refused
        self.record = record
    }
}

/// A part of the way from narrations to samples.
public struct LineageTrail: Sendable {
    /// Its parts, in the order in which they came about.
    public var parts: [Explanation.Part]
    /// The ids and hashes that samples of the same origin have in their lineage, the most telling first.
    public var names: [String]

    /// Describes a trail.
    public init(parts: [Explanation.Part], names: [String]) {
        self.parts = parts
        self.names = names
    }
}

/// The places where an explainer looks.
public struct ExplanationSurroundings: Sendable {
    /// The log with the records that the sample was made of.
    public var log: any RecordLog
    /// The folder with the answers of models.
    public var cacheFolder: String
    /// The topology whose steps' settings hold, and its file; `nil` for the defaults of their fields.
    public var topology: (file: String, topology: Topology)?
    /// The time after which nothing more is looked for: what was not found by then is said to be so.
    public var deadline: ContinuousClock.Instant?

    /// Names the places.
    public init(log: any RecordLog, cacheFolder: String, topology: (file: String, topology: Topology)? = nil) {
        self.log = log
        self.cacheFolder = cacheFolder
        self.topology = topology
    }

    /// Tells whether the time is over.
    public var isOver: Bool { self.deadline.map { ContinuousClock.now >= $0 } ?? false }
}
