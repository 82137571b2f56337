// SPDX-License-Identifier: Apache-2.0

import Codecs
import RecordLog
import Records

/// A record of the topic of removals: how far one has come.
///
/// The first is written before anything goes, and says all that is to go, so that whoever finds it can finish.
struct RemovalNote: Hashable {
    /// The steps of a removal.
    enum Step: String, CaseIterable {
        /// It may have begun.
        case begun
        /// The log holds nothing of it any more; files are left.
        case cleared
        /// All of it is gone.
        case done
        /// It was refused before anything went.
        case withdrawn
    }

    var id: String
    var step: Step
    /// The words for what is removed.
    var subject: String
    var plan: RemovalPlan

    /// The version of these records; it grows when an older program would misunderstand them.
    static let schemaVersion = 1
    private static let schema = "removal/\(schemaVersion)"
    static let partition = TopicPartition(ReservedTopics.removals, 0)

    var record: Record {
        Record(key: Bytes(self.id.utf8), value: self.json, headers: [Header("schema", Self.schema)])
    }

    /// The transaction that writes it down.
    var transaction: Transaction {
        var transaction = Transaction()
        transaction.outputs = [
            .init(
                topic: Self.partition.topic, partition: Self.partition.partition, records: RecordBatch([self.record]))
        ]
        return transaction
    }

    private var json: Bytes {
        var json = JSONWriter()
        json.beginObject()
        json.field("removal", self.id)
        json.field("step", self.step.rawValue)
        json.field("subject", self.subject)
        for (name, values) in [
            ("topics", self.plan.topics), ("groups", self.plan.groups), ("writers", self.plan.writers),
            ("sets", self.plan.sets), ("idle", self.plan.idleGroups),
        ] {
            json.key(text: name)
            json.beginArray()
            for value in values { json.value(value) }
            json.endArray()
        }
        json.endObject()
        return json.bytes
    }

    init(id: String, step: Step, subject: String, plan: RemovalPlan) {
        self.id = id
        self.step = step
        self.subject = subject
        self.plan = plan
    }

    /// Reads a record.
    /// - Throws: `LogError.Code.versionTooNew`; `.corrupt` for anything that is none. Half a removal must not pass for
    ///   none.
    init(_ record: Record, at offset: Offset) throws(LogError) {
        let place = "\(Self.partition) offset \(offset)"
        let schema = record.headers.last { $0.name == "schema" }.map { String(decoding: $0.value, as: UTF8.self) }
        guard let schema, schema.hasPrefix("removal/"), let version = Int(schema.dropFirst("removal/".count)) else {
            throw LogError(.corrupt, "\(place) is no record of a removal: its schema is `\(schema ?? "none")`")
        }
        guard version <= Self.schemaVersion else {
            throw LogError(
                .versionTooNew, "\(place) has schema version \(version), which a newer program wrote; use that")
        }
        func names(_ value: JSONValue?) -> [String]? {
            guard let array = value?.array else { return nil }
            let names = array.compactMap(\.string)
            return names.count == array.count ? names : nil
        }
        guard let value = record.value, let json = try? JSONValue(parsing: value), let id = json["removal"]?.string,
            let step = json["step"]?.string.flatMap(Step.init), let subject = json["subject"]?.string,
            let topics = names(json["topics"]), let groups = names(json["groups"]),
            let writers = names(json["writers"]), let sets = names(json["sets"]), let idle = names(json["idle"])
        else { throw LogError(.corrupt, "\(place) is no record of a removal") }
        var plan = RemovalPlan()
        plan.topics = topics
        plan.groups = groups
        plan.writers = writers
        plan.sets = sets
        plan.idleGroups = idle
        self.init(id: id, step: step, subject: subject, plan: plan)
    }
}

/// The removals that have begun and not come to their end, in order.
struct PendingRemovals {
    private(set) var notes: [RemovalNote] = []
    /// The time at which each group was last made to begin anew.
    private(set) var resets: [String: Timestamp] = [:]

    /// Reads what is pending; a log in which nothing was ever removed has nothing.
    init(reading log: any RecordLog) throws(LogError) {
        let range: Range<Offset>
        do throws(LogError) { range = try log.offsets(of: RemovalNote.partition) } catch
            where error.code == .unknownTopic
        { return }
        if range.isEmpty { return }
        let reader = try log.makeReader(of: RemovalNote.partition, from: range.lowerBound)
        while true {
            let batch = try reader.read(recordsMax: 1_000, bytesMax: 4 << 20)
            if batch.isEmpty { return }
            for index in 0..<batch.count {
                self.apply(
                    try RemovalNote(batch.records[index], at: batch.offsets[index]), time: batch.timestamps[index])
            }
        }
    }

    /// Takes up the next note.
    mutating func apply(_ note: RemovalNote, time: Timestamp) {
        if note.step == .cleared { for group in note.plan.groups { self.resets[group] = time } }
        switch note.step {
        case .begun: self.notes.append(note)
        case .cleared: self.notes = self.notes.map { $0.id == note.id ? note : $0 }
        case .done, .withdrawn: self.notes.removeAll { $0.id == note.id }
        }
    }

    /// Throws where something is half removed that these topics, sets or groups need.
    func requireNone(topics: some Sequence<String>, groups: some Sequence<String>) throws(LogError) {
        let topics = Set(topics)
        let groups = Set(groups)
        for note in self.notes {
            guard !topics.isDisjoint(with: note.plan.topics) || !groups.isDisjoint(with: note.plan.groups) else {
                continue
            }
            throw LogError(
                .topicConflict,
                "the removal of \(note.subject) has begun and not come to its end, so what is there is half of it: "
                    + "finish it by the command that began it, or by the next `millrace run`")
        }
    }
}
