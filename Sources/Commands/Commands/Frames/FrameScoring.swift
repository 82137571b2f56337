// SPDX-License-Identifier: Apache-2.0

import ActionDescriptions
import DurableFiles
import Foundation
import FrameEvaluation
import Pictures
import Synchronization
import Threads
import VideoFrames

/// Scores the pixels of frames that were made, pair by pair.
struct FrameScoring {
    /// The pairs, in their file's order.
    let pairs: [ActionPair]
    /// The folder of input and target frames.
    let frames: EnclosedFolder
    /// The folder of the frames that were made.
    let generated: EnclosedFolder

    /// The scores of a pair.
    struct Scores: Sendable {
        var generated: FrameScores
        var copy: FrameScores
    }

    /// The outcome of a pair.
    enum Outcome: Sendable {
        case scored(Scores)
        /// No frame was made.
        case missing
        /// A frame cannot be read.
        case unread(String)
    }

    /// Scores all pairs, several at a time.
    /// - Throws: `CommandFailure` where the program that reads pictures is not there, or not one pair can be scored.
    func report(threads: Int) throws -> FrameReport {
        let ffmpeg: FFmpeg
        do throws(VideoFault) {
            var found = try FFmpeg()
            found.threads = 1
            ffmpeg = found
        } catch {
            throw CommandFailure(.failed, error.message)
        }
        let team = try ThreadTeam(count: min(threads, self.pairs.count))
        let outcomes = Mutex([Outcome?](repeating: nil, count: self.pairs.count)), next = Atomic(0)
        let interrupts = Interrupts("stopping")
        defer { interrupts.cancel() }
        team.run(team.count) { _ in
            while !Interrupts.hasCome {
                let index = next.add(1, ordering: .relaxed).oldValue
                guard index < self.pairs.count else { return }
                let outcome = self.outcome(self.pairs[index], ffmpeg)
                outcomes.withLock { $0[index] = outcome }
            }
        }
        let found = outcomes.withLock { $0 }
        guard !Interrupts.hasCome else { throw CommandFailure(.failed, "stopped before all pairs were scored") }
        let report = FrameReport(self.pairs, found.compactMap(\.self))
        guard report.scored > 0 else {
            throw CommandFailure(
                .failed, "not one of \(self.pairs.count) pairs can be scored: \(report.notes.joined(separator: "; "))")
        }
        return report
    }

    private func outcome(_ pair: ActionPair, _ ffmpeg: FFmpeg) -> Outcome {
        do throws(VideoFault) {
            guard let made = try self.made(pair) else { return .missing }
            let target = try ffmpeg.picture(try Self.open(self.frames, pair.targetFrame))
            let input = try ffmpeg.picture(try Self.open(self.frames, pair.inputFrame))
            let frame = try ffmpeg.picture(made)
            return .scored(
                Scores(
                    generated: FrameScores(frame, target: target), copy: FrameScores(input, target: target)))
        } catch {
            return .unread(error.message)
        }
    }

    /// The frame that was made; `nil` if there is none.
    private func made(_ pair: ActionPair) throws(VideoFault) -> InputFile? {
        let name = pair.targetFrame.split(separator: "/").last.map(String.init) ?? pair.targetFrame
        let stem = name.lastIndex(of: ".").map { String(name[..<$0]) } ?? name
        for candidate in [name, stem + ".png", stem + ".jpg"] {
            do throws(FileFailure) {
                return try self.generated.open("\(pair.clipID)/\(pair.actionID)/\(candidate)")
            } catch {
                if error.code != .missing { throw VideoFault(.absent, error.message) }
            }
        }
        return nil
    }

    private static func open(_ folder: EnclosedFolder, _ path: String) throws(VideoFault) -> InputFile {
        do throws(FileFailure) {
            return try folder.open(path)
        } catch {
            throw VideoFault(.absent, error.message)
        }
    }
}
