// SPDX-License-Identifier: Apache-2.0

import Codecs
import DurableFiles
import Foundation
import ImageEncoders
import NeuralNetworks
import Pictures
import Records
import Synchronization
import Threads
import VideoFrames

/// The work of `encode-frames`: one video at a time, on a thread that may block.
final class FrameEncoding: Sendable {
    /// The settings.
    struct Settings: Hashable, Sendable {
        var rate: FrameRate
        var origin: TimeOrigin
        var quarters: Int
        var layer: VisionLayer
        var grids: [Int]
        var isHalf: Bool
        var encoder, videos, output: String
        var threads: Int
        var seconds: Int
    }

    /// The reasons why a video was not encoded.
    enum Failure: Error, Hashable, Sendable {
        /// The video's own.
        case video(VideoFault)
        /// Something about this machine or the settings, which no video gets past.
        case setting(String)
        /// The run ends.
        case cancelled
    }

    /// A video that has been done.
    struct Done: Sendable {
        var video: EncodedVideo
        /// Tells whether its file was there from before.
        var isReused: Bool
    }

    private let settings: Settings
    /// The tools, loaded when the first video comes, and the turn: one video is worked on at a time.
    private let loaded = Mutex<Loaded?>(nil)

    private struct Loaded: Sendable {
        var encoder: FrameEncoder
        var digest: String
        var ffmpeg: FFmpeg
    }

    init(_ settings: Settings) { self.settings = settings }

    /// Opens a video in its folder.
    func open(_ video: VideoFile) throws(Failure) -> InputFile {
        let folder: EnclosedFolder
        do throws(FileFailure) {
            folder = try EnclosedFolder(path: self.settings.videos)
        } catch {
            throw .setting("`videos`: \(error.message); name the folder that `ingest videos` was given")
        }
        do throws(FileFailure) {
            return try folder.open(video.path)
        } catch {
            throw .video(VideoFault(.absent, error.message))
        }
    }

    /// Encodes a video on a thread of its own.
    func run(_ video: VideoFile) async -> Result<Done, Failure> {
        let isCancelled = Flag()
        return await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Result<Done, Failure>, Never>) in
                do throws(ThreadError) {
                    _ = try WorkerThread {
                        continuation.resume(
                            returning: Result { () throws(Failure) in
                                try self.encode(video) { isCancelled.isSet }
                            })
                    }
                } catch {
                    continuation.resume(returning: .failure(.setting(error.message)))
                }
            }
        } onCancel: {
            isCancelled.set()
        }
    }

    private final class Flag: Sendable {
        private let value = Atomic(false)
        var isSet: Bool { self.value.load(ordering: .acquiring) }
        func set() { self.value.store(true, ordering: .releasing) }
    }

    private func load() throws(Failure) -> Loaded {
        do {
            let folder = self.settings.encoder
            let transformer = try VisionTransformer(folder: folder)
            if let problem = transformer.problem(layer: self.settings.layer, grids: self.settings.grids) {
                throw Failure.setting("`encoder` \(folder): \(problem)")
            }
            let threads =
                self.settings.threads == 0 ? ProcessInfo.processInfo.activeProcessorCount : self.settings.threads
            let encoder = try FrameEncoder(
                transformer, threads: threads, layer: self.settings.layer, grids: self.settings.grids)
            var ffmpeg = try FFmpeg()
            ffmpeg.seconds = self.settings.seconds
            try Folder.create(self.settings.output, isPrivate: false)
            return Loaded(
                encoder: encoder, digest: try FileDigest.sha256(try InputFile(path: folder + "/model.safetensors")),
                ffmpeg: ffmpeg)
        } catch let failure as Failure {
            throw failure
        } catch {
            throw .setting("\(error)")
        }
    }

    private func encode(_ video: VideoFile, _ isCancelled: () -> Bool) throws(Failure) -> Done {
        try self.loaded.withLock { loaded throws(Failure) -> Done in
            if isCancelled() { throw Failure.cancelled }
            let tools: Loaded
            if let loaded { tools = loaded } else { tools = try self.load() }
            loaded = tools
            do {
                return try self.encode(video, try self.open(video), tools, isCancelled)
            } catch let fault as VideoFault {
                if fault.code == .cancelled { throw Failure.cancelled }
                throw fault.code.isOfTheVideo ? Failure.video(fault) : Failure.setting(fault.message)
            } catch let failure as Failure {
                throw failure
            } catch {
                throw Failure.setting("\(error)")
            }
        }
    }

    private func encode(
        _ video: VideoFile, _ file: InputFile, _ tools: Loaded, _ isCancelled: () -> Bool
    ) throws -> Done {
        let name = try Self.fileName(of: video)
        var metadata = self.metadata(tools)
        metadata["video_sha256"] = try FileDigest.sha256(file)
        var done = EncodedVideo(
            videoUID: video.videoUID, file: name, bytes: 0, sha256: "", frames: 0, rate: self.settings.rate.description,
            width: tools.encoder.encoder.width, video: metadata["video_sha256"] ?? "", encoder: tools.digest)
        if let found = try self.published(name, metadata) {
            (done.bytes, done.sha256, done.frames) = found
            return Done(video: done, isReused: true)
        }
        let times = try tools.ffmpeg.times(of: file, isCancelled: isCancelled)
        let choice = try FrameChoice(times, rate: self.settings.rate, from: self.settings.origin)
        guard choice.count > 0 else { throw VideoFault(.broken, "\(video.path): all its frames come before zero") }
        let publishing = try FeaturePublishing(
            folder: self.settings.output, name: name, self.tensors(tools.encoder, choice.count), metadata: metadata)
        try self.write(file, choice, tools, publishing, isCancelled)
        (done.bytes, done.sha256) = try publishing.finish()
        done.frames = choice.count
        return Done(video: done, isReused: false)
    }

    /// Decodes and encodes, so many frames at a time as there are threads.
    private func write(
        _ file: InputFile, _ choice: FrameChoice, _ tools: Loaded, _ publishing: FeaturePublishing,
        _ isCancelled: () -> Bool
    ) throws {
        let encoder = tools.encoder, form = encoder.encoder.form
        let shape = FrameShape(side: form.side, quarters: self.settings.quarters)
        var waiting: [(picture: Picture, frame: FrameChoice.Frame)] = []
        func encode() throws(FileFailure) {
            let pictures = waiting.map(\.picture), scaling = form.scaling
            let features = encoder.encode(pictures.count) { index in
                PixelPlanes(
                    shape.applied(to: pictures[index]), means: scaling.means, deviations: scaling.deviations
                ).values
            }
            for (found, (_, frame)) in zip(features, waiting) {
                for row in frame.places {
                    for (tensor, values) in ([found.pooled] + found.grids).enumerated() {
                        try publishing.write(values, tensor: tensor, row: row)
                    }
                }
            }
            waiting.removeAll(keepingCapacity: true)
        }
        var failure: FileFailure?
        do {
            try tools.ffmpeg.frames(of: file, choice, isCancelled: isCancelled) { picture, frame throws(VideoFault) in
                waiting.append((picture, frame))
                guard waiting.count >= encoder.threads else { return }
                do throws(FileFailure) {
                    try encode()
                } catch {
                    failure = error
                    throw VideoFault(.failed, error.message)
                }
            }
            try encode()
        } catch {
            throw (failure as (any Error)?) ?? error
        }
    }

    private func tensors(_ encoder: FrameEncoder, _ frames: Int) -> [SafetensorsLayout.Tensor] {
        let type: ElementType = self.settings.isHalf ? .float16 : .float32, width = encoder.encoder.width
        return [SafetensorsLayout.Tensor("features", type, shape: [frames, width])]
            + self.settings.grids.map {
                SafetensorsLayout.Tensor("\($0)x\($0)", type, shape: [frames, $0 * $0, width])
            }
    }

    /// All that a file's content follows from, but the video.
    private func metadata(_ tools: Loaded) -> [String: String] {
        [
            "format": "millrace-features/1", "rate": self.settings.rate.description,
            "from": self.settings.origin.rawValue, "rotate": "\(90 * self.settings.quarters)",
            "layer": self.settings.layer.description,
            "grids": self.settings.grids.map { "\($0)" }.joined(separator: ","),
            "side": "\(tools.encoder.encoder.form.side)", "encoder_sha256": tools.digest,
            "precision": self.settings.isHalf ? "float16" : "float32",
        ]
    }

    /// A file that was published of the same video in the same way.
    private func published(
        _ name: String, _ metadata: [String: String]
    ) throws -> (bytes: Int, sha256: String, frames: Int)? {
        let path = "\(self.settings.output)/\(name)"
        guard let file = try? SafetensorsFile(path: path), file.metadata == metadata,
            let frames = file.entry("features")?.shape.first
        else { return nil }
        let content = try InputFile(path: path)
        return (content.size, try FileDigest.sha256(content), frames)
    }

    /// A video's id as the name of a file.
    private static func fileName(of video: VideoFile) throws(VideoFault) -> String {
        let name = video.videoUID
        let isPlain = name.unicodeScalars.allSatisfy { $0 != "/" && $0.value >= 0x20 && $0.value != 0x7f }
        guard isPlain, !name.hasPrefix("."), (1...200).contains(name.utf8.count) else {
            throw VideoFault(.broken, "the id \(name.prefix(80)) makes no file name: rename the video")
        }
        return name + ".safetensors"
    }
}
