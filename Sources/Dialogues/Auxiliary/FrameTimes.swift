// SPDX-License-Identifier: Apache-2.0

/// Seconds, clocks and frames, as ProAssist relates them.
enum FrameTimes {
    /// The ways to make a whole frame of a time.
    enum Rounding: String {
        /// The frame that is seen at the time.
        case floor
        /// The nearest frame; of two, the even one.
        case round
        /// The first frame that is not before the time.
        case ceil
    }

    /// The frame of a time in seconds at a rate; `nil` where there is no such frame.
    static func index(of seconds: Double, rate: Double, _ rounding: Rounding) -> Int? {
        let place = seconds * rate
        switch rounding {
        case .floor: return PythonText.floor(place)
        case .round: return PythonText.floor(place.rounded(.toNearestOrEven))
        case .ceil: return PythonText.floor(place.rounded(.up))
        }
    }

    /// The seconds of `01:02:03.500`; `nil` where a text has another form.
    ///
    /// The fraction counts thousandths, whatever its length, as in the original: `07.05` is 7.005 s. The clocks of
    /// annotations are read by their adapters, as what they say.
    static func seconds(ofClock text: String) -> Double? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 3 else { return nil }
        let last = parts[2].split(separator: ".", omittingEmptySubsequences: false)
        guard last.count == 2, let hours = self.whole(parts[0]), let minutes = self.whole(parts[1]),
            let seconds = self.whole(last[0]), let fraction = self.whole(last[1])
        else { return nil }
        return Double(hours * 3600 + minutes * 60 + seconds) + Double(fraction) / 1000
    }

    private static func whole(_ text: Substring) -> Int? {
        guard (1...9).contains(text.utf8.count), text.utf8.allSatisfy({ 0x30...0x39 ~= $0 }) else { return nil }
        return Int(text)
    }

    /// The clock of a frame: `01:01:00.500`, or without a fraction the next whole second. Below a tenth the thousandths
    /// have two digits, and a minute may have 60 seconds, as in the original.
    static func clock(ofFrame index: Int, rate: Double, milliseconds: Bool) -> String {
        let total = Double(index) / rate
        guard total.isFinite, total >= 0, total < 1e9 else { return "" }
        let thousandths = Int(total.truncatingRemainder(dividingBy: 1) * 1000)
        var seconds = Int(total.truncatingRemainder(dividingBy: 60))
        if !milliseconds, thousandths > 0 { seconds += 1 }
        let fields = [Int(total / 3600), Int(total.truncatingRemainder(dividingBy: 3600) / 60), seconds]
        let clock = fields.map(self.twoDigits).joined(separator: ":")
        return milliseconds ? "\(clock).\(self.twoDigits(thousandths))" : clock
    }

    private static func twoDigits(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

    /// Every which frame of a recording the original keeps for two a second: the rate is cut to a whole number first,
    /// so that the frames that are kept are not two a second but at whole rates.
    ///
    /// The mended way has no such number: frame k is the first that is not before k/2 s (`frames(at:)`).
    /// - Returns: `nil` for rates below 1.5, of which the original keeps none.
    static func step(ofRate rate: Double, perSecond: Double = 2) -> Int? {
        guard let whole = PythonText.floor(rate) else { return nil }
        return self.step(ofExactRate: Double(whole), perSecond: perSecond)
    }

    /// The same of a rate that is not cut, as the original has it for narrations.
    static func step(ofExactRate rate: Double, perSecond: Double = 2) -> Int? {
        guard rate > 0, let step = PythonText.floor((rate + 0.5) / perSecond), step > 0 else { return nil }
        return step
    }

    /// The frames to keep of a recording whose frames have some times, in order: for each k the first frame that is not
    /// before k/`perSecond`.
    static func frames(at times: [Double], perSecond: Double = 2) -> [Int] {
        var kept: [Int] = []
        for (index, time) in times.enumerated() where time >= Double(kept.count) / perSecond { kept.append(index) }
        return kept
    }
}

/// The square that is kept of an image.
struct SquareCrop: Hashable {
    /// The image's sides after it has been scaled.
    var width: Int
    var height: Int
    /// The square's place in it.
    var left: Int
    var top: Int
    var size: Int

    /// Scales an image so that its shorter side is the square's, and takes the middle.
    ///
    /// As in the original, a side that floating point makes a pixel too short stays so, and the square begins outside
    /// of the image: none of the usual widths is among those.
    init?(width: Int, height: Int, size: Int) {
        let sides = 1...(1 << 20)
        guard sides.contains(width), sides.contains(height), sides.contains(size) else { return nil }
        let ratio = max(Double(size) / Double(width), Double(size) / Double(height))
        self.width = Int(Double(width) * ratio)
        self.height = Int(Double(height) * ratio)
        self.size = size
        // Halves are rounded down, those of negative numbers too.
        self.left = (self.width - size) >> 1
        self.top = (self.height - size) >> 1
    }
}
