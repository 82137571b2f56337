// SPDX-License-Identifier: Apache-2.0

import Foundation
import Pictures
import Synchronization
import Testing
import VideoFrames

/// Frames of real videos: their numbers by ffprobe's times, their pixels by ffmpeg's own choice.
@Suite(.enabled(if: VideoWorld.isThere, VideoWorld.reason)) struct VideoFramesTests {
    /// Videos of all kinds that matter: how they are made, by name.
    private static let videos: [(name: String, source: String, options: [String])] = [
        ("steady.mp4", "testsrc2=size=96x64:rate=25:duration=3", ["-c:v", "libx264", "-bf", "0"]),
        ("ntsc.mp4", "testsrc2=size=96x64:rate=30000/1001:duration=4", ["-c:v", "libx264", "-bf", "3"]),
        ("fast.mkv", "testsrc2=size=96x64:rate=60000/1001:duration=3", ["-c:v", "libx264", "-bf", "2"]),
        (
            "late.ts", "testsrc2=size=96x64:rate=25:duration=3",
            ["-c:v", "libx264", "-bf", "2", "-output_ts_offset", "2.5"]
        ),
        ("program.mpg", "testsrc2=size=96x64:rate=25:duration=3", ["-c:v", "mpeg2video"]),
        (
            "uneven.mkv", "testsrc2=size=96x64:rate=50:duration=4",
            ["-vf", "select='lt(mod(n,17),3)+gt(t,3)'", "-fps_mode", "vfr", "-c:v", "libx264", "-bf", "2"]
        ),
        ("film.avi", "testsrc2=size=96x64:rate=24000/1001:duration=3", ["-c:v", "mpeg4"]),
    ]

    @Test(arguments: Self.videos.map(\.name), ["2", "29.97", "1/2"])
    func numbersAndPixels(_ name: String, _ rate: String) throws {
        let world = try VideoWorld(), ffmpeg = try FFmpeg(), rate = try #require(FrameRate(rate))
        let video = try #require(Self.videos.first { $0.name == name })
        try world.make(name, source: video.source, video.options + ["-pix_fmt", "yuv420p"])
        let (stamps, tick) = try world.times(name)
        try #require(stamps.count > 20)
        let file = try world.file(name)
        let times = try ffmpeg.times(of: file)
        #expect(times.stamps.compactMap(\.self) == stamps && times.width == 96 && times.height == 64)
        #expect(times.tick.numerator == tick.0 && times.tick.denominator == tick.1)
        let choice = try FrameChoice(times, rate: rate)
        // The rule, in whole numbers.
        var wanted: [Int] = []
        while let next = stamps.firstIndex(where: {
            $0 * tick.0 * rate.numerator >= wanted.count * rate.denominator * tick.1
        }) { wanted.append(next) }
        #expect(choice.frames.flatMap { frame in frame.places.map { _ in frame.number } } == wanted)
        var pixels: [UInt8] = []
        try ffmpeg.frames(of: file, choice) { picture, _ in pixels += picture.bytes }
        #expect(pixels == (try world.frames(name, choice.frames.map(\.number), size: 3 * 96 * 64)))
    }

    @Test func brokenVideosSayWhy() throws {
        let world = try VideoWorld(), ffmpeg = try FFmpeg()
        try world.make("whole.mp4", ["-c:v", "libx264", "-movflags", "+faststart"])
        let whole = try world.bytes("whole.mp4")
        try world.write(Array(whole.prefix(whole.count / 2)), "half.mp4")
        try world.write([], "empty.mp4")
        try world.write(Array(repeating: 0x5a, count: 5000), "noise.mp4")
        try world.write(
            Array("#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nwhole.mp4\n#EXT-X-ENDLIST\n".utf8), "list.mp4")
        try world.write(Array("ffconcat version 1.0\nfile whole.mp4\n".utf8), "concat.mp4")
        try world.make("sound.mp4", source: "sine=duration=2", ["-c:a", "aac"])
        for name in ["half.mp4", "empty.mp4", "noise.mp4", "list.mp4", "concat.mp4", "sound.mp4"] {
            let file = try world.file(name)
            let fault = #expect(throws: VideoFault.self, "\(name)") { try ffmpeg.times(of: file) }
            #expect(fault?.code.isOfTheVideo == true && fault?.message.contains(name) == true, "\(name)")
        }
        let fault = #expect(throws: VideoFault.self) { try FFmpeg.open(world.path("none.mp4")) }
        #expect(fault?.code == .absent)
        let folder = #expect(throws: VideoFault.self) { try FFmpeg.open(world.folder.path) }
        #expect(folder?.code == .absent)
    }

    @Test func itStopsWhenAskedAndWhenTheReaderThrows() throws {
        let world = try VideoWorld(), ffmpeg = try FFmpeg()
        try world.make("whole.mkv", ["-c:v", "libx264"])
        let file = try world.file("whole.mkv"), times = try ffmpeg.times(of: file)
        let choice = try FrameChoice(times, rate: try #require(FrameRate(25)))
        let stopped = #expect(throws: VideoFault.self) {
            try ffmpeg.frames(of: file, choice, isCancelled: { true }) { _, _ in }
        }
        #expect(stopped?.code == .cancelled)
        var count = 0
        let thrown = #expect(throws: VideoFault.self) {
            try ffmpeg.frames(of: file, choice) { _, _ throws(VideoFault) in
                count += 1
                if count == 3 { throw VideoFault(.failed, "enough") }
            }
        }
        #expect(thrown?.code == .failed && count == 3)
    }

    @Test func memoryAndTimeAreBounded() throws {
        let world = try VideoWorld()
        try world.make("whole.mkv", ["-c:v", "libx264"])
        let file = try world.file("whole.mkv")
        var small = try FFmpeg()
        small.memory = 8 << 20
        #expect(throws: VideoFault.self) { try small.times(of: file) }
        var hasty = try FFmpeg()
        hasty.seconds = 0
        let fault = #expect(throws: VideoFault.self) { try hasty.times(of: file) }
        #expect(fault?.code == .tooSlow)
    }

    @Test(arguments: ["png", "jpg", "bmp", "ppm", "webp"])
    func picturesAreRead(_ ending: String) throws {
        let world = try VideoWorld(), ffmpeg = try FFmpeg()
        let options = ["-frames:v", "1"] + (ending == "webp" ? ["-c:v", "libwebp", "-lossless", "1"] : [])
        try world.make("a.\(ending)", source: "testsrc2=size=50x30", options)
        let picture = try ffmpeg.picture(try world.file("a.\(ending)"))
        #expect(picture.width == 50 && picture.height == 30 && Set(picture.bytes).count > 10)
        try world.write(Array(try world.bytes("a.\(ending)").prefix(60)), "cut.\(ending)")
        #expect(throws: VideoFault.self) { try ffmpeg.picture(try world.file("cut.\(ending)")) }
    }

    @Test func aPixmapComesBackAsItWas() throws {
        let world = try VideoWorld()
        let picture = Picture(width: 7, height: 5, bytes: (0..<105).map { UInt8($0 * 2) })
        try world.write(PortablePixmap.file(picture), "a.ppm")
        #expect(try FFmpeg().picture(try world.file("a.ppm")) == picture)
    }

    @Test func framesTakeTheirShape() {
        let frame = Picture(width: 96, height: 64, bytes: .init(repeating: 7, count: 96 * 64 * 3))
        let square = FrameShape(side: 32, quarters: 1).applied(to: frame)
        #expect(square.width == 32 && square.height == 32 && square.bytes.allSatisfy { $0 == 7 })
    }
}

/// A machine without the programs.
@Suite struct MissingProgramTests {
    @Test func theErrorNamesTheRemedy() {
        let fault = #expect(throws: VideoFault.self) { try FFmpeg(path: "/nonexistent:relative") }
        #expect(fault?.code == .toolMissing && fault?.message.contains("apt-get install ffmpeg") == true)
    }
}
