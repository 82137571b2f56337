// SPDX-License-Identifier: Apache-2.0

/// Names of topics that the program keeps for itself. Whoever else wrote to one would destroy what it stands for, so
/// neither a topology nor an ingest may.
public enum ReservedTopics {
    /// The topic that says who owns which topic and set.
    public static let owners = "millrace-owners"
    /// The topic in which processes tell their figures.
    public static let processes = "millrace-processes"
    /// The topic that says what is being removed, so that an interrupted removal is finished.
    public static let removals = "millrace-removals"
    /// The prefix of the topics of writers' state; the writer's id follows.
    public static let statePrefix = "millrace-state."
    private static let manifestPrefix = "shards."
    private static let replayPrefix = "replay."
    private static let deadLetterSuffix = ".dead-letters"
    private static let retrySuffix = ".retries"
    private static let brokerPrefix = "__"

    /// The topic that says which shards of a set are committed.
    public static func manifest(of set: String) -> String { self.manifestPrefix + set }

    /// The set whose manifest a topic is; `nil` for any other topic.
    public static func set(ofManifest topic: String) -> String? {
        guard topic.hasPrefix(self.manifestPrefix), topic != self.manifestPrefix else { return nil }
        return String(topic.dropFirst(self.manifestPrefix.count))
    }

    /// The topic that holds the bounds of a replay into a set.
    public static func replay(into set: String) -> String { self.replayPrefix + set }

    /// The set of the replay whose bounds a topic holds; `nil` for any other topic.
    public static func set(ofReplay topic: String) -> String? {
        guard topic.hasPrefix(self.replayPrefix), topic != self.replayPrefix else { return nil }
        return String(topic.dropFirst(self.replayPrefix.count))
    }

    /// The topic of what a topology, or an ingest into a topic, could not use.
    public static func deadLetters(of name: String) -> String { name + self.deadLetterSuffix }

    /// The topology, or the topic of an ingest, whose dead letters a topic holds; `nil` for any other topic.
    public static func name(ofDeadLetters topic: String) -> String? {
        guard topic.hasSuffix(self.deadLetterSuffix), topic != self.deadLetterSuffix else { return nil }
        return String(topic.dropLast(self.deadLetterSuffix.count))
    }

    /// The topic by which a stage takes records of dead letters again, beside the topic that it reads.
    public static func retries(of topology: String, stage: String) -> String {
        "\(topology).\(stage)\(self.retrySuffix)"
    }

    /// The group of the stage, `TOPOLOGY.STAGE`, that takes records again from a topic; `nil` for any other topic.
    public static func group(ofRetries topic: String) -> String? {
        guard topic.hasSuffix(self.retrySuffix), topic != self.retrySuffix else { return nil }
        return String(topic.dropLast(self.retrySuffix.count))
    }

    /// The program's use of a topic; `nil` where anyone may write to it.
    public static func use(of topic: String) -> String? {
        if topic.hasPrefix(self.manifestPrefix) { return "the manifest of a shard set" }
        if topic.hasPrefix(self.replayPrefix) { return "the bounds of a replay" }
        if topic.hasPrefix(self.statePrefix) { return "the state of a task" }
        if topic.hasPrefix(self.brokerPrefix) { return "the brokers' own records" }
        if topic == self.processes { return "the figures of processes" }
        if topic == self.removals { return "the removals that are under way" }
        if topic == self.owners { return "the owners of topics and sets" }
        if topic.hasSuffix(self.retrySuffix) { return "retries of dead letters" }
        return topic.hasSuffix(self.deadLetterSuffix) ? "dead letters" : nil
    }

    /// The objection to writing to a topic; `nil` where anyone may.
    public static func problem(writing topic: String) -> String? {
        self.use(of: topic).map { "`\(topic)` is kept for \($0); choose another name" }
    }

    /// The objection to a name that topics are named after, behind a dot; `nil` where anyone may have it.
    public static func problem(naming name: String) -> String? {
        self.use(of: "\(name).x").map {
            "`\(name)` cannot name it: topics that begin with `\(name).` are kept for \($0)"
        }
    }
}
