// SPDX-License-Identifier: Apache-2.0

/// A picture as networks take it: one plane of floats for each of red, green and blue.
public struct PixelPlanes: Hashable, Sendable {
    /// The pixels in a row.
    public let width: Int
    /// The rows.
    public let height: Int
    /// Plane by plane, row by row.
    public var values: [Float]

    /// The planes of a picture.
    public static let count = 3

    /// Takes values.
    /// - Precondition: they fill three planes.
    public init(width: Int, height: Int, values: [Float]) {
        precondition(width > 0 && height > 0 && values.count == Self.count * width * height, "\(width) × \(height)")
        self.width = width
        self.height = height
        self.values = values
    }

    /// The values of a picture, from 0 to 1.
    public init(_ picture: Picture) {
        self.init(picture, means: [0, 0, 0], deviations: [1, 1, 1])
    }

    /// The values of a picture, from 0 to 1, less a mean and over a deviation, one a plane.
    public init(_ picture: Picture, means: [Float], deviations: [Float]) {
        let plane = picture.width * picture.height
        var values = [Float](repeating: 0, count: 3 * plane)
        for channel in 0..<3 {
            // Every byte has its value once.
            let table = (0..<256).map { (Float($0) / 255 - means[channel]) / deviations[channel] }
            for pixel in 0..<plane { values[channel * plane + pixel] = table[Int(picture.bytes[3 * pixel + channel])] }
        }
        self.init(width: picture.width, height: picture.height, values: values)
    }

    /// The bytes of values from 0 to 1: what lies beyond is cut, and halves are rounded to even.
    public var picture: Picture {
        let plane = self.width * self.height
        var bytes = [UInt8](repeating: 0, count: 3 * plane)
        for channel in 0..<3 {
            for pixel in 0..<plane {
                let value = self.values[channel * plane + pixel]
                bytes[3 * pixel + channel] =
                    value > 0 ? UInt8(min(value * 255, 255).rounded(.toNearestOrEven)) : 0
            }
        }
        return Picture(width: self.width, height: self.height, bytes: bytes)
    }

    /// The same mirrored: left is right.
    public var mirrored: PixelPlanes {
        var values = self.values
        for row in 0..<Self.count * self.height {
            values[row * self.width..<(row + 1) * self.width].reverse()
        }
        return PixelPlanes(width: self.width, height: self.height, values: values)
    }

    /// The ways to resize, as PyTorch's `interpolate` has them with `align_corners` false and no anti-aliasing.
    public enum Interpolation: Sendable {
        /// Between two pixels.
        case bilinear
        /// Among four, with a = −0.75.
        case bicubic
    }

    /// The picture in another size.
    public func resized(width: Int, height: Int, _ interpolation: Interpolation) -> PixelPlanes {
        if width == self.width, height == self.height { return self }
        let columns = Self.taps(from: self.width, to: width, interpolation)
        let rows = Self.taps(from: self.height, to: height, interpolation)
        var values = [Float](repeating: 0, count: Self.count * width * height)
        var line = [Float](repeating: 0, count: self.width)
        for plane in 0..<Self.count {
            for y in 0..<height {
                for x in 0..<self.width {
                    line[x] = rows[y].reduce(0) { sum, tap in
                        sum + tap.weight * self.values[(plane * self.height + tap.place) * self.width + x]
                    }
                }
                let first = (plane * height + y) * width
                for x in 0..<width {
                    values[first + x] = columns[x].reduce(0) { $0 + $1.weight * line[$1.place] }
                }
            }
        }
        return PixelPlanes(width: width, height: height, values: values)
    }

    private static func taps(
        from size: Int, to result: Int, _ interpolation: Interpolation
    ) -> [[(place: Int, weight: Float)]] {
        let scale = Double(size) / Double(result)
        return (0..<result).map { index in
            let middle = (Double(index) + 0.5) * scale - 0.5
            switch interpolation {
            case .bilinear:
                let place = max(middle, 0), first = min(Int(place), size - 1), share = place - Double(first)
                return [(first, Float(1 - share)), (min(first + 1, size - 1), Float(share))]
            case .bicubic:
                let first = middle.rounded(.down), share = middle - first
                return (-1...2).map { step in
                    (min(max(Int(first) + step, 0), size - 1), Float(Self.cubic(Double(step) - share)))
                }
            }
        }
    }

    private static func cubic(_ x: Double) -> Double {
        let a = -0.75, x = abs(x)
        if x <= 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
        return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0
    }
}
