// SPDX-License-Identifier: Apache-2.0

import Dataflow
import DurableFiles
import ImageEncoders
import Synchronization
import VideoFrames

/// Decodes a video's frames at a rate, encodes them, and publishes a file with their features.
///
/// Counted: `encoded` and `frames`, `reused`, files that an earlier run had published of the same video by the same
/// encoder in the same way, and `no-frame`, ends of videos, which make nothing. A video that cannot be read, breaks off
/// or claims what it does not hold is a dead letter: `video-absent`, `video-broken`, `video-truncated`,
/// `video-too-large`, `video-too-slow`.
struct EncodeFrames: AsyncOperator {
    /// The numbers that features are kept as.
    enum Precision: String, Choice {
        case float16, float32
    }

    /// The zero of time.
    enum Origin: String, Choice {
        case file, first
    }

    static let rate = Field(
        "rate", default: "2",
        help: "Frames a second: 2, 29.97 or 30000/1001. Frame k is the first at k/rate seconds or later."
    ) { FrameRate($0) == nil ? "`\($0)` is no rate from 0.000001 to 1000000, such as 2, 29.97 or 30000/1001" : nil }
    static let from = Field(
        "from", default: Origin.file,
        help: "The zero of time: the `file`'s own, though its first frame may come later, or the `first` frame.")
    static let rotate = Field(
        "rotate", default: 0,
        help: "Degrees by which frames are turned, counter-clockwise, after all else: 0, 90, 180 or 270."
    ) { [0, 90, 180, 270].contains($0) ? nil : "\($0) is none of 0, 90, 180 and 270" }
    static let layer = Field(
        "layer", default: "last",
        help: """
            The states that grids are taken of: `last`, behind the final norm, or a number, without it; -1 is the last \
            block's output, -2 that of the block before. The pooled vector is always of the last.
            """
    ) { VisionLayer($0) == nil ? "`\($0)` is neither `last` nor a whole number" : nil }
    static let grids = Field<[Int]>(
        "grids", default: [],
        help: "Cells along a side of grids of means of patches that are kept beside the pooled vector."
    ) { sides in
        if sides.count > 8 || Set(sides).count != sides.count { return "at most 8 sides, each once" }
        return sides.allSatisfy { (1...256).contains($0) } ? nil : "a side is 1 to 256"
    }
    static let precision = Field(
        "precision", default: Precision.float16, help: "The numbers that features are kept as.")
    static let encoder = Field(
        "encoder", required: "siglip", shapesOutput: false,
        help: "The folder of the encoder: model.safetensors and config.json, of SigLIP or CLIP.")
    static let videos = Field(
        "videos", default: ".", shapesOutput: false, help: "The folder of videos, as `ingest videos` was given it.")
    static let output = Field(
        "output", default: "features", shapesOutput: false, help: "The folder that files of features are published in.")
    static let threads = Field(
        "threads", default: 0, in: 0...256, shapesOutput: false,
        help: "Frames that are encoded at a time; 0: as many as the machine has processors.")
    static let minutes = Field(
        "minutes-max", default: 120, in: 1...10_000, shapesOutput: false,
        help: "Minutes that the decoding of a video is waited for.")

    static let specification = OperatorSpecification(
        name: "encode-frames", summary: "Decodes a video's frames, encodes them, and publishes a file of features.",
        fields: [
            Self.rate, Self.from, Self.rotate, Self.layer, Self.grids, Self.precision, Self.encoder, Self.videos,
            Self.output, Self.threads, Self.minutes,
        ])

    private let encoding: FrameEncoding

    init(_ configuration: Configuration, _ context: OperatorContext) throws(ConfigurationError) {
        guard let rate = FrameRate(configuration[Self.rate]), let layer = VisionLayer(configuration[Self.layer]) else {
            throw ConfigurationError("no rate, or no layer", field: Self.rate.name)
        }
        self.encoding = FrameEncoding(
            FrameEncoding.Settings(
                rate: rate, origin: configuration[Self.from] == .file ? .file : .first,
                quarters: configuration[Self.rotate] / 90, layer: layer, grids: configuration[Self.grids],
                isHalf: configuration[Self.precision] == .float16, encoder: configuration[Self.encoder],
                videos: configuration[Self.videos], output: configuration[Self.output],
                threads: configuration[Self.threads], seconds: 60 * configuration[Self.minutes]))
    }

    /// One: all threads work on its frames.
    var inFlightMax: Int { 1 }

    /// A video that is not there is known at once.
    func begin(
        _ element: Element<VideoRecord>, until deadline: ContinuousClock.Instant?,
        into output: inout Collector<EncodedVideo>
    ) -> Remainder<EncodedVideo>? {
        guard case .file(let file) = element.value else { return nil }
        do throws(FrameEncoding.Failure) {
            _ = try self.encoding.open(file)
        } catch {
            Self.report(error, of: element, into: &output)
            return nil
        }
        return Remainder { output async throws(CancellationError) in try await self.answer(element, into: &output) }
    }

    func answer(
        _ element: Element<VideoRecord>, into output: inout Collector<EncodedVideo>
    ) async throws(CancellationError) {
        guard case .file(let file) = element.value else { return }
        switch await self.encoding.run(file) {
        case .success(let done):
            output.count(done.isReused ? "reused" : "encoded")
            output.count("frames", done.video.frames)
            output.emit(done.video, from: element)
        case .failure(.cancelled): throw CancellationError()
        case .failure(let failure): Self.report(failure, of: element, into: &output)
        }
    }

    private static func report(
        _ failure: FrameEncoding.Failure, of element: Element<VideoRecord>, into output: inout Collector<EncodedVideo>
    ) {
        switch failure {
        case .video(let fault): output.fail(element, reason: fault.code.rawValue, message: fault.message)
        case .setting(let message): output.refuse(element, reason: "not-set-up", message: message)
        case .cancelled: break
        }
    }
}
