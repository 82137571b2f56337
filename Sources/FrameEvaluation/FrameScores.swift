// SPDX-License-Identifier: Apache-2.0

public import Pictures

/// The scores of a frame's pixels against the frame that ought to be.
public struct FrameScores: Hashable, Sendable {
    /// The peak signal-to-noise ratio in decibels; infinite where the frames are the same.
    public var ratio: Double
    /// The structural similarity; `nil` for frames too small for a window.
    public var similarity: Double?
    /// Tells whether the frame had another size, and was brought into the target's.
    public var isResized: Bool

    /// Scores a frame. One of another size than the target is resized to it, bilinear.
    public init(_ frame: Picture, target: Picture) {
        self.isResized = frame.width != target.width || frame.height != target.height
        let wanted = PixelPlanes(target)
        let planes = PixelPlanes(frame).resized(width: target.width, height: target.height, .bilinear)
        self.ratio = PixelScores.peakSignalToNoise(planes, wanted)
        let isLarge = min(target.width, target.height) >= PixelScores.similaritySideMin
        self.similarity = isLarge ? PixelScores.structuralSimilarity(planes, wanted) : nil
    }
}

/// The mean of a score, and its standard error over clips: frames of one clip are alike, and do not count as so many.
public struct ScoreMean: Hashable, Sendable {
    /// The mean of the finite values.
    public let mean: Double
    /// Its standard error; `nil` for values of a single clip.
    public let error: Double?
    /// The finite values.
    public let count: Int
    /// The values left out because they are infinite: pairs of frames that are the same.
    public let infinite: Int

    /// Takes values, each with its clip; `nil` where none is finite.
    public init?(_ values: [(clip: String, value: Double)]) {
        let finite = values.filter(\.value.isFinite)
        guard !finite.isEmpty else { return nil }
        self.count = finite.count
        self.infinite = values.count - finite.count
        let mean = finite.reduce(0) { $0 + $1.value } / Double(finite.count)
        self.mean = mean
        var deviations: [String: Double] = [:]
        for (clip, value) in finite { deviations[clip, default: 0] += value - mean }
        let clips = Double(deviations.count)
        guard clips > 1 else {
            self.error = nil
            return
        }
        // In the order of the clips' names: a sum of floats depends on its order.
        let squares = deviations.sorted { $0.key < $1.key }.reduce(0) { $0 + $1.value * $1.value }
        self.error = (squares * clips / (clips - 1)).squareRoot() / Double(finite.count)
    }
}
