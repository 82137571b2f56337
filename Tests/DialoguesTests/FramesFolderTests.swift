// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Dialogues

/// Files of frames as ProAssist has them, and sequences that show what is not in them.
@Suite struct FramesFolderTests {
    /// Five rows in three batches, as Hugging Face's `ArrowWriter` writes them.
    private static let five = Data(
        base64Encoded: """
            //////gAAAAQAAAAAAAKAA4ABgAFAAgACgAAAAABBAAQAAAAAAAKAAwAAAAEAAgACgAAAIQAAAAEAAAAAQAAAAwAAAAIAAwABAAI \
            AAgAAAAIAAAAFAAAAAsAAABodWdnaW5nZmFjZQBIAAAAeyJpbmZvIjogeyJmZWF0dXJlcyI6IHsiZnJhbWUiOiB7ImR0eXBlIjog \
            InN0cmluZyIsICJfdHlwZSI6ICJWYWx1ZSJ9fX19AAAAAAEAAAAUAAAAEAAUAAgABgAHAAwAAAAQABAAAAAAAAEFEAAAABwAAAAE \
            AAAAAAAAAAUAAABmcmFtZQAAAAQABAAEAAAAAAAAAP////+YAAAAFAAAAAAAAAAMABYABgAFAAgADAAMAAAAAAMEABgAAAAYAAAA \
            AAAAAAAACgAYAAwABAAIAAoAAABMAAAAEAAAAAIAAAAAAAAAAAAAAAMAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAMAAAAAAAA \
            ABAAAAAAAAAAAgAAAAAAAAAAAAAAAQAAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAQAAAAIAAAAAAAAAeHgAAAAAAAD/////mAAAABQA \
            AAAAAAAADAAWAAYABQAIAAwADAAAAAADBAAYAAAAGAAAAAAAAAAAAAoAGAAMAAQACAAKAAAATAAAABAAAAACAAAAAAAAAAAAAAAD \
            AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAADAAAAAAAAAAQAAAAAAAAAAIAAAAAAAAAAAAAAAEAAAACAAAAAAAAAAAAAAAAAAAA \
            AAAAAAEAAAACAAAAAAAAAHh4AAAAAAAA/////5gAAAAUAAAAAAAAAAwAFgAGAAUACAAMAAwAAAAAAwQAGAAAABAAAAAAAAAAAAAK \
            ABgADAAEAAgACgAAAEwAAAAQAAAAAQAAAAAAAAAAAAAAAwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAgAAAAAAAAACAAAAAAA \
            AAABAAAAAAAAAAAAAAABAAAAAQAAAAAAAAAAAAAAAAAAAAAAAAABAAAAeAAAAAAAAAD/////AAAAAA==
            """, options: .ignoreUnknownCharacters)

    private static func rows(_ data: Data) throws -> Int {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).arrow")
        defer { try? FileManager.default.removeItem(at: url) }
        try data.write(to: url)
        return try ArrowRows.count(in: FileHandle(forReadingFrom: url))
    }

    @Test func `rows of all batches count, and a file that is cut is known wherever it is cut`() throws {
        let five = try #require(Self.five)
        #expect(try Self.rows(five) == 5)
        #expect(throws: ArrowRows.Fault.notArrow) { try Self.rows(Data()) }
        #expect(throws: ArrowRows.Fault.notArrow) { try Self.rows(Data("frames\n".utf8)) }
        for count in stride(from: 8, to: five.count, by: 8) {
            #expect(throws: ArrowRows.Fault.self) { try Self.rows(five.prefix(count)) }
        }
    }

    @Test func `no byte traps`() throws {
        let five = try #require(Self.five)
        for place in 0..<five.count {
            for byte in [0x00, 0x7f, 0x80, 0xff] as [UInt8] {
                var changed = five
                changed[changed.startIndex + place] = byte
                _ = try? Self.rows(changed)
            }
        }
    }

    private static func sequence(_ file: String, _ frames: Range<Int>) -> PreparedSequence {
        PreparedSequence(
            dataset: "ego4d", videoUID: "v", clip: 0, framesFile: file, limit: 4096, tokens: 9, tokensPerFrame: 1,
            hasSeparator: false, frames: frames, turns: [], rate: 2)
    }

    @Test func `sequences without their frames are found`() throws {
        let root = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: root) }
        try FileManager.default.createDirectory(
            at: root.appendingPathComponent("frames"), withIntermediateDirectories: true)
        let five = try #require(Self.five)
        try five.write(to: root.appendingPathComponent("frames/whole.arrow"))
        try five.prefix(five.count - 8).write(to: root.appendingPathComponent("frames/cut.arrow"))
        // Features lie side by side.
        try five.write(to: root.appendingPathComponent("features.arrow"))
        var folder = try FramesFolder(root.path)
        #expect(folder.fault(of: Self.sequence("frames/whole.arrow", 0..<5)) == nil)
        #expect(folder.fault(of: Self.sequence("frames/whole.arrow", 2..<6)) == .tooFew)
        #expect(folder.fault(of: Self.sequence("frames/cut.arrow", 0..<1)) == .unreadable)
        #expect(folder.fault(of: Self.sequence("frames/features.arrow", 0..<5)) == nil)
        #expect(folder.fault(of: Self.sequence("frames/none.arrow", 0..<1)) == .missing)
        #expect(folder.fault(of: Self.sequence("../whole.arrow", 0..<1)) == .missing)
        #expect(throws: (any Error).self) { try FramesFolder(root.path + "/nowhere") }
    }
}
