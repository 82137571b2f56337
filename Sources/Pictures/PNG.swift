// SPDX-License-Identifier: Apache-2.0

/// Portable network graphics (ISO/IEC 15948).
enum PNG {
    private static let signature: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]

    // MARK: Writing

    static func write(_ picture: Picture) -> [UInt8] {
        var lines: [UInt8] = []
        lines.reserveCapacity((3 * picture.width + 1) * picture.height)
        for line in 0..<picture.height {
            lines.append(0)
            lines += picture.bytes[line * 3 * picture.width..<(line + 1) * 3 * picture.width]
        }
        var file = self.signature
        self.append("IHDR", self.big(picture.width) + self.big(picture.height) + [8, 2, 0, 0, 0], to: &file)
        self.append("IDAT", self.stored(lines), to: &file)
        self.append("IEND", [], to: &file)
        return file
    }

    private static func big(_ value: Int) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    private static func append(_ name: String, _ data: [UInt8], to file: inout [UInt8]) {
        let body = Array(name.utf8) + data
        file += self.big(data.count) + body + self.big(Int(self.checksum(body)))
    }

    /// zlib's format with blocks as they are.
    private static func stored(_ data: [UInt8]) -> [UInt8] {
        var output: [UInt8] = [0x78, 0x01], place = 0
        output.reserveCapacity(data.count + data.count / 65535 * 5 + 16)
        repeat {
            let count = min(65535, data.count - place)
            output += [
                place + count == data.count ? 1 : 0, UInt8(count & 255), UInt8(count >> 8), UInt8(~count & 255),
                UInt8(~count >> 8 & 255),
            ]
            output += data[place..<place + count]
            place += count
        } while place < data.count
        var a: UInt32 = 1, b: UInt32 = 0
        for byte in data {
            a = (a + UInt32(byte)) % 65521
            b = (b + a) % 65521
        }
        return output + self.big(Int(b << 16 | a))
    }

    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? 0xedb8_8320 ^ value >> 1 : value >> 1 }
    }

    private static func checksum(_ bytes: some Sequence<UInt8>) -> UInt32 {
        ~bytes.reduce(0xffff_ffff as UInt32) { self.table[Int(($0 ^ UInt32($1)) & 255)] ^ $0 >> 8 }
    }

    // MARK: Reading

    private struct Header {
        let width: Int, height: Int, kind: UInt8

        var channels: Int {
            switch self.kind {
            case 2: 3
            case 4: 2
            case 6: 4
            default: 1
            }
        }

        init(_ data: ArraySlice<UInt8>) throws(PictureFault) {
            let bytes = Array(data)
            guard bytes.count == 13 else { throw PictureFault("it has a header of the wrong length") }
            self.width = PNG.number(bytes, 0)
            self.height = PNG.number(bytes, 4)
            self.kind = bytes[9]
            guard (1...Picture.sideMax).contains(self.width), (1...Picture.sideMax).contains(self.height),
                self.width * self.height <= Picture.pixelsMax
            else {
                throw PictureFault("it has \(self.width) × \(self.height) pixels")
            }
            guard bytes[8] == 8, [0, 2, 3, 4, 6].contains(self.kind), bytes[10] == 0, bytes[11] == 0, bytes[12] == 0
            else { throw PictureFault("it is a PNG of a kind that is not read; 8 bits a channel, not interlaced, are") }
        }
    }

    private static func number(_ bytes: [UInt8], _ place: Int) -> Int {
        bytes[place..<place + 4].reduce(0) { $0 << 8 | Int($1) }
    }

    static func read(_ bytes: [UInt8]) throws(PictureFault) -> Picture {
        guard bytes.starts(with: self.signature) else {
            throw PictureFault("it is neither a PNG nor a binary PPM; convert it to one of these")
        }
        var place = 8, header: Header?, palette: [UInt8] = [], data: [UInt8] = []
        while true {
            guard place + 12 <= bytes.count else { throw PictureFault("it is cut short") }
            let count = self.number(bytes, place)
            guard count <= bytes.count - place - 12 else { throw PictureFault("it is cut short") }
            let body = bytes[place + 4..<place + 8 + count]
            guard Int(self.checksum(body)) == self.number(bytes, place + 8 + count) else {
                throw PictureFault("it is damaged: a checksum does not fit")
            }
            switch String(decoding: body.prefix(4), as: UTF8.self) {
            case "IHDR": header = try Header(body.dropFirst(4))
            case "PLTE": palette = Array(body.dropFirst(4))
            case "IDAT": data += body.dropFirst(4)
            case "IEND":
                guard let header else { throw PictureFault("it has no header") }
                return try self.picture(header, palette, data)
            default: break
            }
            place += 12 + count
        }
    }

    private static func picture(
        _ header: Header, _ palette: [UInt8], _ data: [UInt8]
    ) throws(PictureFault) -> Picture {
        let length = header.width * header.channels
        let lines = try Inflate.zlib(data, size: (length + 1) * header.height)
        var before = [UInt8](repeating: 0, count: length), output: [UInt8] = []
        output.reserveCapacity(3 * header.width * header.height)
        for line in 0..<header.height {
            let start = line * (length + 1)
            var current = Array(lines[start + 1..<start + 1 + length])
            try self.restore(&current, before: before, lines[start], header.channels)
            for pixel in 0..<header.width {
                let first = pixel * header.channels
                switch header.kind {
                case 2, 6: output += current[first..<first + 3]
                case 3:
                    let entry = 3 * Int(current[first])
                    guard entry + 3 <= palette.count else { throw PictureFault("it names a colour that is not there") }
                    output += palette[entry..<entry + 3]
                default: output += [current[first], current[first], current[first]]
                }
            }
            before = current
        }
        return Picture(width: header.width, height: header.height, bytes: output)
    }

    /// Undoes a line's filter.
    private static func restore(
        _ line: inout [UInt8], before: [UInt8], _ filter: UInt8, _ step: Int
    ) throws(PictureFault) {
        guard filter <= 4 else { throw PictureFault("it has a line with a filter that is not known") }
        guard filter > 0 else { return }
        for index in line.indices {
            let left = index >= step ? Int(line[index - step]) : 0, up = Int(before[index])
            let corner = index >= step ? Int(before[index - step]) : 0, guess: Int
            switch filter {
            case 1: guess = left
            case 2: guess = up
            case 3: guess = (left + up) / 2
            default:
                let sum = left + up - corner
                let (a, b, c) = (abs(sum - left), abs(sum - up), abs(sum - corner))
                guess = a <= b && a <= c ? left : b <= c ? up : corner
            }
            line[index] = UInt8(truncatingIfNeeded: Int(line[index]) + guess)
        }
    }
}
