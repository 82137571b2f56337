// SPDX-License-Identifier: Apache-2.0

import Codecs
import DurableFiles
import Foundation
import Records

/// A stretch of steps whose samples are drawn from one prefix of the manifest.
public struct Segment: Hashable, Sendable, Codable {
    /// Counts segments, from zero.
    public var segment: Int
    /// The first step.
    public var firstStep: Int
    /// The number of its steps.
    public var steps: Int
    /// The shards of the prefix: the first so many that were committed.
    public var shards: Int
    /// Their samples, those included that cannot be used.
    public var samples: Int
    /// The hash of their hashes, in order.
    public var digest: String
    /// `true` where the set was taken as finished: sequences that had not ended in the prefix were drawn as they stood.
    /// Absent where it may grow, and for samples that stand by themselves.
    public var isFinished: Bool?

    private enum CodingKeys: String, CodingKey {
        case segment, steps, shards, samples, digest
        case firstStep = "first_step"
        case isFinished = "finished"
    }

    /// Describes a segment.
    public init(
        segment: Int, firstStep: Int, steps: Int, shards: Int, samples: Int, digest: String, isFinished: Bool? = nil
    ) {
        self.segment = segment
        self.firstStep = firstStep
        self.steps = steps
        self.shards = shards
        self.samples = samples
        self.digest = digest
        self.isFinished = isFinished
    }

    /// The step after its last.
    public var endStep: Int { self.firstStep + self.steps }

    /// The most shards, and samples, that a segment may claim: more than any set has.
    private static let countMax = 1 << 48

    /// Says why it does not follow another segment, or begin a plan, or nothing. It is asked before anything is
    /// computed with the numbers.
    func problem(after last: Segment?) -> String? {
        let first = last?.endStep ?? 0
        if self.segment != last.map({ $0.segment + 1 }) ?? 0 {
            return "\"segment\" is \(self.segment), not \(last.map { $0.segment + 1 } ?? 0)"
        }
        if self.firstStep != first { return "\"first_step\" is \(self.firstStep), not \(first)" }
        guard self.steps > 0, self.steps <= TrainingOptions.stepsRange.upperBound - first else {
            return "\"steps\" is \(self.steps)"
        }
        guard (last?.shards ?? 0)...Self.countMax ~= self.shards else { return "\"shards\" is \(self.shards)" }
        guard 0...Self.countMax ~= self.samples else { return "\"samples\" is \(self.samples)" }
        return nil
    }
}

/// A record of what a run looked at, and when: a line a segment, on disk before the segment starts. With the journal a
/// run can be repeated to the bit, however the shards landed the first time.
public final class PlanJournal {
    /// The file's name in the folder of a run.
    public static let fileName = "plan.jsonl"

    /// The segments, from the first on.
    public private(set) var segments: [Segment]
    private let path: String?

    /// Opens the journal of a run's folder, which need not be there yet. A last line that a crash cut short is dropped:
    /// its segment was not started.
    public init(folder: String) throws(TrainingError) {
        let path = folder + "/" + Self.fileName
        self.path = path
        guard FileManager.default.fileExists(atPath: path) else {
            self.segments = []
            return
        }
        let (segments, soundBytes) = try Self.read(path)
        self.segments = segments
        if let size = (try? FileManager.default.attributesOfItem(atPath: path))?[.size] as? Int, size != soundBytes {
            truncate(path, off_t(soundBytes))
        }
    }

    /// Reads another run's journal, to follow it.
    public init(following path: String) throws(TrainingError) {
        self.path = nil
        self.segments = try Self.read(path).segments
        if self.segments.isEmpty {
            throw TrainingError(.checkpoint, "the plan \(path) has no segments; name another with --plan")
        }
    }

    private static let bytesMax = 1 << 28

    private static func read(_ path: String) throws(TrainingError) -> (segments: [Segment], bytes: Int) {
        let data: Bytes
        do throws(FileFailure) {
            data = try InputFile.contents(path, bytesMax: self.bytesMax)
        } catch {
            throw TrainingError(.failed, "the plan: \(error.message); name another with --plan, or another --output")
        }
        var segments: [Segment] = []
        // Some editors begin a file with a mark.
        var sound = data.count - data.withoutByteOrderMark.count
        for line in data[sound...].split(separator: 0x0a, omittingEmptySubsequences: false).dropLast() {
            let place = "\(path), line \(segments.count + 1)"
            let segment: Segment
            do throws(PlainDecoder.Problem) {
                segment = try PlainDecoder.decode(Segment.self, from: line)
            } catch {
                throw TrainingError(.checkpoint, "\(place) is no segment of a plan: \(error.message). " + Self.remedy)
            }
            if let problem = segment.problem(after: segments.last) {
                throw TrainingError(
                    .checkpoint, "\(place) is no segment that follows the one before: \(problem). " + Self.remedy)
            }
            segments.append(segment)
            sound += line.count + 1
        }
        return (segments, sound)
    }

    private static let remedy =
        "Restore the plan that the run wrote, or name another --output (or --plan); nothing was changed"

    /// Appends a segment; it is durable when this returns.
    public func append(_ segment: Segment) throws(TrainingError) {
        precondition(segment.segment == self.segments.count, "segments follow each other")
        if let path = self.path {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys]
            guard let line = try? encoder.encode(segment) else {
                throw TrainingError(.failed, "a segment could not be written down; start another --output")
            }
            try DurableFile.append(Bytes(line) + [0x0a], to: path)
        }
        self.segments.append(segment)
    }
}
