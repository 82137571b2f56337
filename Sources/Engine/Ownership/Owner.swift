// SPDX-License-Identifier: Apache-2.0

import Records

/// The one who may write to a topic or a set of shards; nobody else may.
public struct Owner: Hashable, Sendable, CustomStringConvertible {
    /// The kind of writer.
    public enum Kind: String, Sendable, CaseIterable {
        /// A topology, by its name.
        case topology
        /// A replay, by the name of its set.
        case replay
        /// The ingest of all sources.
        case ingest
    }

    /// The kind of owner.
    public var kind: Kind
    /// Its name.
    public var name: String

    /// Names an owner.
    public init(_ kind: Kind, _ name: String) {
        self.kind = kind
        self.name = name
    }

    /// The owner of all that `millrace ingest` writes, whatever the source.
    static let ingest = Owner(.ingest, "ingest")

    /// In words.
    public var description: String { self.kind == .ingest ? "`millrace ingest`" : "the \(self.kind) `\(self.name)`" }
}

/// The fact that an owner writes to something.
struct Claim: Hashable {
    /// A topic or a set of shards.
    struct Subject: Hashable, Comparable, CustomStringConvertible {
        enum Kind: String, CaseIterable {
            case topic, shards
        }

        var kind: Kind
        var name: String

        var description: String { self.kind == .topic ? "the topic `\(self.name)`" : "the shards `\(self.name)`" }

        static func < (left: Subject, right: Subject) -> Bool {
            (left.kind.rawValue, left.name) < (right.kind.rawValue, right.name)
        }
    }

    var subject: Subject
    var owner: Owner
    /// The stage that writes; dead letters are all stages', and what ingest writes is no stage's.
    var stage: String?
}

extension Claim.Subject {
    /// The topic that is there as long as this is.
    var topic: String { self.kind == .topic ? self.name : ReservedTopics.manifest(of: self.name) }
}

/// The names that a stage's commits are about: its offsets are those of one topic, and what it has written lies in
/// others.
struct Binding: Hashable {
    var owner: Owner
    var stage: String
    var from: String
    var output: Claim.Subject
    var rejects: String?

    /// The group of its tasks.
    var group: String { TaskSurroundings.group(topology: self.owner.name, stage: self.stage) }
}

/// Everything that a topology, a replay or an ingest is about to write.
struct Intent {
    var owner: Owner
    var claims: [Claim]
    var bindings: [Binding]
}
