// SPDX-License-Identifier: Apache-2.0

public import DurableFiles
import Foundation
public import Pictures

/// The programs `ffmpeg` and `ffprobe`, which decode videos and pictures for us: hostile files stay out of this
/// process. Its methods block, so they are called on threads of one's own.
public struct FFmpeg: Sendable {
    /// The path of `ffmpeg`.
    public let ffmpeg: String
    /// The path of `ffprobe`.
    public let ffprobe: String
    /// The threads that decode.
    public var threads = 2
    /// Seconds that a program's output is waited for, taken together.
    public var seconds = 7200
    /// Bytes of a program's address space.
    public var memory = 6 << 30

    /// The most bytes of what `ffprobe` says of a video: some 30 million frames.
    private static let listMax = 1 << 30

    /// The formats that are read. Lists of other files, such as HLS and `concat`, are not: a video must not name files
    /// of this machine.
    private static let videoFormats =
        "mov,matroska,avi,mpeg,mpegts,mpegvideo,h264,hevc,m4v,ogg,flv,asf,nut,mjpeg,mxf,gif"
    private static let pictureFormats = "png_pipe,jpeg_pipe,jpegls_pipe,webp_pipe,gif,bmp_pipe,ppm_pipe,tiff_pipe"
    /// The file that a child gets to read.
    private static let input = "file:/dev/fd/3"

    /// Looks both programs up.
    /// - Parameter path: folders, separated by colons; those of PATH unless told.
    /// - Throws: `VideoFault.Code.toolMissing` with the remedy.
    public init(path: String? = nil) throws(VideoFault) {
        let path = path ?? ProcessInfo.processInfo.environment["PATH"] ?? ""
        func find(_ name: String) throws(VideoFault) -> String {
            for folder in path.split(separator: ":") where folder.hasPrefix("/") {
                let candidate = "\(folder)/\(name)"
                if access(candidate, X_OK) == 0 { return candidate }
            }
            throw VideoFault(
                .toolMissing,
                "\(name) is not on this machine (no folder of PATH holds it), and videos and pictures are read through it; "
                    + "install it, on Debian and Ubuntu with `apt-get install ffmpeg`")
        }
        self.ffmpeg = try find("ffmpeg")
        self.ffprobe = try find("ffprobe")
    }

    private var limits: ChildProcess.Limits { ChildProcess.Limits(seconds: self.seconds, memory: self.memory) }

    private func reading(_ formats: String) -> [String] {
        [
            "-protocol_whitelist", "file", "-format_whitelist", formats, "-max_pixels", "\(Picture.pixelsMax)",
            "-threads", "\(self.threads)",
        ]
    }

    /// Opens a file that a user names.
    /// - Throws: `VideoFault.Code.absent`.
    public static func open(_ path: String) throws(VideoFault) -> InputFile {
        do throws(FileFailure) {
            return try InputFile(path: path)
        } catch {
            throw VideoFault(.absent, error.message)
        }
    }

    // MARK: Videos

    /// The times of a video's frames. Every frame is decoded for it: containers promise frames that decoders do not
    /// give, and times that they correct.
    /// - Throws: `VideoFault` where the video is none, is damaged, or ends early.
    public func times(of video: InputFile, isCancelled: () -> Bool = { false }) throws(VideoFault) -> VideoTimes {
        var arguments = ["-v", "error"] + self.reading(Self.videoFormats)
        arguments += [
            "-select_streams", "v:0", "-show_entries",
            "stream=width,height,time_base,duration_ts:frame=best_effort_timestamp", "-of", "compact=p=1:nk=0",
            Self.input,
        ]
        var limits = self.limits
        limits.output = Self.listMax
        var reading = TimesReading()
        do throws(VideoFault) {
            let ending = try ChildProcess.run(
                self.ffprobe, arguments, input: video, limits: limits, isCancelled: isCancelled
            ) { bytes throws(VideoFault) in try reading.take(bytes) }
            return try reading.times(ending)
        } catch {
            throw error.of(video.path)
        }
    }

    /// Decodes the frames that a choice names, in their order.
    /// - Parameters:
    ///   - choice: made of what `times(of:)` says of the same file.
    ///   - each: takes a frame; what it throws ends the decoding.
    /// - Throws: `VideoFault.Code.broken` where other frames come than were chosen.
    public func frames(
        of video: InputFile, _ choice: FrameChoice, isCancelled: () -> Bool = { false },
        each: (Picture, FrameChoice.Frame) throws(VideoFault) -> Void
    ) throws(VideoFault) {
        var arguments = ["-v", "error", "-nostdin", "-copyts"] + self.reading(Self.videoFormats)
        arguments += ["-i", Self.input, "-map", "0:v:0", "-an", "-sn", "-dn"]
        arguments += ["-vf", "select='\(choice.expression)'," + Self.toRGB, "-fps_mode", "passthrough"]
        arguments += ["-c:v", "ppm", "-f", "image2pipe", "pipe:1"]
        var reading = PixmapReading(), number = 0, spare = 0
        do throws(VideoFault) {
            let ending = try ChildProcess.run(
                self.ffmpeg, arguments, input: video, limits: self.limits, isCancelled: isCancelled
            ) { bytes throws(VideoFault) in
                reading.append(bytes)
                while let picture = try reading.next() {
                    guard number < choice.frames.count else {
                        // The program guesses the times of frames at the end that have none.
                        spare += 1
                        guard spare <= choice.untimed else {
                            throw VideoFault(.broken, "more frames were decoded than \(choice.frames.count)")
                        }
                        continue
                    }
                    try each(picture, choice.frames[number])
                    number += 1
                }
            }
            guard ending.code == 0 else { throw Self.fault(ending, "ffmpeg") }
            guard number == choice.frames.count, reading.isEmpty else {
                throw VideoFault(.broken, "\(number) of \(choice.frames.count) frames were decoded; \(ending.words)")
            }
        } catch {
            throw error.of(video.path)
        }
    }

    /// Conversion to 8-bit red, green and blue, the same on every processor.
    private static let toRGB = "scale=flags=bitexact+accurate_rnd+full_chroma_int,format=rgb24"

    // MARK: Pictures

    /// Decodes a picture: PNG, JPEG, WebP, GIF (its first), BMP, TIFF or PPM.
    public func picture(_ file: InputFile, isCancelled: () -> Bool = { false }) throws(VideoFault) -> Picture {
        var arguments = ["-v", "error", "-nostdin"] + self.reading(Self.pictureFormats)
        arguments += ["-i", Self.input, "-map", "0:v:0", "-frames:v", "1", "-vf", Self.toRGB]
        arguments += ["-c:v", "ppm", "-f", "image2pipe", "pipe:1"]
        var limits = self.limits, reading = PixmapReading(), found: Picture?
        limits.seconds = min(limits.seconds, 60)
        limits.output = 3 * Picture.pixelsMax + PortablePixmap.headMax
        do throws(VideoFault) {
            let ending = try ChildProcess.run(
                self.ffmpeg, arguments, input: file, limits: limits, isCancelled: isCancelled
            ) { bytes throws(VideoFault) in
                reading.append(bytes)
                if let picture = try reading.next() { found = picture }
            }
            guard ending.code == 0, ending.words.isEmpty, let found else { throw Self.fault(ending, "ffmpeg") }
            return found
        } catch {
            throw error.of(file.path)
        }
    }

    /// The fault that an ending tells of.
    static func fault(_ ending: ChildProcess.Ending, _ program: String) -> VideoFault {
        if [126, 127].contains(ending.code) {
            return VideoFault(.failed, "\(program) did not start: \(ending.words)")
        }
        if ending.code == 128 + Int(SIGXCPU) || ending.code == 128 + Int(SIGKILL) {
            return VideoFault(.tooSlow, "\(program) was ended by signal \(ending.code - 128): it took too long")
        }
        let words = ending.words.replacing(Self.input, with: "it").replacing("/dev/fd/3", with: "it")
        if words.contains("Cannot allocate memory") {
            return VideoFault(.tooLarge, "\(program) wanted more memory than it may have: \(words)")
        }
        return VideoFault(.broken, words.isEmpty ? "\(program) ended with code \(ending.code)" : words)
    }
}
