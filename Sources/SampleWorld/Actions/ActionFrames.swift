// SPDX-License-Identifier: Apache-2.0

import Pictures

/// Renders the segments of a clip as tiny videos: a coloured shape on grey noise. A verb is its motion, a noun its
/// colour and form. They are one tensor, uint8 (segments, 3, frames, height, width), in a safetensors file.
enum ActionFrames {
    static let frames = 16
    static let side = 32
    /// The frame half way through a segment.
    static let middle = 8
    /// The colours; nouns beyond them have them again, as discs in place of squares.
    private static let colours: [(red: Int, green: Int, blue: Int)] = [
        (230, 40, 40), (40, 210, 60), (50, 80, 240), (235, 220, 50), (220, 60, 220), (60, 220, 220), (245, 245, 245),
        (240, 140, 30),
    ]
    /// The directions of the ring's verbs, 30 degrees apart, in 256ths of a pixel a frame.
    private static let steps: [(x: Int, y: Int)] = [
        (256, 0), (222, 128), (128, 222), (0, 256), (-128, 222), (-222, 128), (-256, 0), (-222, -128), (-128, -222),
        (0, -256), (128, -222), (222, -128),
    ]

    /// The file of a clip.
    static func file(of clip: ActionClipPlan, seed: UInt64) -> [UInt8] {
        let size = 3 * Self.frames * Self.side * Self.side
        var pixels = [UInt8](repeating: 0, count: clip.segments.count * size)
        for (index, segment) in clip.segments.enumerated() {
            var generator = SeededGenerator(seed: seed, stream: .actionFrames, index: clip.index, part: index)
            Self.render(segment, into: &pixels, at: index * size, &generator)
        }
        return Self.safetensors(
            "video", [clip.segments.count, 3, Self.frames, Self.side, Self.side], pixels)
    }

    /// A segment's first frame, and one half way: what is before an action, and what it is in its course.
    static func pair(of clip: ActionClipPlan, segment index: Int, seed: UInt64) -> (input: Picture, target: Picture) {
        var pixels = [UInt8](repeating: 0, count: 3 * Self.frames * Self.side * Self.side)
        var generator = SeededGenerator(seed: seed, stream: .actionFrames, index: clip.index, part: index)
        Self.render(clip.segments[index], into: &pixels, at: 0, &generator)
        func picture(_ frame: Int) -> Picture {
            let plane = Self.side * Self.side
            let bytes = (0..<plane).flatMap { pixel in
                (0..<3).map { pixels[($0 * Self.frames + frame) * plane + pixel] }
            }
            return Picture(width: Self.side, height: Self.side, bytes: bytes)
        }
        return (picture(0), picture(Self.middle))
    }

    private static func render(
        _ segment: ActionClipPlan.Segment, into pixels: inout [UInt8], at first: Int,
        _ generator: inout SeededGenerator
    ) {
        let plane = Self.side * Self.side
        var x = 256 * generator.within(8...23)
        var y = 256 * generator.within(8...23)
        let colour = Self.colours[segment.noun % Self.colours.count]
        let isDisc = segment.noun >= Self.colours.count
        for frame in 0..<Self.frames {
            let radius = Self.radius(of: segment.verb, frame)
            for row in 0..<Self.side {
                for column in 0..<Self.side {
                    let pixel = first + frame * plane + row * Self.side + column
                    let (dx, dy) = (Self.distance(column, x), Self.distance(row, y))
                    let isInside = isDisc ? dx * dx + dy * dy <= radius * radius : dx <= radius && dy <= radius
                    let noise = Int(generator.next() & 31)
                    let channel = Self.frames * plane
                    pixels[pixel] = UInt8(isInside ? max(colour.red - noise, 0) : 20 + noise)
                    pixels[pixel + channel] = UInt8(isInside ? max(colour.green - noise, 0) : 20 + noise)
                    pixels[pixel + 2 * channel] = UInt8(isInside ? max(colour.blue - noise, 0) : 20 + noise)
                }
            }
            guard segment.verb < Self.steps.count else { continue }
            x += Self.steps[segment.verb].x
            y += Self.steps[segment.verb].y
        }
    }

    /// Half the width in 256ths of a pixel: that of a verb of the ring stays, the others grow, shrink, blink, rest.
    private static func radius(of verb: Int, _ frame: Int) -> Int {
        switch verb - ActionLexicon.ringVerbs {
        case 0: 256 + 96 * frame
        case 1: 256 + 96 * (Self.frames - 1 - frame)
        case 2: frame / 2 % 2 == 0 ? 1024 : 0
        case 3: 512
        default: 896
        }
    }

    /// The distance of a pixel's middle to a place, in 256ths, on a picture whose edges meet.
    private static func distance(_ pixel: Int, _ place: Int) -> Int {
        let whole = 256 * Self.side
        let apart = abs((256 * pixel + 128 - place) % whole)
        return min(apart, whole - apart)
    }

    /// A safetensors file with one tensor of bytes.
    static func safetensors(_ name: String, _ shape: [Int], _ bytes: [UInt8]) -> [UInt8] {
        var header = Array(
            "{\"\(name)\":{\"dtype\":\"U8\",\"shape\":\(shape),\"data_offsets\":[0,\(bytes.count)]}}".utf8)
        header.removeAll { $0 == UInt8(ascii: " ") }
        while header.count % 8 != 0 { header.append(UInt8(ascii: " ")) }
        var file: [UInt8] = []
        file.reserveCapacity(8 + header.count + bytes.count)
        withUnsafeBytes(of: UInt64(header.count).littleEndian) { file += $0 }
        return file + header + bytes
    }
}
