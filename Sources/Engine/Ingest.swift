// SPDX-License-Identifier: Apache-2.0

public import Codecs
import Dataflow
public import RecordLog
public import Records

/// Brings groups of records into a topic exactly once: a video and pass is there whole or not at all, and a rerun after
/// any kill skips what is there.
///
/// A ledger of each group's digest, its revision and what the source notes of it is committed with its records. Groups
/// are gathered into transactions of a few mebibytes; `flush` commits what has been gathered. Used from one thread at a
/// time.
public final class Ingest {
    /// The outcome for a group.
    public enum Verdict: Hashable, Sendable {
        /// It will be there with the next commit, as this revision.
        case written(revision: Int)
        /// The same content is there already.
        case unchanged
        /// The same content is there already, but for details that the version that wrote it did not know.
        case withoutDetails
        /// Other content is there already, and replacing was not asked for.
        case refused
    }

    /// The ledger's facts about a group.
    private struct Entry {
        var digest: String
        /// The digest with details; `nil` where there were none, or an earlier version of the program left them out.
        var details: String?
        var revision: Int
        /// The source's note about it; empty where an earlier version of the program wrote none.
        var note: Bytes

        init(digest: String, details: String? = nil, revision: Int, note: Bytes = []) {
            self.digest = digest
            self.details = details
            self.revision = revision
            self.note = note
        }

        /// Reads `DIGEST REVISION` or `DIGEST REVISION NOTE`, where details are known with `DIGEST+DETAILS`; `nil` for
        /// anything else.
        init?(_ value: Bytes) {
            let parts = value.split(separator: UInt8(ascii: " "), maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count >= 2, let revision = Int(String(decoding: parts[1], as: UTF8.self)),
                JSONScanner.counts.contains(revision)
            else { return nil }
            let digests = parts[0].split(separator: UInt8(ascii: "+"), maxSplits: 1, omittingEmptySubsequences: false)
                .map { String(decoding: $0, as: UTF8.self) }
            self.digest = digests[0]
            self.details = digests.count > 1 ? digests[1] : nil
            self.revision = revision
            self.note = parts.count > 2 ? Bytes(parts[2]) : []
        }

        var bytes: Bytes {
            let digest = self.details.map { "\(self.digest)+\($0)" } ?? self.digest
            let head = Bytes("\(digest) \(self.revision)".utf8)
            return self.note.isEmpty ? head : head + [UInt8(ascii: " ")] + self.note
        }
    }

    /// A transaction is committed once it holds this many bytes.
    private static let bytesMax = 8 << 20

    private let topic: TopicSpecification
    private let letterTopic: String
    private let writer: any TransactionalWriter
    private let envelope: DeadLetterEnvelope
    private let source: String
    private let replaces: Bool
    private var ledger: [Bytes: Entry] = [:]
    private var outputs: [RecordBatch]
    private var letters: [RecordBatch]
    private var changes: [StateChange] = []
    private var byteCount = 0

    /// Prepares an ingest, which fences an earlier one of the same source into the same topic.
    /// - Parameters:
    ///   - topic: the topic, created if it is not there.
    ///   - source: the data set's name.
    ///   - replaces: whether a group that has changed is written again, as a new revision.
    /// - Throws: `LogError`; `.topicConflict` where the topic has other partitions, or is a topology's.
    public init(log: any RecordLog, topic: TopicSpecification, source: String, replaces: Bool) throws(LogError) {
        self.topic = topic
        self.letterTopic = ReservedTopics.deadLetters(of: topic.name)
        self.source = source
        self.replaces = replaces
        self.envelope = DeadLetterEnvelope(topology: "ingest", stage: source)
        try PendingRemovals(reading: log).requireNone(topics: [topic.name, self.letterTopic], groups: [])
        let ownership = Ownership(
            log: log, intent: Intent(ingestInto: topic.name), remedy: "choose another topic with --topic")
        let letters = TopicSpecification(
            name: self.letterTopic, partitions: topic.partitions, retention: topic.retention)
        try ownership.take { () throws(LogError) in
            try log.createTopic(topic)
            try log.createTopic(letters)
        }
        self.writer = try log.makeWriter(id: Self.writerID(topic: topic.name, source: source))
        self.outputs = Array(repeating: RecordBatch(), count: topic.partitions)
        self.letters = self.outputs
        for entry in try self.writer.state() { self.ledger[entry.key] = try Self.read(entry, topic.name) }
    }

    private static func writerID(topic: String, source: String) -> String { self.writerPrefix(topic: topic) + source }

    /// The beginning of the ids under which the sources of a topic are written.
    static func writerPrefix(topic: String) -> String { "ingest.\(topic)." }

    private static func read(_ entry: StateEntry, _ topic: String) throws(LogError) -> Entry {
        guard let known = Entry(entry.value) else {
            let text = String(decoding: entry.value.prefix(256), as: UTF8.self)
            throw LogError(.corrupt, "the ingest ledger of `\(topic)` holds `\(text)`, which it never wrote")
        }
        return known
    }

    /// Goes through the ledger's groups of a topic and source, for those who only look.
    /// - Parameter body: gets each group's name, its revision and what the source noted of it.
    public static func forEachGroup(
        of topic: String, source: String, in log: any RecordLog,
        _ body: (_ group: String, _ revision: Int, _ note: Bytes) -> Void
    ) throws(LogError) {
        for entry in try log.state(ofWriter: Self.writerID(topic: topic, source: source)) {
            if entry.key.starts(with: Self.problemPrefix) { continue }
            let known = try Self.read(entry, topic)
            body(String(decoding: entry.key, as: UTF8.self), known.revision, known.note)
        }
    }

    /// Takes a group.
    /// - Parameters:
    ///   - group: names it: video and pass.
    ///   - key: the key of all its records.
    ///   - digest: of its content, its revision and its details aside.
    ///   - details: the digest of its content with details, which earlier versions of the program did not write; `nil`
    ///     where it has none. A group that is there without any is unchanged, and written again only where replacing
    ///     was asked for.
    ///   - note: what the ledger keeps beside, for `forEachGroup`.
    ///   - write: appends the group's records, given its revision.
    public func take(
        group: String, key: Bytes, digest: String, details: String? = nil, note: Bytes = [],
        _ write: (_ revision: Int, inout RecordBatch) -> Void
    ) throws(LogError) -> Verdict {
        let name = Bytes(group.utf8)
        let known = self.ledger[name]
        if let known, known.digest == digest, known.details == details || known.details == nil && !self.replaces {
            // The ledger of an earlier version has no notes.
            if known.note != note {
                self.note(
                    Entry(digest: digest, details: known.details, revision: known.revision, note: note), for: name)
            }
            return known.details == details ? .unchanged : .withoutDetails
        }
        if known != nil, !self.replaces { return .refused }
        let entry = Entry(digest: digest, details: details, revision: (known?.revision ?? 0) + 1, note: note)
        let partition = Partitioner.partition(forKey: key, count: self.topic.partitions)
        let before = self.outputs[partition].byteCount
        write(entry.revision, &self.outputs[partition])
        self.byteCount += self.outputs[partition].byteCount - before
        self.note(entry, for: name)
        if self.byteCount >= Self.bytesMax { try self.flush() }
        return .written(revision: entry.revision)
    }

    /// Tells whether a problem with this digest has been kept before.
    public func hasKept(problem digest: String) -> Bool { self.ledger[Self.problemName(digest)] != nil }

    /// Keeps something that could not be used as a dead letter.
    /// - Parameter digest: of its content; a problem that has been kept before is not kept again.
    public func keep(
        problem digest: String, reason: String, message: String, key: String?, raw: Bytes, offset: Offset = 0
    ) throws(LogError) {
        let name = Self.problemName(digest)
        guard self.ledger[name] == nil else { return }
        let record = Record(key: key.map { Bytes($0.utf8) }, value: raw)
        let letter = Letter(
            kind: .dead, step: "read", reason: reason, message: message, origin: offset, value: nil)
        let partition = record.key.map { Partitioner.partition(forKey: $0, count: self.topic.partitions) } ?? 0
        let written = self.envelope.write(
            letter, source: TopicPartition(self.source, partition), record: record,
            recordBytesMax: self.topic.recordBytesMax)
        self.letters[partition].append(written)
        self.byteCount += written.value?.count ?? 0
        self.note(Entry(digest: "kept", revision: 1), for: name)
        if self.byteCount >= Self.bytesMax { try self.flush() }
    }

    /// Commits what has been gathered.
    public func flush() throws(LogError) {
        var transaction = Transaction()
        for partition in 0..<self.topic.partitions {
            for (topic, records) in [
                (self.topic.name, self.outputs[partition]), (self.letterTopic, self.letters[partition]),
            ]
            where !records.isEmpty {
                transaction.outputs.append(.init(topic: topic, partition: partition, records: records))
            }
        }
        transaction.state = self.changes
        guard !transaction.isEmpty else { return }
        do throws(LogError) {
            try self.writer.commit(transaction)
        } catch  where error.code == .fenced {
            throw LogError(
                .fenced,
                "another ingest of \(self.source) into `\(self.topic.name)` has taken over; let it finish, then run again"
            )
        }
        for partition in 0..<self.topic.partitions {
            self.outputs[partition].removeAll()
            self.letters[partition].removeAll()
        }
        self.changes.removeAll(keepingCapacity: true)
        self.byteCount = 0
    }

    /// Gives the source up to other processes.
    public func close() { self.writer.close() }

    private func note(_ entry: Entry, for name: Bytes) {
        self.ledger[name] = entry
        self.changes.append(StateChange(key: name, value: entry.bytes))
    }

    private static let problemPrefix = Bytes("problem/".utf8)
    private static func problemName(_ digest: String) -> Bytes { Self.problemPrefix + Bytes(digest.utf8) }
}
