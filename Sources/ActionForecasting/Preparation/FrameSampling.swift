// SPDX-License-Identifier: Apache-2.0

/// The frames that are taken of a stretch of video, as the official loader takes them.
public enum FrameSampling {
    /// Places of `count` frames among `available`, spread evenly: what `torch.linspace` gives in Float32, cut to whole
    /// numbers (facebookresearch/pytorchvideo, `uniform_temporal_subsample`). None where there is no frame.
    public static func places(_ count: Int, of available: Int) -> [Int] {
        guard count > 0, available > 0 else { return [] }
        let end = Float(available - 1)
        guard count > 1 else { return [0] }
        // From both ends to the middle, as PyTorch computes it.
        let step = end / Float(count - 1)
        return (0..<count).map { index in
            let place = index < count / 2 ? step * Float(index) : end - step * Float(count - 1 - index)
            return min(max(Int(place), 0), available - 1)
        }
    }

    /// The stretch of so many seconds in the middle of a segment; it may leave a short one, and begin before 0.
    public static func centre(start: Double, end: Double, seconds: Double) -> (start: Double, end: Double) {
        let from = start + (end - start) / 2 - seconds / 2
        return (from, from + seconds)
    }
}
