// SPDX-License-Identifier: Apache-2.0

/// A picture of 8-bit red, green and blue.
public struct Picture: Hashable, Sendable {
    /// The pixels in a row.
    public let width: Int
    /// The rows.
    public let height: Int
    /// Row by row from the top, three bytes a pixel.
    public let bytes: [UInt8]

    /// The most pixels along a side of what is read.
    public static let sideMax = 1 << 15
    /// The most pixels of what is read.
    public static let pixelsMax = 1 << 26

    /// Takes pixels.
    /// - Precondition: the bytes fill the picture, which has a pixel at least.
    public init(width: Int, height: Int, bytes: [UInt8]) {
        precondition(width > 0 && height > 0 && bytes.count == 3 * width * height, "\(width) × \(height) pixels")
        self.width = width
        self.height = height
        self.bytes = bytes
    }

    /// The pixels of a part.
    /// - Precondition: it lies in the picture.
    public func cropped(x: Int, y: Int, width: Int, height: Int) -> Picture {
        precondition(x >= 0 && y >= 0 && x + width <= self.width && y + height <= self.height, "a part of the picture")
        if width == self.width, height == self.height { return self }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(3 * width * height)
        for row in y..<y + height {
            let first = 3 * (row * self.width + x)
            bytes += self.bytes[first..<first + 3 * width]
        }
        return Picture(width: width, height: height, bytes: bytes)
    }

    /// The square in the middle, as wide as the shorter side; an odd pixel is left on the right, or below.
    public var centralSquare: Picture {
        let side = min(self.width, self.height)
        return self.cropped(x: (self.width - side) / 2, y: (self.height - side) / 2, width: side, height: side)
    }

    /// The picture turned counter-clockwise by quarters of a circle.
    public func turned(quarters: Int) -> Picture {
        let quarters = ((quarters % 4) + 4) % 4
        guard quarters > 0 else { return self }
        let isSwapped = quarters % 2 == 1
        let (width, height) = isSwapped ? (self.height, self.width) : (self.width, self.height)
        var bytes = [UInt8](repeating: 0, count: self.bytes.count)
        for y in 0..<height {
            for x in 0..<width {
                let (fromX, fromY) =
                    switch quarters {
                    case 1: (self.width - 1 - y, x)
                    case 2: (self.width - 1 - x, self.height - 1 - y)
                    default: (y, self.height - 1 - x)
                    }
                let from = 3 * (fromY * self.width + fromX), to = 3 * (y * width + x)
                for channel in 0..<3 { bytes[to + channel] = self.bytes[from + channel] }
            }
        }
        return Picture(width: width, height: height, bytes: bytes)
    }

    /// The size of this picture with a shorter side of `shortSide`: each side is rounded to the nearest whole pixel.
    public func size(shortSide: Int) -> (width: Int, height: Int) {
        let shorter = min(self.width, self.height)
        func scaled(_ side: Int) -> Int { (2 * side * shortSide + shorter) / (2 * shorter) }
        return (max(scaled(self.width), 1), max(scaled(self.height), 1))
    }
}
