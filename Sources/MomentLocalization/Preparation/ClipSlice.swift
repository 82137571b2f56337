// SPDX-License-Identifier: Apache-2.0

/// The features of a video that belong to a clip, and the clip's number of frames on the features' clock.
public struct ClipSlice: Hashable, Sendable {
    /// Features per second: frames of 30 a second, one feature each 16 of them
    /// (EGO4D/episodic-memory, `NLQ/VSLNet/utils/prepare_ego4d_dataset.py`).
    public static let rate = 1.875

    /// The clip's features among the video's.
    public var features: Range<Int>
    /// The frames that the clip should have, by its times: `int((end - start) * 1.875)`.
    public var frames: Int

    /// The clip's length in seconds as the official preparation counts it: up to 0.53 s short.
    public var duration: Double { Double(self.frames) / Self.rate }

    /// Tells whether so many features are missing at the end that times no longer fit: more than two.
    public var isShort: Bool { self.features.count < self.frames - 2 || self.features.isEmpty }

    /// The slice of a clip that lies at `start` to `end` seconds of a video with `available` features:
    /// `features[int(start * 1.875) ... int(end * 1.875)]`, as far as they are there.
    public init(start: Double, end: Double, available: Int) {
        let first = min(max(Self.index(start), 0), available)
        let last = min(Self.index(end), available - 1)
        self.features = first..<max(last + 1, first)
        self.frames = max(Self.index(end - start), 0)
    }

    /// The slice of a clip that has a file of features of its own.
    public init(start: Double, end: Double, clipFeatures: Int) {
        self.features = 0..<clipFeatures
        self.frames = max(Self.index(end - start), 0)
    }

    /// The feature that is current at a time: `int(t * 1.875)`, which cuts towards zero. The official code asks for
    /// floor or ceiling afterwards, when there is nothing left to round.
    static func index(_ seconds: Double) -> Int {
        let scaled = (seconds * Self.rate).rounded(.towardZero)
        // Times come from files: no number at all counts as the start, and the ends of the scale lie beyond any video.
        return scaled.isNaN ? 0 : Int(min(max(scaled, -1e15), 1e15))
    }
}
