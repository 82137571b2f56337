// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import DurableFiles
import Foundation
import ImageEncoders
import NeuralNetworks
import Pictures
import Records
import Testing
import TinyEncoder
import VideoFeatures
import VideoFrames

@testable import FrameFeatures

private let isThere = (try? FFmpeg()) != nil

/// The step from videos to files of features, with a tiny encoder and videos of ffmpeg's test sources.
@Suite(.enabled(if: isThere, "ffmpeg is not on this machine: ops/setup --tests installs it"))
final class EncodeFramesTests {
    private let folder: URL

    init() throws {
        self.folder = FileManager.default.temporaryDirectory.appending(path: "millrace-frames-\(UUID())")
        for name in ["videos", "out"] {
            try FileManager.default.createDirectory(
                at: self.folder.appending(path: name), withIntermediateDirectories: true)
        }
        try TinyEncoder.write(to: self.folder.appending(path: "encoder"))
    }

    deinit { try? FileManager.default.removeItem(at: self.folder) }

    private func path(_ name: String) -> String { self.folder.appending(path: name).path }

    private func make(_ name: String, seconds: Int = 3) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try FFmpeg().ffmpeg)
        process.arguments = [
            "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=64x48:rate=30000/1001:duration=\(seconds)", "-c:v",
            "libx264", "-pix_fmt", "yuv420p", self.path("videos/" + name),
        ]
        process.standardInput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
    }

    private func settings(threads: Int = 2, output: String = "out", grids: [Int] = [2]) throws -> FrameEncoding.Settings
    {
        FrameEncoding.Settings(
            rate: try #require(FrameRate(2)), origin: .file, quarters: 0, layer: .last, grids: grids, isHalf: false,
            encoder: self.path("encoder"), videos: self.path("videos"), output: self.path(output), threads: threads,
            seconds: 60)
    }

    private func done(_ settings: FrameEncoding.Settings, _ name: String) async throws -> FrameEncoding.Done {
        let video = VideoFile(videoUID: "v", path: name, bytes: 0)
        return try await FrameEncoding(settings).run(video).get()
    }

    @Test func everyRowIsItsFrame() async throws {
        try self.make("v.mp4")
        let done = try await self.done(try self.settings(), "v.mp4")
        #expect(done.video.frames == 6 && !done.isReused && done.video.width == TinyEncoder.width)
        let path = self.path("out/v.safetensors")
        #expect(try FileDigest.sha256(try InputFile(path: path)) == done.video.sha256)
        // The trainers' reader takes it.
        let features = try FeatureFile(path: path)
        #expect(features.rows == 6 && features.columns == TinyEncoder.width)
        let rows = try features.read(0..<6)
        let grids = try SafetensorsFile(path: path).floats("2x2", shape: [6, 4, TinyEncoder.width])
        // Each frame by hand.
        let ffmpeg = try FFmpeg(), file = try InputFile(path: self.path("videos/v.mp4"))
        let encoder = try VisionTransformer(folder: self.path("encoder")), scratch = VisionScratch(encoder)
        let choice = try FrameChoice(try ffmpeg.times(of: file), rate: try #require(FrameRate(2)))
        try ffmpeg.frames(of: file, choice) { picture, frame in
            let square = FrameShape(side: TinyEncoder.side).applied(to: picture)
            let planes = PixelPlanes(square, means: [0.5, 0.5, 0.5], deviations: [0.5, 0.5, 0.5])
            let found = encoder.encode(planes.values, grids: [2], in: scratch)
            for row in frame.places {
                let width = TinyEncoder.width
                #expect(Array(rows.values[row * width..<(row + 1) * width]) == found.pooled)
                #expect(Array(grids[row * 4 * width..<(row + 1) * 4 * width]) == found.grids[0])
            }
        }
    }

    @Test func aSecondRunTakesWhatIsThereAndThreadsDoNotMatter() async throws {
        try self.make("v.mp4")
        let first = try await self.done(try self.settings(threads: 1), "v.mp4")
        let again = try await self.done(try self.settings(threads: 3), "v.mp4")
        #expect(again.isReused && again.video == first.video)
        let elsewhere = try await self.done(try self.settings(threads: 3, output: "elsewhere"), "v.mp4")
        #expect(!elsewhere.isReused && elsewhere.video == first.video)
        // Other grids, another video, or another encoder: another file.
        let other = try await self.done(try self.settings(grids: [1]), "v.mp4")
        #expect(!other.isReused && other.video.sha256 != first.video.sha256)
        try self.make("v.mp4", seconds: 4)
        let longer = try await self.done(try self.settings(grids: [1]), "v.mp4")
        #expect(!longer.isReused && longer.video.frames == 8)
        try TinyEncoder.write(to: self.folder.appending(path: "encoder"), seed: 2)
        let changed = try await self.done(try self.settings(grids: [1]), "v.mp4")
        #expect(!changed.isReused && changed.video.encoder != longer.video.encoder)
    }

    @Test func leftoversOfTheDeadAreRemovedAndNothingElse() async throws {
        try self.make("v.mp4")
        // No process has a number so high.
        try OutputFile.write([1], to: self.path("out/.v.safetensors.99999999.partial"))
        try OutputFile.write([1], to: self.path("out/.v.safetensors.\(getppid()).partial"))
        _ = try await self.done(try self.settings(), "v.mp4")
        let left = try FileManager.default.contentsOfDirectory(atPath: self.path("out")).sorted()
        #expect(left == [".v.safetensors.\(getppid()).partial", "v.safetensors"])
    }

    @Test func faultsAreTheVideosOrTheSettings() async throws {
        try OutputFile.write([1, 2, 3], to: self.path("videos/noise.mp4"))
        func failure(_ settings: FrameEncoding.Settings, _ path: String, uid: String = "v") async -> FrameEncoding
            .Failure?
        {
            switch await FrameEncoding(settings).run(VideoFile(videoUID: uid, path: path, bytes: 0)) {
            case .success: nil
            case .failure(let failure): failure
            }
        }
        var settings = try self.settings()
        for (path, code) in [
            ("none.mp4", VideoFault.Code.absent), ("noise.mp4", .broken), ("../encoder/config.json", .absent),
        ] {
            guard case .video(let fault) = await failure(settings, path) else {
                Issue.record("\(path) is the video's fault")
                continue
            }
            #expect(fault.code == code, "\(path)")
        }
        try self.make("v.mp4")
        guard case .video = await failure(settings, "v.mp4", uid: "a/../b") else {
            Issue.record("an id that leads elsewhere is the video's fault")
            return
        }
        settings.grids = [99]
        guard case .setting(let message) = await failure(settings, "v.mp4") else {
            Issue.record("a grid that does not fit is a setting's fault")
            return
        }
        #expect(message.contains("99"))
        settings.encoder = self.path("nowhere")
        guard case .setting = await failure(settings, "v.mp4") else {
            Issue.record("an encoder that is not there is a setting's fault")
            return
        }
    }

    @Test func aRunThatEndsLeavesNothing() async throws {
        try self.make("v.mp4", seconds: 20)
        let encoding = FrameEncoding(try self.settings())
        let task = Task { await encoding.run(VideoFile(videoUID: "v", path: "v.mp4", bytes: 0)) }
        task.cancel()
        guard case .failure(.cancelled) = await task.value else {
            Issue.record("a run that is cancelled says so")
            return
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: self.path("out")).isEmpty)
    }
}
