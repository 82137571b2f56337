// SPDX-License-Identifier: Apache-2.0

import Codecs
import Engine
import Foundation
import Records
import Synchronization
import TaskRooms
import Threads

/// Moves what a source adapter reads into the log: one thread reads and parses, another encodes and commits.
struct IngestRun {
    private let ingest: Ingest
    private let maxRate: Double?
    private let pulse: Pulse
    private let topic: String

    init(_ ingest: Ingest, into topic: String, maxRate: Double?, pulse: Pulse) {
        self.pulse = pulse
        self.topic = topic
        self.ingest = ingest
        self.maxRate = maxRate
    }

    /// Reads the source to its end, or until Ctrl-C, which commits the groups that are complete.
    func run<Adapter: SourceAdapter>(_ adapter: Adapter) throws -> IngestReport {
        let words = Adapter.Group.words
        let queue = HandOver<[SourceItem<Adapter.Group>]>(capacity: 8)
        let pulse = self.pulse
        let interrupts = Interrupts(
            "stopping: committing the \(words.groups) that are whole; once more to stop now",
            within: Interrupts.drainSeconds
        ) {
            pulse.end()
            queue.stop()
        }
        defer { interrupts.cancel() }
        pulse.start { _ in }
        defer { pulse.stop() }
        var meters = IngestMeters(topic: self.topic, factory: pulse.registry)
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
        var report = IngestReport(words: words, lists: adapter.exclusionLists)
        var pace = IngestPace(perSecond: self.maxRate)
        do {
            while let items = queue.take() {
                pulse.works()
                defer { meters.take(report) }
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
            if report.groups > 0 {
                Console.warning("\(report.groups) \(words.wholeGroups) were written before the source failed")
            }
            throw error
        }
        return report
    }

    /// Hands items over in batches: a hand-over costs a lock, a record must not.
    private static func read<Adapter: SourceAdapter>(
        _ adapter: Adapter, into queue: HandOver<[SourceItem<Adapter.Group>]>, _ progress: ProgressReporter
    ) throws {
        var batch: [SourceItem<Adapter.Group>] = []
        var weight = 0
        var rate = WorkingRate()
        func report(_ at: SourceProgress) {
            rate.add(at.bytesRead, at: progress.elapsed)
            progress.show { _ in
                let megabytes = ProgressReporter.grouped(at.bytesRead >> 20)
                guard at.bytesTotal > 0 else { return "ingest: \(megabytes) MB" }
                // A file that grows while it is read ends where it ends.
                let share = min(1, Double(at.bytesRead) / Double(at.bytesTotal))
                let left = rate.left(at.bytesTotal - at.bytesRead)
                return "ingest: \(megabytes) MB, \(Int(share * 100)) %\(left)"
            }
        }
        // Items that are whole before the place where a file breaks off go in too.
        defer { _ = queue.put(batch) }
        try adapter.read(progress: report) { item in
            batch.append(item)
            if case .group(let group) = item { weight += group.count }
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

    private func take<Group>(
        _ item: SourceItem<Group>, _ report: inout IngestReport, _ pace: inout IngestPace,
        _ queue: HandOver<[SourceItem<Group>]>
    ) throws {
        switch item {
        case .group(let group):
            try self.take(group, &report)
            if let seconds = pace.pause(after: group.count) {
                // Slow going is for watching and for tests: what has been read is then committed at once.
                try self.ingest.flush()
                queue.waitUntilStopped(seconds: seconds)
            }
        case .problem(let problem): try self.keep(problem, &report)
        case .count(let reason, let number): report.counts[reason, default: 0] += number
        }
    }

    private func take(_ group: some RecordGroup, _ report: inout IngestReport) throws {
        let key = Bytes(group.key.utf8)
        let records = EncodedGroup(group)
        let verdict = try self.ingest.take(
            group: group.name, key: key, digest: records.digest, details: records.detailsDigest, note: group.note
        ) { revision, batch in
            records.append(to: &batch, key: key, revision: revision)
        }
        report.take(group, verdict)
        for problem in group.problems { try self.keep(problem, &report) }
    }

    private func keep(_ problem: SourceProblem, _ report: inout IngestReport) throws {
        report.problems[problem.reason, default: 0] += 1
        if report.problems.values.reduce(0, +) <= 5 { Console.warning("\(problem.reason): \(problem.message)") }
        let digest = ContentHash.sha256(Bytes("\(problem.reason)\n\(problem.message)\n".utf8) + problem.raw)
        try self.ingest.keep(
            problem: digest, reason: problem.reason, message: problem.message, key: problem.key, raw: problem.raw)
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
