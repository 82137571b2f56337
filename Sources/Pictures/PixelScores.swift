// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Scores of one picture against another of the same size, for values from 0 to 1.
public enum PixelScores {
    /// The mean squared difference.
    public static func meanSquaredError(_ a: PixelPlanes, _ b: PixelPlanes) -> Double {
        precondition(a.width == b.width && a.height == b.height, "pictures of one size")
        var sum = 0.0
        for index in a.values.indices {
            let difference = Double(a.values[index]) - Double(b.values[index])
            sum += difference * difference
        }
        return sum / Double(a.values.count)
    }

    /// The peak signal-to-noise ratio in decibels; infinite where the pictures are the same.
    public static func peakSignalToNoise(_ a: PixelPlanes, _ b: PixelPlanes) -> Double {
        -10 * log10(Self.meanSquaredError(a, b))
    }

    /// The least pixels along a side for `structuralSimilarity`: the mirrored margin is as wide as half a window.
    public static let similaritySideMin = 6

    /// The structural similarity: windows of 11 × 11 pixels weighed by a Gaussian of deviation 1.5, K 0.01 and 0.03,
    /// margins mirrored, mean over all positions and planes.
    public static func structuralSimilarity(_ a: PixelPlanes, _ b: PixelPlanes) -> Double {
        precondition(a.width == b.width && a.height == b.height, "pictures of one size")
        precondition(min(a.width, a.height) >= Self.similaritySideMin, "a margin can be mirrored")
        let plane = a.width * a.height
        var sum = 0.0
        for channel in 0..<PixelPlanes.count {
            let x = a.values[channel * plane..<(channel + 1) * plane].map { Double($0) }
            let y = b.values[channel * plane..<(channel + 1) * plane].map { Double($0) }
            func smooth(_ values: [Double]) -> [Double] { Self.smoothed(values, width: a.width, height: a.height) }
            let meanX = smooth(x), meanY = smooth(y)
            let squareX = smooth(x.map { $0 * $0 }), squareY = smooth(y.map { $0 * $0 })
            let product = smooth(zip(x, y).map { $0 * $1 })
            for index in 0..<plane {
                let (mx, my) = (meanX[index], meanY[index])
                let vx = max(squareX[index] - mx * mx, 0), vy = max(squareY[index] - my * my, 0)
                let covariance = product[index] - mx * my
                sum +=
                    (2 * mx * my + 1e-4) * (2 * covariance + 9e-4) / ((mx * mx + my * my + 1e-4) * (vx + vy + 9e-4))
            }
        }
        return sum / Double(PixelPlanes.count * plane)
    }

    /// The weights of a window along one side.
    private static let window: [Double] = {
        let weights = (-5...5).map { exp(-Double($0 * $0) / (2 * 1.5 * 1.5)) }
        let sum = weights.reduce(0, +)
        return weights.map { $0 / sum }
    }()

    private static func smoothed(_ values: [Double], width: Int, height: Int) -> [Double] {
        func mirrored(_ index: Int, _ count: Int) -> Int {
            let index = abs(index)
            return index < count ? index : 2 * (count - 1) - index
        }
        var rows = [Double](repeating: 0, count: values.count), result = rows
        for y in 0..<height {
            for x in 0..<width {
                var sum = 0.0
                for tap in 0..<11 { sum += Self.window[tap] * values[y * width + mirrored(x + tap - 5, width)] }
                rows[y * width + x] = sum
            }
        }
        for y in 0..<height {
            for tap in 0..<11 {
                let from = mirrored(y + tap - 5, height) * width
                for x in 0..<width { result[y * width + x] += Self.window[tap] * rows[from + x] }
            }
        }
        return result
    }
}
