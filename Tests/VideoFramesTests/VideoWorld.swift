// SPDX-License-Identifier: Apache-2.0

import DurableFiles
import Foundation
import Testing
import VideoFrames

/// A folder of videos that ffmpeg makes of its test sources.
final class VideoWorld {
    /// Tells whether both programs are on this machine.
    static let isThere = (try? FFmpeg()) != nil
    static let reason: Comment = "ffmpeg is not on this machine: ops/setup --tests installs it"

    let folder: URL

    init() throws {
        self.folder = FileManager.default.temporaryDirectory.appending(path: "millrace-videos-\(UUID())")
        try FileManager.default.createDirectory(at: self.folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: self.folder) }

    func path(_ name: String) -> String { self.folder.appending(path: name).path }

    func file(_ name: String) throws -> InputFile { try FFmpeg.open(self.path(name)) }

    func write(_ bytes: [UInt8], _ name: String) throws { try OutputFile.write(bytes, to: self.path(name)) }

    func bytes(_ name: String) throws -> [UInt8] { try InputFile.contents(self.path(name)) }

    /// Runs one of the programs, which must succeed.
    @discardableResult
    func run(_ program: String, _ arguments: [String]) throws -> [UInt8] {
        let process = Process(), output = Pipe()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        try process.run()
        let bytes = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "\(program) \(arguments)")
        return [UInt8](bytes)
    }

    /// Makes a video of a moving test picture.
    func make(_ name: String, source: String = "testsrc2=size=96x64:rate=25:duration=3", _ options: [String]) throws {
        let ffmpeg = try FFmpeg().ffmpeg
        try self.run(
            ffmpeg, ["-v", "error", "-y", "-f", "lavfi", "-i", source] + options + [self.path(name)])
    }

    /// The times that ffprobe gives of a video's frames, as exact fractions over its time base.
    func times(_ name: String) throws -> (stamps: [Int], tick: (Int, Int)) {
        let ffprobe = try FFmpeg().ffprobe
        let base = String(
            decoding: try self.run(
                ffprobe,
                [
                    "-v", "error", "-select_streams", "v:0", "-show_entries", "stream=time_base", "-of", "csv=p=0",
                    self.path(name),
                ]),
            as: UTF8.self
        ).split(whereSeparator: { !$0.isNumber }).compactMap { Int($0) }
        let text = String(
            decoding: try self.run(
                ffprobe,
                [
                    "-v", "error", "-select_streams", "v:0", "-show_entries", "frame=best_effort_timestamp", "-of",
                    "json", self.path(name),
                ]),
            as: UTF8.self)
        let stamps = text.matches(of: /"best_effort_timestamp": (-?[0-9]+)/).compactMap { Int($0.1) }
        return (stamps, (base[0], base[1]))
    }

    /// The frames of some numbers, of all that ffmpeg gives.
    func frames(_ name: String, _ numbers: [Int], size: Int) throws -> [UInt8] {
        let all = try self.run(
            try FFmpeg().ffmpeg,
            [
                "-v", "error", "-i", self.path(name), "-an", "-vf",
                "scale=flags=bitexact+accurate_rnd+full_chroma_int,format=rgb24", "-fps_mode", "passthrough", "-f",
                "rawvideo", "pipe:1",
            ])
        return numbers.flatMap { all[$0 * size..<($0 + 1) * size] }
    }
}
