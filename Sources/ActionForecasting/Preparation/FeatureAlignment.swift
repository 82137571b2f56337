// SPDX-License-Identifier: Apache-2.0

/// The places of features in a video's time: feature i is made of the frames from i · stride on, as many as its window
/// has. Ego4D's published slowfast8x8 features have a stride of 16 and a window of 32 frames of 30 a second.
public struct FeatureAlignment: Hashable, Sendable, Codable {
    /// The frames from one feature's first to the next one's.
    public var stride: Int
    /// The frames that a feature is made of.
    public var window: Int
    /// Frames a second.
    public var rate: Double

    /// Describes an alignment; without arguments that of the published features.
    public init(stride: Int = 16, window: Int = 32, rate: Double = 30) {
        self.stride = stride
        self.window = window
        self.rate = rate
    }

    /// Says what is out of range, or nothing.
    public func problem() -> String? {
        let range = 1...1_000_000
        if !range.contains(self.stride) { return "--stride is from 1 to 1000000 frames, not \(self.stride)" }
        if !range.contains(self.window) { return "--window is from 1 to 1000000 frames, not \(self.window)" }
        return self.rate > 0 && self.rate <= 10_000 ? nil : "--rate is above 0, up to 10000, not \(self.rate)"
    }

    /// The features of a stretch of time: those whose window's middle lies in it, or else the one whose middle is
    /// nearest to its middle.
    /// - Parameters:
    ///   - start: in seconds of what the features are of.
    ///   - end: likewise, not before the start.
    ///   - count: the features that there are.
    /// - Returns: `nil` where the features end before the stretch does, by more than the one window that an extractor
    ///   may leave out at the end; or where a time is none.
    public func features(start: Double, end: Double, count: Int) -> Range<Int>? {
        let first = start * self.rate, last = end * self.rate
        guard first > -1e15, last < 1e15, last >= first, last > 0, count > 0 else { return nil }
        let half = Double(self.window) / 2, step = Double(self.stride)
        // The end may be covered by windows that begin before it: one window's worth of features may be missing.
        guard last <= Double(count - 1) * step + Double(2 * self.window) + step else { return nil }
        var lower = max(0, Int(((first - half) / step).rounded(.up)))
        var upper = max(0, Int(((last - half) / step).rounded(.up)))
        if upper <= lower {
            lower = max(0, Int((((first + last) / 2 - half) / step).rounded()))
            upper = lower + 1
        }
        upper = min(upper, count)
        lower = min(lower, upper - 1)
        return lower..<upper
    }
}
