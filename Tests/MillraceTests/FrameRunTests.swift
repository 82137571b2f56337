// SPDX-License-Identifier: Apache-2.0

import Foundation
import Pictures
import Testing
import TinyEncoder
import VideoFrames

/// Videos to features as their user has it: ingest, run, look, interrupt.
@Suite(
    "Frames", .enabled(if: (try? FFmpeg()) != nil, "ffmpeg is not on this machine: ops/setup --tests installs it"))
struct FrameRunTests {
    /// A bench with an encoder and some videos.
    private static func bench(videos: [String: Int], size: String = "64x48") throws -> Workbench {
        let bench = try Workbench()
        try TinyEncoder.write(to: bench.folder.file("encoder"))
        try FileManager.default.createDirectory(at: bench.folder.file("videos"), withIntermediateDirectories: true)
        for (name, seconds) in videos {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: try FFmpeg().ffmpeg)
            process.arguments = [
                "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=\(size):rate=30000/1001:duration=\(seconds)", "-c:v",
                "libx264", "-pix_fmt", "yuv420p", bench.folder.file("videos/\(name).mp4").path,
            ]
            process.standardInput = FileHandle.nullDevice
            try process.run()
            process.waitUntilExit()
            try #require(process.terminationStatus == 0)
        }
        return bench
    }

    private static func environment(_ bench: Workbench, rate: String = "2", to output: String = "features") -> [String:
        String]
    {
        [
            "MILLRACE_VIDEOS": bench.folder.file("videos").path, "MILLRACE_ENCODER": bench.folder.file("encoder").path,
            "MILLRACE_FEATURES": bench.folder.file(output).path, "MILLRACE_FRAME_RATE": rate,
        ]
    }

    private static let topology = Workbench.topology("frames")

    /// The tiny encoder has four patches, and so no grid of three.
    private static func smallGrids(_ bench: Workbench) throws -> String {
        let text = try String(contentsOfFile: Self.topology, encoding: .utf8)
        let file = bench.folder.file("frames.yaml")
        try text.replacing("[2, 3, 5]", with: "[1, 2]").write(to: file, atomically: true, encoding: .utf8)
        return file.path
    }

    /// The values of the records, by their video.
    private static func encoded(_ bench: Workbench) throws -> [String: String] {
        var found: [String: String] = [:]
        for line in try bench.expect(0, ["topics", "read", "frame-features", "--json"]).outputLines {
            let record = try JSONTree(line)
            guard let key = record["key"].string else { continue }
            #expect(found[key] == nil, "\(key) is there once")
            found[key] = line.replacing(#/"timestamp":[^,]*,/#, with: "").replacing(#/"offset":[^,]*,/#, with: "")
        }
        return found
    }

    @Test("Each video has its file and its record; a broken one is a dead letter; what is there is taken over")
    func wholeLoop() throws {
        let bench = try Self.bench(videos: ["a": 2, "b": 3])
        try bench.folder.write("no video", to: "videos/broken.mp4")
        let topology = try Self.smallGrids(bench), environment = Self.environment(bench)
        try bench.succeed("ingest", "videos", "--folder", "videos")
        // Nothing is done where the encoder is not there.
        let refused = try bench.expect(
            1, ["run", topology, "--until-idle"],
            environment: environment.merging(["MILLRACE_ENCODER": "nowhere"]) { $1 })
        refused.says("nowhere")
        let run = try bench.expect(0, ["run", topology, "--until-idle"], environment: environment)
        run.prints("encode")
        let records = try Self.encoded(bench)
        #expect(records.keys.sorted() == ["a", "b"])
        #expect(records["a"]?.contains(#""frames":4"#) == true && records["b"]?.contains(#""frames":6"#) == true)
        let files = try FileManager.default.contentsOfDirectory(atPath: bench.folder.file("features").path).sorted()
        #expect(files == ["a.safetensors", "b.safetensors"])
        try bench.succeed("dead-letters", "list", "frames", "--json").prints("video-broken")
        let again = try bench.expect(
            0, ["replay", topology, "--from", "earliest", "--into", "again"], environment: environment)
        again.prints("reused")
    }

    @Test("Frames that were made are scored beside a copy of the input; what is missing or broken is said")
    func evaluate() throws {
        let bench = try Workbench()
        func write(_ name: String, _ value: (Int) -> Int, side: Int = 16) throws {
            let count = 3 * side * side
            let bytes: [UInt8] = (0..<count).map { UInt8(clamping: value($0)) }
            let file = bench.folder.file(name)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(PortablePixmap.file(Picture(width: side, height: side, bytes: bytes))).write(to: file)
        }
        var pairs = "{"
        for clip in 0..<3 {
            let place = "c\(clip)/0/"
            try write("val/\(place)1.ppm") { $0 * 7 % 200 }
            try write("val/\(place)2.ppm") { $0 * 7 % 200 + 30 + clip }
            // Nearer than the input.
            if clip < 2 { try write("made/\(place)2.ppm") { $0 * 7 % 200 + 20 } }
            pairs +=
                (clip == 0 ? "" : ",")
                + #""c\#(clip)":{"0":{"image_0":"\#(place)1.ppm","image_1":"\#(place)2.ppm","action":"open door"}}"#
        }
        try bench.folder.write(pairs + "}", to: "pairs.json")
        let command = ["evaluate", "frames", "--pairs", "pairs.json", "--frames", "val", "--generated", "made"]
        let report = try bench.expect(0, command)
        report.prints("2 of 3 pairs", "PSNR", "copy of the input", "no frame was made of 1 pairs")
        #expect(report.outputLines.allSatisfy { $0.count <= 80 })
        let json = try JSONTree(try bench.expect(0, command + ["--json"]).outputText)
        let scores = json["rows"].array.compactMap { $0["psnr"]["mean"].double }
        #expect(scores.count == 2 && scores[0] > scores[1] + 5)
        try bench.folder.write("P6 nonsense", to: "made/c1/0/2.ppm")
        try bench.expect(0, command).prints("1 of 3 pairs", "cannot be read")
        try bench.expect(2, command.map { $0 == "pairs.json" ? "val/c0/0/1.ppm" : $0 }).says("no file of pairs")
        try bench.expect(2, command + ["--features", "x.npy"]).says("go together")
        try bench.expect(1, command.map { $0 == "made" ? "val/c0" : $0 }).says("not one of 3 pairs")
    }
}
