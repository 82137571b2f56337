// SPDX-License-Identifier: Apache-2.0

import Pictures
import Testing

/// Pictures cut, turned, resized and written.
@Suite struct PictureTests {
    /// A picture whose pixels all differ.
    private static func picture(_ width: Int, _ height: Int) -> Picture {
        var bytes: [UInt8] = []
        for pixel in 0..<width * height { bytes += [UInt8(pixel % 251), UInt8(pixel / 251 % 256), UInt8(pixel % 7)] }
        return Picture(width: width, height: height, bytes: bytes)
    }

    private static func pixel(_ picture: Picture, _ x: Int, _ y: Int) -> ArraySlice<UInt8> {
        picture.bytes[3 * (y * picture.width + x)..<3 * (y * picture.width + x) + 3]
    }

    @Test func aPartHasItsPixels() {
        let whole = Self.picture(9, 5), part = whole.cropped(x: 2, y: 1, width: 4, height: 3)
        for y in 0..<3 {
            for x in 0..<4 { #expect(Self.pixel(part, x, y) == Self.pixel(whole, x + 2, y + 1)) }
        }
        let square = whole.centralSquare
        #expect(square.width == 5 && Self.pixel(square, 0, 0) == Self.pixel(whole, 2, 0))
    }

    @Test func turningGoesCounterClockwise() {
        let whole = Self.picture(4, 3), turned = whole.turned(quarters: 1)
        #expect(turned.width == 3 && turned.height == 4)
        // The upper right corner comes to the upper left.
        #expect(Self.pixel(turned, 0, 0) == Self.pixel(whole, 3, 0))
        #expect(Self.pixel(turned, 0, 3) == Self.pixel(whole, 0, 0))
        #expect(turned.turned(quarters: 3) == whole && whole.turned(quarters: 2) == turned.turned(quarters: 1))
        #expect(whole.turned(quarters: 4) == whole && whole.turned(quarters: -1) == whole.turned(quarters: 3))
    }

    /// Rounding down would make a side of 383 of these widths.
    @Test(arguments: [47, 94, 147, 540, 1920, 4000])
    func theShortSideIsWhole(_ width: Int) {
        let picture = Picture(
            width: width, height: width + 10, bytes: .init(repeating: 1, count: 3 * width * (width + 10)))
        let size = picture.size(shortSide: 384)
        #expect(size.width == 384 && size.height >= 384)
    }

    @Test(arguments: ResamplingFilter.allCases)
    func resizingKeepsAnEvenColour(_ filter: ResamplingFilter) {
        func colour(_ pixels: Int) -> [UInt8] {
            Array(repeating: [9, 200, 77] as [UInt8], count: pixels).flatMap { $0 }
        }
        let picture = Picture(width: 20, height: 10, bytes: colour(200))
        for (width, height) in [(7, 33), (20, 3), (41, 10)] {
            let resized = picture.resized(width: width, height: height, filter)
            #expect(resized.bytes == colour(width * height))
        }
        #expect(picture.resized(width: 20, height: 10, filter) == picture)
    }

    @Test func planesGoThereAndBack() {
        let picture = Self.picture(13, 6)
        #expect(PixelPlanes(picture).picture == picture)
        let wild = PixelPlanes(width: 1, height: 1, values: [-3, .nan, 7])
        #expect(wild.picture.bytes == [0, 0, 255])
    }

    @Test func aPixmapIsReadInPieces() throws {
        let picture = Self.picture(300, 2), file = PortablePixmap.file(picture)
        for length in 0..<11 { #expect(try PortablePixmap.head(file.prefix(length)) == nil) }
        let head = try #require(try PortablePixmap.head(file))
        #expect(head.width == 300 && head.height == 2 && head.start == file.count - picture.bytes.count)
    }

    @Test(arguments: [
        "P5\n3 3\n255\n", "P6\n0 3\n255\n", "P6\n99999999999 3\n255\n", "P6\n32000 32000\n255\n",
        "P6\n3 3\n65535\n", "P6 x", "P6" + String(repeating: " ", count: 80),
    ])
    func aHostileHeadIsRefused(_ text: String) {
        #expect(throws: PictureFault.self) { try PortablePixmap.head(Array(text.utf8)) }
    }

    @Test func theSamePicturesAreInfinitelyAlike() {
        let planes = PixelPlanes(Self.picture(12, 9))
        #expect(PixelScores.peakSignalToNoise(planes, planes) == .infinity)
        #expect(abs(PixelScores.structuralSimilarity(planes, planes) - 1) < 1e-12)
        #expect(PixelScores.structuralSimilarity(planes, planes.mirrored) < 0.99)
    }
}
