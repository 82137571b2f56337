// SPDX-License-Identifier: Apache-2.0

import Codecs
import TaskRooms
import Testing

@Suite struct LineReaderTests {
    private struct Line: Hashable {
        var text: String
        var line: Int
        var offset: Int
        var isEnded = true
    }

    @Test("Lines are the same in chunks of any size", arguments: [1, 2, 3, 5, 1 << 20])
    func chunks(chunkBytes: Int) throws {
        let file = try TemporaryFile("a\r\nbb\n\n\rc\nlast")
        var lines = LineReader(try FileReader(path: file.path, chunkBytes: chunkBytes))
        var found: [Line] = []
        while try lines.next() {
            let text = String(decoding: lines.bytes, as: UTF8.self)
            found.append(Line(text: text, line: lines.line, offset: lines.offset, isEnded: lines.isEnded))
        }
        #expect(
            found == [
                Line(text: "a", line: 1, offset: 0), Line(text: "bb", line: 2, offset: 3),
                Line(text: "", line: 3, offset: 6), Line(text: "\rc", line: 4, offset: 7),
                Line(text: "last", line: 5, offset: 10, isEnded: false),
            ])
    }

    @Test("Of a line over the limit the beginning is kept, and the next is read")
    func tooLong() throws {
        let count = SourceLimits.lineBytesMax + 1
        let file = try TemporaryFile(Bytes(repeating: 0x78, count: count) + Bytes("\nnext\n".utf8))
        var lines = LineReader(try FileReader.text(path: file.path))
        #expect(try lines.next())
        #expect(lines.isTooLong && lines.byteCount == count)
        #expect(lines.bytes == Bytes(repeating: 0x78, count: SourceProblem.rawBytesMax))
        #expect(try lines.next())
        #expect(!lines.isTooLong && lines.bytes == Bytes("next".utf8) && lines.offset == count + 1)
        #expect(try !lines.next())
    }

    @Test("A problem names the line")
    func problem() throws {
        let file = try TemporaryFile("one\ntwo\n")
        var lines = LineReader(try FileReader.text(path: file.path))
        _ = try lines.next()
        _ = try lines.next()
        let problem = lines.problem(SourceFault(SourceReason.wrongType, "no number"), key: "k")
        #expect(problem.message == "\(file.path), line 2, byte 4: no number")
        #expect(problem.reason == "wrong-type" && problem.key == "k" && problem.raw == Bytes("two".utf8))
    }

    @Test("What is no text, or not there, is refused with the remedy")
    func refused() throws {
        for (mark, words) in [
            ([0x1f, 0x8b], "gunzip"), ([0x28, 0xb5, 0x2f, 0xfd], "zstd -d"), ([0x50, 0x4b, 0x03, 0x04], "unzip"),
        ] as [(Bytes, String)] {
            let file = try TemporaryFile(mark + Bytes("rest".utf8))
            let error = #expect(throws: SourceError.self) { try FileReader.text(path: file.path) }
            #expect(error?.message.contains(words) == true)
        }
        let gone = #expect(throws: SourceError.self) { try FileReader.text(path: "/none/such") }
        #expect(gone?.isMissing == true)
        // A byte-order mark is no part of the first line.
        let marked = try TemporaryFile([0xef, 0xbb, 0xbf] + Bytes("a\n".utf8))
        var lines = LineReader(try FileReader.text(path: marked.path))
        #expect(try lines.next() && lines.bytes == Bytes("a".utf8))
    }
}

@Suite struct JSONSplitterTests {
    private func pieces(
        _ text: String, _ layout: JSONLayout, chunkBytes: Int = 1 << 20, pieceBytesMax: Int = 1 << 20
    ) throws -> [JSONPiece] {
        let file = try TemporaryFile(text)
        var splitter = JSONSplitter(
            try FileReader(path: file.path, chunkBytes: chunkBytes), layout: layout, pieceBytesMax: pieceBytesMax)
        var pieces: [JSONPiece] = []
        while let piece = try splitter.next() { pieces.append(piece) }
        return pieces
    }

    @Test("Members are opened, taken whole or passed over, in chunks of any size", arguments: [1, 2, 3, 7, 1 << 20])
    func layout(chunkBytes: Int) throws {
        let text = #"{"a": {"x":"]}\""}, "list": [1,{"b":2}],"# + "\n" + #""skip": [[0]], "of": {"k\u0031": null}}"#
        let pieces = try self.pieces(
            text, JSONLayout(opening: ["list", "of"], taking: ["a"]), chunkBytes: chunkBytes)
        #expect(
            pieces.map { String(decoding: $0.bytes, as: UTF8.self) } == [#"{"x":"]}\""}"#, "1", #"{"b":2}"#, "null"])
        #expect(pieces.map(\.container) == [nil, "list", "list", "of"])
        #expect(pieces.map(\.key) == ["a", nil, nil, "k1"])
        #expect(pieces.map(\.line) == [1, 1, 1, 2] && pieces[0].offset == 6)
    }

    @Test("Of a value over the limit the beginning is kept, and the next is read")
    func tooLarge() throws {
        let long = String(repeating: "x", count: 100 << 10)
        let pieces = try self.pieces("[\"\(long)\",2]", JSONLayout(opening: [], taking: nil), pieceBytesMax: 70 << 10)
        #expect(pieces.map(\.isCut) == [true, false])
        #expect(pieces[0].bytes.count == SourceProblem.rawBytesMax && pieces[0].byteCount == long.count + 2)
    }

    @Test("A file that breaks off anywhere is an error")
    func truncated() throws {
        let text = #"{"a": [1, {"b": "c"}], "d": {"e": 2.5}}"#
        for count in 0..<text.utf8.count {
            #expect(throws: SourceError.self, "\(count) bytes") {
                try self.pieces(String(text.prefix(count)), JSONLayout(opening: ["a"], taking: nil))
            }
        }
    }

    @Test("A member that is malformed does not spoil the others")
    func shallow() throws {
        let text = Bytes(#"{"good": 1.5, "bad": 01, "list": [1, x, {"y": 2}], "text": 7, "none": null}"#.utf8)
        try text.withUnsafeBufferPointer { bytes in
            let object = try ShallowObject(bytes)
            #expect(try object.entry("good", "none").seconds("good") == 1.5)
            let bad = #expect(throws: SourceFault.self) { try object.entry("bad") }
            #expect(bad?.reason == SourceReason.malformedJSON && bad?.message.hasPrefix("`bad`: ") == true)
            let wrong = #expect(throws: SourceFault.self) { try object.entry("text").text("text") }
            #expect(wrong?.reason == SourceReason.wrongType)
            let missing = #expect(throws: SourceFault.self) { try object.entry("none").text("none") }
            #expect(missing?.reason == SourceReason.missingKey)
            var elements: [String] = []
            try object.forEachElement(of: "list") { elements.append(String(decoding: bytes[$0], as: UTF8.self)) }
            #expect(elements == ["1", "x", #"{"y": 2}"#])
        }
    }
}
