// SPDX-License-Identifier: Apache-2.0

import NeuralNetworks

/// Decoded frames to what an encoder takes, as the official evaluation does it: frames spread evenly, the short side
/// scaled, the middle cut out, colours normalized.
///
/// Training uses it too: the official training mirrors every clip, which evaluation never does.
public struct VideoTransform: Hashable, Sendable, Codable {
    /// The frames that are taken.
    public var frames: Int
    /// The pixels of the short side, before the middle is cut out.
    public var shortSide: Int
    /// The height and width of what is cut out.
    public var side: Int

    /// Describes a transform.
    public init(frames: Int, shortSide: Int, side: Int) {
        self.frames = frames
        self.shortSide = max(shortSide, side)
        self.side = side
    }

    /// A line of pixels between two others.
    private struct Tap {
        var low: Int, high: Int, share: Float
    }

    /// Places along an axis of `from` pixels brought to `to`, those from `first` on: PyTorch's bilinear ones with
    /// corners not aligned.
    private static func taps(from: Int, to: Int, first: Int, count: Int) -> [Tap] {
        let scale = Float(from) / Float(to)
        return (first..<first + count).map { place in
            let position = max(0, (Float(place) + 0.5) * scale - 0.5), low = min(Int(position), from - 1)
            return Tap(low: low, high: min(low + 1, from - 1), share: position - Float(low))
        }
    }

    /// The middle of an axis, to the nearest pixel, of two the even one.
    private static func middle(_ size: Int, _ cut: Int) -> Int {
        Int((Double(size - cut) / 2).rounded(.toNearestOrEven))
    }

    /// The long side, rounded down as the official code rounds it.
    private func long(_ long: Int, _ short: Int) -> Int {
        Int((Double(long) / Double(short) * Double(self.shortSide)).rounded(.down))
    }

    /// Fills `pixels` (3, frames, side, side).
    public func apply(_ segment: ClipFrames.Segment, into pixels: UnsafeMutablePointer<Float>) {
        let (height, width) = (segment.size.height, segment.size.width)
        let tall = height <= width ? self.shortSide : self.long(height, width)
        let wide = height <= width ? self.long(width, height) : self.shortSide
        let rows = Self.taps(from: height, to: tall, first: Self.middle(tall, self.side), count: self.side)
        let columns = Self.taps(from: width, to: wide, first: Self.middle(wide, self.side), count: self.side)
        let places = FrameSampling.places(self.frames, of: segment.size.time)
        let plane = height * width
        segment.pixels.withUnsafeBufferPointer { source in
            var target = pixels
            for channel in 0..<3 {
                for place in places {
                    let frame = UnsafeBufferPointer(
                        rebasing: source[((channel * segment.size.time + place) * plane)...])
                    for row in rows {
                        for column in columns {
                            target.pointee = Self.value(frame, width, row, column)
                            target += 1
                        }
                    }
                }
            }
        }
    }

    private static func value(_ frame: UnsafeBufferPointer<UInt8>, _ width: Int, _ row: Tap, _ column: Tap) -> Float {
        func pixel(_ row: Int, _ column: Int) -> Float {
            (Float(frame[row * width + column]) / 255 - 0.45) / 0.225
        }
        let above = (1 - column.share) * pixel(row.low, column.low) + column.share * pixel(row.low, column.high)
        guard row.share > 0 else { return above }
        let below = (1 - column.share) * pixel(row.high, column.low) + column.share * pixel(row.high, column.high)
        return (1 - row.share) * above + row.share * below
    }
}
