// SPDX-License-Identifier: Apache-2.0

/// The sets, topics and groups that somebody wants to be rid of, by name.
public struct RemovalRequest: Hashable, Sendable {
    /// Sets of shards, or replays by the names of their sets.
    public var sets: [String]
    /// Topics.
    public var topics: [String]
    /// Groups, `TOPOLOGY.STAGE`.
    public var groups: [String]

    /// Names what is to go.
    public init(sets: [String] = [], topics: [String] = [], groups: [String] = []) {
        self.sets = sets
        self.topics = topics
        self.groups = groups
    }
}

/// Everything that goes together, so that what stays is whole.
public struct RemovalPlan: Hashable, Sendable {
    /// Topics, manifests among them.
    public var topics: [String] = []
    /// Groups that lose their offsets.
    public var groups: [String] = []
    /// Ids of writers that lose their state.
    public var writers: [String] = []
    /// Sets that lose their files.
    public var sets: [String] = []
    /// Groups that must not be at work.
    public var idleGroups: [String] = []
    /// The consequences that nobody asked for, in words.
    public var notes: [String] = []

    /// Nothing.
    public init() {}
}

/// The reason why something is not removed; nothing was.
public struct RemovalRefusal: Error, Hashable, Sendable, CustomStringConvertible {
    /// The reason and the remedy.
    public var message: String

    init(_ message: String) { self.message = message }

    /// Equals `message`.
    public var description: String { self.message }
}
