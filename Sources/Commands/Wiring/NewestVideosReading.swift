// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Engine
import RecordLog
import Records
import TaskRooms
import Topologies
import VideoAnnotations

extension RunOptions {
    /// Lets filters judge videos by what is known of them, and keeps excluded ones out of the stages behind.
    mutating func use(_ newest: NewestVideos) {
        self.services.set(newest, as: NewestVideos.self)
        self.gate = newest
    }
}

extension NewestVideos {
    /// The newest videos that ingests into a topology's topics have noted, for a run: it costs no look at the records.
    static func ingested(for topology: Topology, in log: any RecordLog) throws -> NewestVideos {
        let newest = NewestVideos(
            excludedSplits: excludedSplits(of: topology.stages.flatMap(\.steps)), isBounded: false,
            tell: Console.warning)
        for topic in topology.narrationTopics {
            for source in Tasks.registered.sources.map(TaskRegistry.name) {
                try Ingest.forEachGroup(of: topic, source: source, in: log) { group, revision, note in
                    newest.take(group: group, revision: revision, note: note, source: source)
                }
            }
        }
        if newest.hasRevisions, let stage = topology.stageWithoutGuard {
            Console.warning(
                "some videos were ingested again, and \(Self.unguarded(stage)); all of their revisions pass")
        }
        return newest
    }

    private static func unguarded(_ stage: String) -> String {
        "the stage `\(stage)` has no step `filter: { videos: {} }`, which takes the newest revisions alone"
    }

    /// The newest videos by all `video` records that a replay may come to.
    /// - Parameters:
    ///   - topology: the whole one, also where the replay begins at a later stage.
    ///   - ends: where the replay stops reading; other partitions are read to the ends that they have now.
    static func scanned(
        for topology: Topology, upTo ends: [TopicPartition: Offset], in log: any RecordLog
    ) throws -> NewestVideos {
        let newest = NewestVideos(excludedSplits: excludedSplits(of: topology.stages.flatMap(\.steps)), isBounded: true)
        let known = Set(try log.topics().map(\.name))
        for topic in topology.narrationTopics where known.contains(topic) {
            for number in 0..<topology.partitions {
                let partition = TopicPartition(topic, number)
                let range = try log.offsets(of: partition)
                try newest.scan(partition, range.lowerBound, ends[partition] ?? range.upperBound, in: log)
            }
        }
        return newest
    }

    private func scan(_ partition: TopicPartition, _ start: Offset, _ end: Offset, in log: any RecordLog) throws {
        guard start < end else { return }
        let reader = try log.makeReader(of: partition, from: start)
        while true {
            let batch = try reader.read(recordsMax: 16_384, bytesMax: 8 << 20)
            for index in 0..<batch.count where batch.offsets[index] < end {
                if let video = Self.video(in: batch.records, at: index) { self.take(video) }
            }
            // Behind the last record there may be offsets that no record has.
            if batch.isEmpty || batch.nextOffset >= end { return }
        }
    }

    /// Nearly all records are narrations as this program writes them, which their first bytes tell.
    private static func video(in records: RecordBatch, at index: Int) -> Video? {
        records.withValue(at: index) { value in
            guard let value, !value.starts(with: Self.narrationPrefix) else { return nil }
            var json = JSONScanner(value)
            guard case .video(let video)? = try? NarrationEvent(json: &json) else { return nil }
            return video
        }
    }

    private static let narrationPrefix = Bytes(#"{"kind":"narration""#.utf8)

    /// Refuses a replay that would take older revisions beside the newest. Narrations are told apart by a filter of
    /// videos; blocks and queries do not say of which revision they were made.
    func checkReplay(of selected: Topology, of whole: Topology) throws {
        guard self.olderCount > 0 else { return }
        if let stage = selected.stageWithoutGuard {
            throw CommandFailure(
                .usage,
                "\(self.olderCount) older revisions of videos would be taken beside the newest: \(Self.unguarded(stage)); add it"
            )
        }
        guard Set(whole.narrationTopics).isDisjoint(with: selected.externalTopics) else { return }
        let topics = selected.externalTopics.map { "`\($0)`" }.joined(separator: ", ")
        throw CommandFailure(
            .usage,
            "\(topics) may hold what was made of \(self.olderCount) older revisions of videos, beside what was made of the "
                + "newest: replay without --stage, which takes the newest alone; kept answers are not asked for again")
    }

    /// Notes on what a replay leaves out that is in its topics.
    var replayNotes: [String] {
        var left: [String] = []
        if self.olderCount > 0 { left.append("\(self.olderCount) older revisions of videos and passes") }
        if self.newlyExcludedCount > 0 {
            left.append(
                "\(self.newlyExcludedCount) videos that were not excluded in an earlier revision or another pass")
        }
        guard !left.isEmpty else { return [] }
        return [
            "left out: \(left.joined(separator: ", and ")); where that shows, shards differ from the original's, and are "
                + "closed by the topology's own `rotate` from there on"
        ]
    }
}

extension Topology {
    /// The topics from outside that stages read as narrations.
    var narrationTopics: [String] {
        let external = Set(self.externalTopics)
        let topics = self.stages.filter { $0.inputType.name == NarrationEvent.typeName }.map(\.from)
        return Set(topics).intersection(external).sorted()
    }

    /// The first stage that reads narrations from outside and judges no videos, if there is one.
    fileprivate var stageWithoutGuard: String? {
        let topics = Set(self.narrationTopics)
        return self.stages.first { topics.contains($0.from) && judgesNoVideos($0.inputType, $0.steps) }?.name
    }
}

extension StageSummary {
    /// Warnings about videos that came again after an earlier revision of them had been read, and about those that no
    /// list guards.
    func revisionWarnings(file: String) -> [String] {
        func count(_ reason: String) -> Int {
            self.rows.flatMap(\.metadata.counts).filter { $0.key.hasSuffix(".\(reason)") }.reduce(0) { $0 + $1.value }
        }
        var warnings: [String] = []
        let newer = count("newer-revision")
        if newer > 0 {
            let excluded = count("newly-excluded")
            let danger = excluded > 0 ? " \(excluded) of them are excluded now: train on nothing of theirs." : ""
            warnings.append(
                "\(newer) videos and passes came as a newer revision after an older one had been read, so what was made of the "
                    + "older ones is still there.\(danger) `millrace replay \(file) --from earliest` makes a set of the newest "
                    + "revisions alone; kept answers are not asked for again")
        }
        let unguarded = count("unguarded-video")
        if unguarded > 0 {
            warnings.append(
                "of \(unguarded) videos and passes it is not known whether they are in an excluded split; they were not refused for "
                    + "the sake of --allow-unguarded")
        }
        return warnings
    }
}
