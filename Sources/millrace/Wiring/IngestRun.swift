// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Engine
import Foundation
import Records
import Synchronization
import Threads
import VideoAnnotations

/// Moves what a source adapter reads into the log: one thread reads and parses, another encodes and commits.
struct IngestRun {
    private let ingest: Ingest
    private let maxRate: Double?

    init(_ ingest: Ingest, maxRate: Double?) {
        self.ingest = ingest
        self.maxRate = maxRate
    }

    /// Reads the source to its end, or until Ctrl-C, which commits the videos that are complete.
    func run(_ adapter: some SourceAdapter) throws -> IngestReport {
        let queue = HandOver<[SourceItem]>(capacity: 8)
        let interrupts = Interrupts("stopping: committing the videos that are whole; once more to stop now") {
            queue.stop()
        }
        defer { interrupts.cancel() }
        let progress = ProgressReporter()
        let failure = ReadingFailure()
        let reader = try CommandFailure.reporting {
            try WorkerThread {
                do {
                    try Self.read(adapter, into: queue, progress)
                } catch {
                    failure.set(error)
                }
                queue.finish()
            }
        }
        defer { withExtendedLifetime(reader) {} }
        var report = IngestReport(lists: adapter.exclusionLists)
        var pace = IngestPace(perSecond: self.maxRate)
        do {
            while let items = queue.take() {
                for item in items where !queue.isStopped { try self.take(item, &report, &pace, queue) }
            }
            try self.ingest.flush()
        } catch {
            queue.stop()
            throw error
        }
        progress.finish()
        if queue.isStopped { throw CommandFailure(.failed, "stopped; what is committed stays, run again to go on") }
        if let error = failure.error {
            if report.videos > 0 {
                Console.warning("\(report.videos) videos and passes were written before the source failed")
            }
            throw error
        }
        return report
    }

    /// Hands items over in batches: a hand-over costs a lock, a narration must not.
    private static func read(
        _ adapter: some SourceAdapter, into queue: HandOver<[SourceItem]>, _ progress: ProgressReporter
    ) throws {
        var batch: [SourceItem] = []
        var weight = 0
        func report(_ at: SourceProgress) {
            progress.show { elapsed in
                let megabytes = ProgressReporter.grouped(at.bytesRead >> 20)
                guard at.bytesTotal > 0 else { return "ingest: \(megabytes) MB" }
                let share = Double(at.bytesRead) / Double(at.bytesTotal)
                let left = ProgressReporter.duration(elapsed / max(share, 1e-9) * (1 - share))
                return "ingest: \(megabytes) MB, \(Int(share * 100)) %, \(left) left"
            }
        }
        // Items that are whole before the place where a file breaks off go in too.
        defer { _ = queue.put(batch) }
        try adapter.read(progress: report) { item in
            batch.append(item)
            if case .video(let video) = item { weight += video.narrations.count }
            if weight >= 2048 || batch.count >= 256 {
                guard queue.put(batch) else {
                    batch = []
                    throw StoppedReading()
                }
                batch.removeAll(keepingCapacity: true)
                weight = 0
            }
        }
    }

    /// Carries an error from the reading thread to the other.
    private final class ReadingFailure: Sendable {
        private let stored = Mutex<(any Error)?>(nil)
        func set(_ error: any Error) { self.stored.withLock { $0 = error } }
        var error: (any Error)? { self.stored.withLock { $0 } }
    }

    /// The other side wants no more.
    private struct StoppedReading: Error {}

    // MARK: Items

    private func take(
        _ item: SourceItem, _ report: inout IngestReport, _ pace: inout IngestPace, _ queue: HandOver<[SourceItem]>
    ) throws {
        switch item {
        case .video(let video):
            try self.take(video, &report)
            if let seconds = pace.pause(after: video.narrations.count) {
                // Slow going is for watching and for tests: what has been read is then committed at once.
                try self.ingest.flush()
                queue.waitUntilStopped(seconds: seconds)
            }
        case .problem(let problem): try self.keep(problem, &report)
        case .count(let reason, let number): report.counts[reason, default: 0] += number
        }
    }

    private func take(_ group: VideoNarrations, _ report: inout IngestReport) throws {
        let name = "\(group.video.videoUID)/\(group.video.pass)"
        let key = Bytes(group.video.videoUID.utf8)
        let records = EncodedVideo(group)
        let note = NewestVideos.note(of: group.video)
        let verdict = try self.ingest.take(group: name, key: key, digest: records.digest, note: note) {
            revision, batch in
            records.append(to: &batch, key: key, revision: revision)
        }
        report.takeGuard(of: group)
        for problem in group.problems { try self.keep(problem, &report) }
        for (reason, count) in group.counts { report.counts[reason, default: 0] += count }
        report.take(verdict, name: name, narrations: group.narrations.count)
    }

    private func keep(_ problem: SourceProblem, _ report: inout IngestReport) throws {
        report.problems[problem.reason, default: 0] += 1
        if report.problems.values.reduce(0, +) <= 5 { Console.warning("\(problem.reason): \(problem.message)") }
        let digest = ContentHash.sha256(Bytes("\(problem.reason)\n\(problem.message)\n".utf8) + problem.raw)
        try self.ingest.keep(
            problem: digest, reason: problem.reason, message: problem.message, key: problem.key, raw: problem.raw)
    }
}

/// The records of a video and pass, encoded once: for the digest, and for the log.
struct EncodedVideo {
    private let group: VideoNarrations
    private var narrations: Bytes = []
    private var ends: [Int] = []
    /// SHA-256 of everything but the revision.
    let digest: String

    init(_ group: VideoNarrations) {
        self.group = group
        var video = group.video
        video.revision = 0
        var bytes = Bytes()
        bytes.reserveCapacity(group.narrations.count * 160)
        var ends: [Int] = []
        ends.reserveCapacity(group.narrations.count)
        var json = JSONWriter()
        for narration in group.narrations {
            NarrationEvent.narration(narration).write(to: &json)
            ends.append(json.count)
            json.restart()
        }
        json.append(to: &bytes)
        var hash = ContentHash.Stream()
        hash.update(NarrationEvent.video(video).json)
        hash.update(bytes)
        self.digest = hash.finish()
        self.narrations = bytes
        self.ends = ends
    }

    /// Appends the records: the video, its narrations, its end.
    func append(to batch: inout RecordBatch, key: Bytes, revision: Int) {
        let headers = NarrationEvent.headers
        var video = self.group.video
        video.revision = revision
        batch.append(key: key, value: NarrationEvent.video(video).json, headers: headers)
        self.narrations.withUnsafeBufferPointer { bytes in
            var start = 0
            for end in self.ends {
                batch.append(key: key, headers: headers) { storage in
                    storage.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[start..<end]))
                }
                start = end
            }
        }
        let end = EndOfVideo(
            videoUID: video.videoUID, pass: video.pass, narrations: self.group.narrations.count)
        batch.append(key: key, value: NarrationEvent.end(end).json, headers: headers)
    }
}

/// Keeps an ingest to a rate.
struct IngestPace {
    private let perSecond: Double?
    private let start = ContinuousClock.now
    private var narrations = 0

    init(perSecond: Double?) { self.perSecond = perSecond }

    /// Counts narrations that were taken.
    /// - Returns: how many seconds to wait before the next ones; `nil` for none.
    mutating func pause(after count: Int) -> Double? {
        guard let perSecond else { return nil }
        self.narrations += count
        let ahead = Double(self.narrations) / perSecond - (ContinuousClock.now - self.start).seconds
        return ahead > 0.001 ? ahead : nil
    }
}

/// The result of an ingest.
struct IngestReport {
    private(set) var videos = 0
    private(set) var narrations = 0
    private(set) var unchanged = 0
    private(set) var replaced = 0
    private(set) var refused = 0
    private(set) var refusedExample = ""
    var counts: [String: Int] = [:]
    var problems: [String: Int] = [:]

    private let lists: [ExclusionList.File]
    private var matched: Set<ExclusionList.Entry> = []
    /// The id of a video that came, to show beside those that a list has.
    private var example: String?

    init(lists: [ExclusionList.File] = []) { self.lists = lists }

    mutating func takeGuard(of group: VideoNarrations) {
        if self.example == nil { self.example = group.video.videoUID }
        self.matched.formUnion(group.listed)
    }

    /// The number of entries of a list that are among the videos that came.
    private func matchedCount(_ list: Int) -> Int { self.matched.count { $0.file == list } }

    /// Warnings about the guard: each list that keeps nothing out, and videos that no list can guard.
    var guardWarnings: [String] {
        var warnings: [String] = []
        if let example {
            for (number, list) in self.lists.enumerated() where self.matchedCount(number) == 0 {
                warnings.append(
                    "none of the \(ProgressReporter.grouped(list.ids)) ids in \(list.path) is a video of this source, so the "
                        + "list keeps nothing out: it has ids like `\(list.example.prefix(128))`, the source like "
                        + "`\(example.prefix(128))`; is it a list of this data set?")
            }
        }
        if let groups = self.counts[SourceCount.unknownMembers] {
            warnings.append(
                "\(ProgressReporter.grouped(groups)) groups of joined videos, and which videos they hold is not known, so no "
                    + "list guards them: give --groups goalstep_video_groups.tsv; without it they are refused when they are "
                    + "run, or pass with --allow-unguarded")
        }
        return warnings
    }

    /// Tells whether there was something, and all of it was wrong.
    var isUseless: Bool {
        self.videos == 0 && self.unchanged == 0 && self.refused == 0 && !self.problems.isEmpty
    }

    mutating func take(_ verdict: Ingest.Verdict, name: String, narrations: Int) {
        switch verdict {
        case .written(let revision):
            self.videos += 1
            self.narrations += narrations
            if revision > 1 { self.replaced += 1 }
        case .unchanged: self.unchanged += 1
        case .refused:
            if self.refused == 0 { self.refusedExample = name }
            self.refused += 1
        }
    }

    func text(topic: String) -> String {
        var lines = [
            "\(topic): \(ProgressReporter.grouped(self.videos)) videos and passes, "
                + "\(ProgressReporter.grouped(self.narrations)) narrations written"
        ]
        if self.replaced > 0 { lines.append("replaced by a new revision: \(self.replaced)") }
        for (number, list) in self.lists.enumerated() {
            lines.append(
                "list \(list.path) (\(list.splits.joined(separator: ", "))): \(ProgressReporter.grouped(list.ids)) "
                    + "\(list.ids == 1 ? "id" : "ids"), \(ProgressReporter.grouped(self.matchedCount(number))) among the videos of "
                    + "this source")
        }
        if self.unchanged > 0 { lines.append("there already, unchanged: \(ProgressReporter.grouped(self.unchanged))") }
        for (reason, count) in self.counts.sorted(by: { $0.key < $1.key }) {
            lines.append("counted, \(reason): \(ProgressReporter.grouped(count))")
        }
        for (reason, count) in self.problems.sorted(by: { $0.key < $1.key }) {
            lines.append("dead letters, \(reason): \(ProgressReporter.grouped(count))")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    var json: Bytes {
        var json = JSONWriter()
        json.beginObject()
        json.field("videos", self.videos)
        json.field("narrations", self.narrations)
        json.field("replaced", self.replaced)
        json.field("unchanged", self.unchanged)
        json.field("refused", self.refused)
        json.key("counts")
        Self.write(self.counts, to: &json)
        json.key("dead_letters")
        Self.write(self.problems, to: &json)
        json.key("lists")
        json.beginArray()
        for (number, list) in self.lists.enumerated() {
            json.beginObject()
            json.field("file", list.path)
            json.key("splits")
            json.beginArray()
            for split in list.splits { json.value(split) }
            json.endArray()
            json.field("ids", list.ids)
            json.field("matched", self.matchedCount(number))
            json.endObject()
        }
        json.endArray()
        json.endObject()
        return json.bytes
    }

    private static func write(_ counts: [String: Int], to json: inout JSONWriter) {
        json.beginObject()
        for (reason, count) in counts.sorted(by: { $0.key < $1.key }) {
            json.key(text: reason)
            json.value(count)
        }
        json.endObject()
    }
}
