// SPDX-License-Identifier: Apache-2.0

import Codecs
import DurableFiles
import Foundation
import Shards

/// The files that a run's figures go to, whatever the network: JSON Lines and TensorBoard's.
public final class RunMetrics {
    private let path: String
    private let handle: FileHandle
    private let events: EventFile

    /// The name of the file of JSON Lines in the folder of a run.
    public static let fileName = "metrics.jsonl"

    /// Opens the files of a run's folder, which is made where it is not there; lines are appended.
    public init(folder: String) throws(TrainingError) {
        let path = folder + "/" + Self.fileName
        do throws(FileFailure) {
            try Folder.create(folder, isPrivate: false)
        } catch {
            throw TrainingError(
                [.missing, .notAFile, .forbidden].contains(error.code) ? .usage : .failed, error.message)
        }
        let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o666)
        guard descriptor >= 0 else {
            throw TrainingError(.failed, FileFailure("write", path, number: errno).message)
        }
        self.path = path
        self.handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        self.events = try EventFile(folder: folder)
    }

    /// Writes a step.
    public func step(_ step: TrainingStep) throws(TrainingError) {
        try self.write("step") { json in
            json.field("step", step.step)
            json.field("loss", step.losses.total)
            for loss in step.losses.parts {
                json.key(text: loss.name + "_loss")
                json.value(loss.value)
            }
            json.field("gradient_norm", Double(step.gradientNorm))
            json.field("learning_rate", step.learningRate)
        }
        try self.events.add(
            [("loss/total", step.losses.total)] + step.losses.parts.map { ("loss/" + $0.name, $0.value) }
                + [("gradient_norm", Double(step.gradientNorm)), ("learning_rate", step.learningRate)],
            step: step.step)
    }

    /// Writes a segment that begins.
    public func segment(_ segment: Segment, usable: Int) throws(TrainingError) {
        try self.write("segment") { json in
            json.field("segment", segment.segment)
            json.field("step", segment.firstStep)
            json.field("shards", segment.shards)
            json.field("samples", usable)
        }
    }

    /// Writes the scores of a validation.
    public func validated(step: Int, _ scores: some ValidationScores) throws(TrainingError) {
        let figures = scores.figures
        try self.write("validation") { json in
            json.field("step", step)
            for figure in figures {
                json.key(text: figure.key)
                json.value(figure.value)
            }
        }
        try self.events.add(figures.map { ($0.tag, $0.value) }, step: step)
    }

    /// Writes the first sight of a shard.
    /// - Parameter latency: the milliseconds since its commit.
    public func saw(_ sight: ShardSight, latency: Int) throws(TrainingError) {
        try self.write("shard") { json in
            json.field("file", sight.commit.entry.file)
            json.field("samples", sight.commit.entry.samples)
            json.field("usable", sight.usable)
            json.field("latency_ms", latency)
        }
    }

    private func write(_ event: StaticString, _ body: (inout JSONWriter) -> Void) throws(TrainingError) {
        var json = JSONWriter()
        json.beginObject()
        json.field("time", (Date().timeIntervalSince1970 * 1000).rounded() / 1000)
        json.field("event", "\(event)")
        body(&json)
        json.endObject()
        do {
            try self.handle.write(contentsOf: Data(json.bytes + [0x0a]))
        } catch {
            throw TrainingError(.failed, FileFailure(of: error, "write", self.path).message)
        }
    }
}
