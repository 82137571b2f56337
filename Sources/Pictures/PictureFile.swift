// SPDX-License-Identifier: Apache-2.0

/// The reason why bytes are not a picture.
public struct PictureError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The fault, in words that go behind a file's name.
    public let description: String

    /// Describes a fault.
    public init(_ description: String) { self.description = description }
}

extension Picture {
    /// The sides of a picture that is read from a file.
    static let sides = 1...16384

    /// Reads a PNG of 8 bits a channel, without interlacing: grey, colours, a palette, with or without transparency,
    /// which is left out. Or a PPM of the binary kind with 255 as its largest number.
    /// - Throws: `PictureError` where the bytes are none of these, cut short or damaged.
    public init(parsing bytes: [UInt8]) throws(PictureError) {
        if bytes.starts(with: [0x50, 0x36]) {
            self = try PPM.read(bytes)
        } else {
            self = try PNG.read(bytes)
        }
    }

    /// The picture as a PNG, without compression. The same picture gives the same bytes.
    public var png: [UInt8] { PNG.write(self) }
}

/// The binary kind of portable pixmaps.
private enum PPM {
    static func read(_ bytes: [UInt8]) throws(PictureError) -> Picture {
        var place = 2
        func number() throws(PictureError) -> Int {
            var value: Int?
            while place < bytes.count {
                let byte = bytes[place]
                if value == nil, byte == 0x23 {
                    while place < bytes.count, bytes[place] != 0x0a { place += 1 }
                } else if 0x30...0x39 ~= byte {
                    value = (value ?? 0) * 10 + Int(byte - 0x30)
                    guard value ?? 0 <= 1 << 20 else { throw PictureError("has a number that is too large") }
                } else if let value {
                    place += 1
                    return value
                } else if ![0x20, 0x09, 0x0a, 0x0d].contains(byte) {
                    break
                }
                place += 1
            }
            throw PictureError("ends, or holds something else, where a number belongs")
        }
        let width = try number(), height = try number(), largest = try number()
        guard Picture.sides.contains(width), Picture.sides.contains(height), largest == 255 else {
            throw PictureError("is \(width) × \(height) up to \(largest), and 255 and sides of 1 to 16384 are read")
        }
        guard bytes.count - place >= 3 * width * height else { throw PictureError("is cut short") }
        return Picture(width: width, height: height, bytes: Array(bytes[place..<place + 3 * width * height]))
    }
}
