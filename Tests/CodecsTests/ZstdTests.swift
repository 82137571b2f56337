// SPDX-License-Identifier: Apache-2.0

import Codecs
import Fuzzing
import Testing

@Suite("Zstd") struct ZstdTests {
    /// Text as shards and logs hold it, of some size in bytes.
    private static func text(_ count: Int) -> Bytes {
        var text: Bytes = []
        var number = 0
        while text.count < count {
            text += Bytes(#"{"id":"\#(ContentHash.uuid5(String(number)))","query":"Where was \#(number % 7)?"}"#.utf8)
            number += 1
        }
        return Bytes(text.prefix(count))
    }

    private static func frame(
        _ content: Bytes, checksums: Bool = false, against dictionary: ZstdDictionary? = nil
    ) throws -> Bytes {
        let compressor = try ZstdCompressor(level: 3, checksums: checksums)
        var frame = Bytes(repeating: 0, count: Zstandard.frameBytesMax(ofContent: content.count))
        let size = try frame.withUnsafeMutableBytes { frame in
            try content.withUnsafeBytes { try compressor.compress($0, against: dictionary, into: frame) }
        }
        return Bytes(frame.prefix(try #require(size)))
    }

    private static func content(_ frame: Bytes, size: Int, against base: Bytes = []) throws -> Bytes {
        try frame.withUnsafeBytes { try ZstdDecompressor().decompress($0, size: size, against: base) }
    }

    private static func compressedSize(_ frame: Bytes) throws -> Int? {
        try frame.withUnsafeBytes { try Zstandard.compressedSize($0) }
    }

    @Test(arguments: [0, 1, 100, 100_000, 3_000_000]) func `content comes back`(count: Int) throws {
        for content in [Self.text(count), Bytes(repeating: 0x61, count: count)] {
            let plain = try Self.frame(content)
            let checked = try Self.frame(content, checksums: true)
            #expect(checked.count == plain.count + 4)
            for frame in [plain, checked] {
                #expect(try Self.content(frame, size: content.count) == content)
                #expect(frame.withUnsafeBytes { Zstandard.isFrame($0) && !Zstandard.isSkippableFrame($0) })
                #expect(frame.withUnsafeBytes { Zstandard.contentSize($0) } == content.count)
                #expect(try Self.compressedSize(frame) == frame.count)
                #expect(try Self.compressedSize(Bytes(frame.dropLast())) == nil)
            }
        }
    }

    @Test(arguments: [2000, 3_000_000]) func `a dictionary makes frames smaller and is needed again`(count: Int) throws
    {
        let base = Self.text(8000)
        let dictionary = try #require(ZstdDictionary(base, level: 3))
        // Large ones are all one text over and over, which is read piece by piece.
        let content = Bytes((0..<count).map { base[$0 % 2000] })
        let frame = try Self.frame(content, against: dictionary)
        #expect(frame.count < (try Self.frame(content)).count)
        #expect(try Self.content(frame, size: count, against: base) == content)
        #expect(throws: ZstdError.self) { try Self.content(frame, size: count) }
    }

    @Test func `a frame that does not fit its room is none, and levels have bounds`() throws {
        let compressor = try ZstdCompressor(level: 3)
        var room = Bytes(repeating: 0, count: 20)
        let size = try room.withUnsafeMutableBytes { room in
            try Self.text(1000).withUnsafeBytes { try compressor.compress($0, into: room) }
        }
        #expect(size == nil)
        for level in [Int.min, 0, 23, .max] {
            let error = #expect(throws: ZstdError.self) { _ = try ZstdCompressor(level: level) }
            #expect(error?.message.contains("1 to 22") == true)
        }
    }

    @Test func `sizes that a frame cannot have are errors`() throws {
        let frame = try Self.frame(Self.text(5000))
        for size in [Int.min, -1, 0, 4999, 5001, 1 << 31, 1 << 62, .max] {
            #expect(throws: ZstdError.self) { try Self.content(frame, size: size) }
        }
        let bomb = try Self.frame(Bytes(repeating: 0, count: 64 << 20))
        for size in [1 << 20, (64 << 20) - 1, (64 << 20) + 1] {
            #expect(throws: ZstdError.self) { try Self.content(bomb, size: size) }
        }
        #expect(throws: ZstdError.self) { try Self.content(frame + frame, size: 5000) }
    }

    @Test(arguments: [1, 7, 100_000]) func `a stream gives what it was given, in whatever pieces`(step: Int) throws {
        let content = Self.text(step == 1 ? 20_000 : 500_000)
        let compression = try ZstdCompressionStream(level: 3, checksums: true)
        var compressed: Bytes = []
        for start in stride(from: 0, to: content.count, by: 90_001) {
            let piece = Bytes(content[start..<min(content.count, start + 90_001)])
            compressed += try compression.compress(piece, isLast: false)
        }
        compressed += try compression.compress([], isLast: true)
        compressed += try compression.compress(Bytes("next".utf8), isLast: true)

        var decompression = try ZstdDecompressionStream()
        var found: Bytes = []
        for start in stride(from: 0, to: compressed.count, by: step) {
            let bytes = Bytes(compressed[start..<min(compressed.count, start + step)])
            var position = 0
            while true {
                let piece = try decompression.content(of: bytes, from: &position)
                found += piece
                if piece.isEmpty, position == bytes.count { break }
            }
        }
        #expect(found == content + Bytes("next".utf8))
        let isInsideFrame = decompression.isInsideFrame
        #expect(!isInsideFrame)
    }

    @Test func `broken frames are errors or the content`() throws {
        let content = Self.text(3000)
        let frame = try Self.frame(content, checksums: true)
        for input in Fuzz("zstd", seeds: [frame], tokens: .text, seconds: 2) {
            if let found = try? Self.content(input.bytes, size: content.count) {
                try #require(found == content, "\(input)")
            }
            _ = try? Self.content(input.bytes, size: 1 << 24)
            _ = input.bytes.withUnsafeBytes { Zstandard.contentSize($0) }
            _ = try? Self.compressedSize(input.bytes)
            var stream = try ZstdDecompressionStream()
            var position = 0
            var taken = 0
            while let piece = try? stream.content(of: input.bytes, from: &position) {
                taken += piece.count
                if piece.isEmpty, position == input.bytes.count { break }
                try #require(taken < 1 << 30, "\(input)")
            }
        }
    }
}
