// SPDX-License-Identifier: Apache-2.0

import Codecs
import Engine
import Foundation
import Records
import Synchronization
import Topologies

/// Lets trainers see, from other processes, when the shards that a run has open will be closed: a file in the home's
/// folder `rotation`.
final class OpenShardBoard: Sendable {
    /// The open shards of a stage in one process.
    struct Note: Hashable {
        var topology: String
        var stage: String
        /// The set of shards.
        var set: String
        var open: Int
        /// The time at which the oldest is closed at the latest, in milliseconds since 1970; `nil` without a limit.
        var closesAt: Timestamp?
    }

    private let file: LiveFile
    private let topology: Topology
    private let notes = Mutex<[Note]>([])

    init(_ home: Home, _ topology: Topology) {
        self.file = LiveFile(folder: home.rotationFolder, name: topology.name)
        self.topology = topology
    }

    /// Takes how the stages stand now; the file is written where that is news.
    func show(_ stages: [Engine.StageProgress], now: Timestamp = Engine.systemClock()) {
        let new = stages.compactMap { progress -> Note? in
            guard progress.openShards > 0,
                case .shards(let set)? = self.topology.stages.first(where: { $0.name == progress.stage })?.destination
            else { return nil }
            return Note(
                topology: self.topology.name, stage: progress.stage, set: set.name, open: progress.openShards,
                closesAt: progress.secondsToShard.map { now + Timestamp($0 * 1000) })
        }
        self.notes.withLock { notes in
            guard !Self.isSame(notes, new) else { return }
            notes = new
            new.isEmpty ? self.file.remove() : self.file.write(Self.json(new))
        }
    }

    /// Tells nothing any more.
    func clear() { self.show([]) }

    /// The time until a shard closes is measured anew each time, and never comes out the same to the millisecond.
    private static func isSame(_ old: [Note], _ new: [Note]) -> Bool {
        old.count == new.count
            && zip(old, new).allSatisfy { old, new in
                var close = new
                if let one = old.closesAt, let other = new.closesAt, abs(one - other) < 1000 { close.closesAt = one }
                return close == old
            }
    }

    /// The open shards of a set in all processes that work on a home.
    static func read(_ home: Home, set: String) -> [Note] {
        LiveFile.elements(in: home.rotationFolder).compactMap(Note.init).filter { $0.set == set }
    }

    private static func json(_ notes: [Note]) -> Bytes {
        var json = JSONWriter()
        json.beginArray()
        for note in notes {
            json.beginObject()
            json.field("topology", note.topology)
            json.field("stage", note.stage)
            json.field("set", note.set)
            json.field("open", note.open)
            if let time = note.closesAt { json.field("closes_at", Int(time)) }
            json.endObject()
        }
        json.endArray()
        return json.bytes
    }
}

extension OpenShardBoard.Note {
    fileprivate init?(_ json: JSONValue) {
        guard let topology = json["topology"]?.string, let stage = json["stage"]?.string,
            let set = json["set"]?.string, let open = json["open"]?.count
        else { return nil }
        self.init(
            topology: topology, stage: stage, set: set, open: open,
            closesAt: json["closes_at"]?.int.map { Timestamp($0) })
    }
}

extension [OpenShardBoard.Note] {
    /// A description of when the next samples come, with the knob that makes them come sooner.
    func text(now: Timestamp) -> String {
        guard let first = self.min(by: { ($0.closesAt ?? .max) < ($1.closesAt ?? .max) }) else {
            return "no run has a shard of it open: `millrace run` makes some, and --shards names another set"
        }
        let open = self.reduce(0) { $0 + $1.open }
        let shards = open == 1 ? "1 shard is open" : "\(open) shards are open"
        guard let time = first.closesAt else {
            return "\(shards), and closed when full: \(first.knob) closes them by the clock"
        }
        let seconds = Double(Swift.max(0, time - now)) / 1000
        return "\(shards), the oldest closes in \(ProgressReporter.duration(seconds)) (sooner by \(first.knob))"
    }
}

extension OpenShardBoard.Note {
    /// The option of the run that closes shards earlier.
    fileprivate var knob: String { "`millrace run … --set stages.\(self.stage).to.rotate.seconds=5`" }
}
