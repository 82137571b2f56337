// SPDX-License-Identifier: Apache-2.0

import Glibc
public import Pictures

/// A frame as networks see it: red, green and blue, from −1 to 1.
public struct FramePixels: Hashable, Sendable {
    /// The lines.
    public let height: Int
    /// The pixels of a line.
    public let width: Int
    /// (3, lines, pixels).
    public var values: [Float]

    /// Takes pixels.
    /// - Precondition: they fill the size.
    public init(height: Int, width: Int, values: [Float]) {
        precondition(values.count == 3 * height * width, "\(values.count) numbers for \(height) × \(width)")
        self.height = height
        self.width = width
        self.values = values
    }

    /// Bytes of red, green and blue for each pixel, line by line.
    public init(height: Int, width: Int, bytes: [UInt8]) {
        precondition(bytes.count == 3 * height * width, "\(bytes.count) bytes for \(height) × \(width)")
        var values = [Float](repeating: 0, count: bytes.count)
        for pixel in 0..<height * width {
            for channel in 0..<3 {
                values[channel * height * width + pixel] = 2 * Float(bytes[3 * pixel + channel]) / 255 - 1
            }
        }
        self.init(height: height, width: width, values: values)
    }

    /// A picture brought to a square, whatever its shape.
    public init(_ picture: Picture, side: Int) {
        let frame = FramePixels(height: picture.height, width: picture.width, bytes: picture.bytes)
        self = picture.height == side && picture.width == side ? frame : frame.scaled(height: side, width: side)
    }

    /// Mirrors the frame from left to right.
    public func mirrored() -> FramePixels {
        var values = self.values
        for line in 0..<3 * self.height {
            values[line * self.width..<(line + 1) * self.width].reverse()
        }
        return FramePixels(height: self.height, width: self.width, values: values)
    }

    /// The frame at another size, by bicubic interpolation between pixels' middles, without smoothing: PyTorch's
    /// `interpolate(mode="bicubic", align_corners=False)`.
    public func resized(height: Int, width: Int) -> FramePixels {
        let rows = Self.taps(from: self.height, to: height), columns = Self.taps(from: self.width, to: width)
        var lines = [Float](repeating: 0, count: 3 * self.height * width)
        for line in 0..<3 * self.height {
            for (place, tap) in columns.enumerated() {
                lines[line * width + place] = tap.sum { self.values[line * self.width + $0] }
            }
        }
        var values = [Float](repeating: 0, count: 3 * height * width)
        for channel in 0..<3 {
            for (row, tap) in rows.enumerated() {
                for column in 0..<width {
                    values[(channel * height + row) * width + column] = tap.sum {
                        lines[(channel * self.height + $0) * width + column]
                    }
                }
            }
        }
        return FramePixels(height: height, width: width, values: values)
    }

    /// The frame at another size, smoothed where it becomes smaller: by a Lanczos window of three pixels of the coarser
    /// grid, between pixels' middles, as Pillow's LANCZOS does, without its rounding to bytes in between.
    public func scaled(height: Int, width: Int) -> FramePixels {
        let rows = Self.windows(from: self.height, to: height), columns = Self.windows(from: self.width, to: width)
        var lines = [Float](repeating: 0, count: 3 * self.height * width)
        for line in 0..<3 * self.height {
            for (place, window) in columns.enumerated() {
                var sum: Float = 0
                for (index, share) in window.shares.enumerated() {
                    sum += share * self.values[line * self.width + window.first + index]
                }
                lines[line * width + place] = sum
            }
        }
        var values = [Float](repeating: 0, count: 3 * height * width)
        for channel in 0..<3 {
            for (row, window) in rows.enumerated() {
                for (index, share) in window.shares.enumerated() {
                    let from = (channel * self.height + window.first + index) * width
                    let to = (channel * height + row) * width
                    for column in 0..<width { values[to + column] += share * lines[from + column] }
                }
            }
        }
        return FramePixels(height: height, width: width, values: values)
    }

    /// Neighbouring pixels and their shares.
    private struct Window {
        let first: Int, shares: [Float]
    }

    private static func windows(from: Int, to: Int) -> [Window] {
        let scale = Double(from) / Double(to), stretch = max(scale, 1), reach = 3 * stretch
        func sine(_ x: Double) -> Double { x == 0 ? 1 : sin(.pi * x) / (.pi * x) }
        return (0..<to).map { place in
            let middle = (Double(place) + 0.5) * scale
            let first = max(0, Int((middle - reach + 0.5).rounded(.down)))
            let end = min(from, Int((middle + reach + 0.5).rounded(.down)))
            let weights = (first..<max(end, first + 1)).map { index in
                let x = (Double(index) + 0.5 - middle) / stretch
                return abs(x) < 3 ? sine(x) * sine(x / 3) : 0
            }
            let sum = weights.reduce(0, +)
            return Window(first: first, shares: weights.map { Float($0 / sum) })
        }
    }

    /// Four pixels in a row and their shares.
    private struct Tap {
        let places: [Int], shares: [Float]

        func sum(_ value: (Int) -> Float) -> Float {
            self.shares[0] * value(self.places[0]) + self.shares[1] * value(self.places[1])
                + self.shares[2] * value(self.places[2]) + self.shares[3] * value(self.places[3])
        }
    }

    private static func taps(from: Int, to: Int) -> [Tap] {
        let scale = Float(from) / Float(to), a: Float = -0.75
        return (0..<to).map { place in
            let position = scale * (Float(place) + 0.5) - 0.5, low = position.rounded(.down), t = position - low
            func near(_ x: Float) -> Float { ((a + 2) * x - (a + 3)) * x * x + 1 }
            func far(_ x: Float) -> Float { ((a * x - 5 * a) * x + 8 * a) * x - 4 * a }
            let first = Int(low) - 1
            return Tap(
                places: (0..<4).map { min(max(first + $0, 0), from - 1) },
                shares: [far(t + 1), near(t), near(1 - t), far(2 - t)])
        }
    }
}

/// The way from numbers to bytes.
public enum FrameOutput: String, Hashable, Sendable, Codable, CaseIterable {
    /// −1 and 1 become 0 and 255, rounded; what is beyond is cut off.
    case clamped
    /// The lowest and the highest number of each frame become 0 and 255, cut down to whole numbers, as the official
    /// code does it; it changes each frame's brightness and contrast.
    case official

    /// Bytes of red, green and blue for each pixel, line by line.
    public func bytes(_ frame: FramePixels) -> [UInt8] {
        let scaled = self.scaled(frame), cells = frame.height * frame.width
        var bytes = [UInt8](repeating: 0, count: 3 * cells)
        for channel in 0..<3 {
            for cell in 0..<cells {
                let value = scaled[channel * cells + cell], whole = self == .official ? value : value.rounded()
                bytes[3 * cell + channel] = UInt8(min(max(whole.isFinite ? whole : 0, 0), 255))
            }
        }
        return bytes
    }

    /// The numbers brought to 0…255, (3, lines, pixels).
    func scaled(_ frame: FramePixels) -> [Float] {
        switch self {
        case .clamped: return frame.values.map { (min(max($0, -1), 1) + 1) * 127.5 }
        case .official:
            guard let low = frame.values.min(), let high = frame.values.max(), high > low else {
                return frame.values.map { _ in 0 }
            }
            return frame.values.map { ($0 - low) / (high - low) * 255 }
        }
    }

    /// The official width of a frame that is scaled to a height: rounded, of two the even one.
    public static func width(of original: (width: Int, height: Int), height: Int) -> Int {
        Int((Double(original.width) / Double(original.height) * Double(height)).rounded(.toNearestOrEven))
    }
}
