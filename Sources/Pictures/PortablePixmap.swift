// SPDX-License-Identifier: Apache-2.0

/// Pictures in the plainest of formats, PPM: `P6`, the width, the height, 255, and the pixels.
public enum PortablePixmap {
    /// The most bytes of a head.
    public static let headMax = 64

    /// Reads the head of a picture.
    /// - Returns: its size, and where its pixels begin; `nil` where more bytes are needed.
    /// - Throws: `PictureFault` where it is none, or larger than pictures are read.
    public static func head(
        _ bytes: some Collection<UInt8>
    ) throws(PictureFault) -> (width: Int, height: Int, start: Int)? {
        var numbers: [Int] = [], number: Int?, offset = 0, isNote = false
        for byte in bytes.prefix(Self.headMax) {
            defer { offset += 1 }
            if isNote {
                isNote = byte != UInt8(ascii: "\n")
                continue
            }
            switch (offset, byte) {
            case (0, UInt8(ascii: "P")), (1, UInt8(ascii: "6")): continue
            case (0, _), (1, _): throw PictureFault("it is no PPM picture")
            case (_, UInt8(ascii: "0")...UInt8(ascii: "9")):
                guard (number ?? 0) <= Picture.sideMax else { throw PictureFault("it is too large a PPM picture") }
                number = (number ?? 0) * 10 + Int(byte - UInt8(ascii: "0"))
            case (_, UInt8(ascii: " ")), (_, UInt8(ascii: "\n")), (_, UInt8(ascii: "\t")), (_, UInt8(ascii: "\r")):
                if let found = number { numbers.append(found) }
                number = nil
            case (_, UInt8(ascii: "#")) where number == nil: isNote = true
            default: throw PictureFault("its PPM head holds the byte \(byte)")
            }
            guard numbers.count == 3 else { continue }
            let (width, height) = (numbers[0], numbers[1])
            guard numbers[2] == 255 else { throw PictureFault("its values go to \(numbers[2]), not 255") }
            guard (1...Picture.sideMax).contains(width), (1...Picture.sideMax).contains(height),
                width * height <= Picture.pixelsMax
            else { throw PictureFault("it has \(width) × \(height) pixels") }
            return (width, height, offset + 1)
        }
        guard offset < Self.headMax else { throw PictureFault("its PPM head does not end") }
        return nil
    }

    /// Reads a file.
    /// - Throws: `PictureFault` where its head or its pixels are not whole.
    static func picture(_ bytes: [UInt8]) throws(PictureFault) -> Picture {
        guard let head = try Self.head(bytes), bytes.count - head.start >= 3 * head.width * head.height else {
            throw PictureFault("it is cut short")
        }
        let pixels = bytes[head.start..<head.start + 3 * head.width * head.height]
        return Picture(width: head.width, height: head.height, bytes: Array(pixels))
    }

    /// The file of a picture.
    public static func file(_ picture: Picture) -> [UInt8] {
        Array("P6\n\(picture.width) \(picture.height)\n255\n".utf8) + picture.bytes
    }
}
