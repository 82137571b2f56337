// SPDX-License-Identifier: Apache-2.0

/// The times of a video's frames, as the program that decodes them says.
public struct VideoTimes: Hashable, Sendable {
    /// The pixels in a row of the coded picture.
    public var width: Int
    /// The rows of the coded picture.
    public var height: Int
    /// The length of a tick in seconds, as numerator and denominator.
    public var tick: (numerator: Int, denominator: Int) { (self.tickNumerator, self.tickDenominator) }
    /// The time of each frame in ticks, in the order of decoding's output; `nil` of one that has none, as the last of
    /// some streams.
    public var stamps: [Int?]
    /// The ticks that the stream says it lasts; `nil` where it does not say.
    public var duration: Int?
    private var tickNumerator: Int
    private var tickDenominator: Int

    /// Describes a video.
    public init(width: Int, height: Int, tick: (numerator: Int, denominator: Int), stamps: [Int?], duration: Int? = nil)
    {
        self.width = width
        self.height = height
        self.stamps = stamps
        self.duration = duration
        self.tickNumerator = tick.numerator
        self.tickDenominator = tick.denominator
    }

    /// Seconds from the first frame to the last.
    public var seconds: Double {
        let stamps = self.stamps.compactMap(\.self)
        guard let first = stamps.first, let last = stamps.max() else { return 0 }
        return Double(last - first) * Double(self.tickNumerator) / Double(self.tickDenominator)
    }
}

/// The zero of a video's time.
public enum TimeOrigin: String, CaseIterable, Sendable {
    /// The file's own zero, even where its first frame comes later.
    case file
    /// The first frame.
    case first
}

/// The frames of a video at a rate: frame k is the first, in the order of decoding's output, whose time is k/rate or
/// later. A frame that is the first for several k, as where a video stands still, is each of them.
public struct FrameChoice: Hashable, Sendable {
    /// A frame that is wanted.
    public struct Frame: Hashable, Sendable {
        /// Its number among the decoded frames.
        public var number: Int
        /// The k that it is.
        public var places: Range<Int>
    }

    /// The frames, in their order.
    public let frames: [Frame]
    /// Behind the last k.
    public var count: Int { self.frames.last?.places.upperBound ?? 0 }
    /// The frames at the end that have no time.
    let untimed: Int
    /// A frame is taken if (its ticks − `zero`) · `factor` ≥ next k · `unit`.
    let zero, factor, unit: Int

    /// The most k of a video: four days at 12 a second.
    public static let countMax = 1 << 22
    /// Whole numbers up to here are exact as the numbers that the decoding program computes in.
    private static let exactMax = 1 << 52

    /// Chooses frames.
    /// - Throws: `VideoFault.Code.broken` where the times cannot be counted exactly, or make too many frames.
    public init(_ times: VideoTimes, rate: FrameRate, from origin: TimeOrigin = .file) throws(VideoFault) {
        let tick = times.tick
        guard tick.numerator > 0, tick.denominator > 0, tick.numerator <= 1 << 31, tick.denominator <= 1 << 31 else {
            throw VideoFault(.broken, "its time base is \(tick.numerator)/\(tick.denominator)")
        }
        let above = tick.numerator * rate.numerator, below = tick.denominator * rate.denominator
        let divisor = Fraction.commonDivisor(above, below)
        self.factor = above / divisor
        self.unit = below / divisor
        self.zero = origin == .first ? times.stamps.compactMap(\.self).first ?? 0 : 0
        var frames: [Frame] = [], next = 0
        let end = (times.stamps.lastIndex { $0 != nil } ?? -1) + 1
        self.untimed = times.stamps.count - end
        if let number = times.stamps[..<end].firstIndex(where: { $0 == nil }) {
            throw VideoFault(.broken, "frame \(number) has no time, and later ones have")
        }
        for (number, stamp) in times.stamps.enumerated() {
            guard let stamp else { continue }
            let (place, overflow) = stamp.subtractingReportingOverflow(self.zero)
            let (scaled, isTooLarge) = place.multipliedReportingOverflow(by: self.factor)
            guard !overflow, !isTooLarge, scaled.magnitude < UInt(Self.exactMax) else {
                throw VideoFault(.broken, "frame \(number) has the time \(stamp), which no video lasts")
            }
            guard scaled >= 0, scaled >= next * self.unit else { continue }
            let end = scaled / self.unit + 1
            guard end <= Self.countMax else {
                throw VideoFault(
                    .broken, "frame \(number) would be frame \(end) at \(rate) a second: more than \(Self.countMax)")
            }
            frames.append(Frame(number: number, places: next..<end))
            next = end
        }
        self.frames = frames
    }

    /// The rule as an expression of ffmpeg's `select`. All its numbers are whole and below 2⁵².
    var expression: String {
        "if(gte((pts-\(self.zero))*\(self.factor),ld(0)*\(self.unit)),st(0,floor((pts-\(self.zero))*\(self.factor)/\(self.unit))+1),0)"
    }
}
