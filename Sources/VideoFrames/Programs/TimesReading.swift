// SPDX-License-Identifier: Apache-2.0

/// Reads `ffprobe`'s list of frames as it comes.
struct TimesReading {
    private var rest: [UInt8] = []
    private var stamps: [Int?] = []
    private var fields: [String: String] = [:]
    /// Lines are short; one that is not is none of ours.
    private static let lineMax = 4096

    /// Takes bytes.
    mutating func take(_ bytes: UnsafeRawBufferPointer) throws(VideoFault) {
        self.rest += bytes
        var start = 0
        while let end = self.rest[start...].firstIndex(of: UInt8(ascii: "\n")) {
            try self.line(self.rest[start..<end])
            start = end + 1
        }
        self.rest.removeFirst(start)
        guard self.rest.count <= Self.lineMax else { throw VideoFault(.broken, "ffprobe gave a line without an end") }
    }

    private static let frame = Array("frame|".utf8)
    private static let stamp = Array("best_effort_timestamp=".utf8)

    private mutating func line(_ line: ArraySlice<UInt8>) throws(VideoFault) {
        if line.starts(with: Self.frame) {
            // Behind the number there may be a part without a name, of side data that was not asked for.
            let value = line.dropFirst(Self.frame.count + Self.stamp.count)
            guard line.dropFirst(Self.frame.count).starts(with: Self.stamp) else {
                throw VideoFault(.broken, "nothing is said of the time of its frame \(self.stamps.count)")
            }
            self.stamps.append(Self.number(value))
        } else if line.starts(with: Array("stream|".utf8)) {
            for part in String(decoding: line, as: UTF8.self).split(separator: "|").dropFirst() {
                let pair = part.split(separator: "=", maxSplits: 1)
                if pair.count == 2 { self.fields[String(pair[0])] = String(pair[1]) }
            }
        }
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> Int? {
        let digits = bytes.prefix { $0 == UInt8(ascii: "-") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        return Int(String(decoding: digits, as: UTF8.self))
    }

    /// The share of what the stream says it lasts that may be missing at its end.
    private static let missingShare = 0.02

    /// The times, once the program has ended.
    func times(_ ending: ChildProcess.Ending) throws(VideoFault) -> VideoTimes {
        guard ending.code == 0, ending.words.isEmpty else { throw FFmpeg.fault(ending, "ffprobe") }
        let base = (self.fields["time_base"] ?? "").split(separator: "/").map { Int($0) }
        guard let width = self.fields["width"].flatMap({ Int($0) }),
            let height = self.fields["height"].flatMap({ Int($0) }),
            base.count == 2, let numerator = base[0], let denominator = base[1], numerator > 0, denominator > 0
        else { throw VideoFault(.broken, "it holds no stream of pictures") }
        guard self.stamps.contains(where: { $0 != nil }) else {
            throw VideoFault(
                .broken,
                self.stamps.isEmpty ? "not one of its frames can be decoded" : "not one of its frames has a time")
        }
        let times = VideoTimes(
            width: width, height: height, tick: (numerator, denominator), stamps: self.stamps,
            duration: self.fields["duration_ts"].flatMap { Int($0) })
        if let duration = times.duration, duration > 0 {
            let second = Double(denominator) / Double(numerator), has = times.seconds, says = Double(duration) / second
            // The last frame lasts, too: as long as frames do on average.
            let end = has * (1 + 1 / Double(max(self.stamps.count - 1, 1)))
            guard end >= says * (1 - Self.missingShare) - 1 else {
                throw VideoFault(
                    .truncated, "it says that it lasts \(says.rounded()) s, and its frames end after \(end.rounded()) s"
                )
            }
        }
        return times
    }
}
