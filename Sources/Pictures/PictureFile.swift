// SPDX-License-Identifier: Apache-2.0

/// A reason why bytes are no picture that is read here.
public struct PictureFault: Error, Hashable, Sendable, CustomStringConvertible {
    /// The reason.
    public var message: String

    /// Says a reason.
    public init(_ message: String) { self.message = message }

    /// Equals `message`.
    public var description: String { self.message }
}

extension Picture {
    /// Reads a PNG of 8 bits a channel, without interlacing: grey, colours, a palette, with or without transparency,
    /// which is left out. Or a PPM of the binary kind with 255 as its largest number.
    /// - Throws: `PictureFault` where the bytes are none of these, cut short or damaged.
    public init(parsing bytes: [UInt8]) throws(PictureFault) {
        if bytes.starts(with: [0x50, 0x36]) {
            self = try PortablePixmap.picture(bytes)
        } else {
            self = try PNG.read(bytes)
        }
    }

    /// The picture as a PNG, without compression. The same picture gives the same bytes.
    public var png: [UInt8] { PNG.write(self) }
}
