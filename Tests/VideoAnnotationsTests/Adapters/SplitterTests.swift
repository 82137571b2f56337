// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records
import TaskRooms
import Testing
import VideoAnnotations

@Suite struct NarrationFileSplitterTests {
    private static func pieces(_ path: String, chunkBytes: Int = 1 << 20) throws -> [NarrationPiece] {
        var splitter = try NarrationFileSplitter(path: path, chunkBytes: chunkBytes)
        var pieces: [NarrationPiece] = []
        while let piece = try splitter.next() { pieces.append(piece) }
        return pieces
    }

    private static func texts(_ pieces: [NarrationPiece]) -> [String] {
        pieces.map { piece in
            switch piece {
            case .video(let raw): "\(raw.uid)@\(raw.line):\(raw.offset)=\(String(decoding: raw.bytes, as: UTF8.self))"
            case .problem(let problem): "\(problem.reason) \(problem.message)"
            }
        }
    }

    @Test func chunkBoundaryAtEveryByte() throws {
        let text = #"""
            { "version" : "2.0", "a\"\u00e9" : {"k\\": "]}\"\\", "x":[1,{"}":"{"}]} ,
              "b":[],"c": "text \\" ,
              "d" : 12.5e3 , "videos": { "e": {"narrations": [ {"time": 1.5, "text": "\u0007 ü \n"} ]},"f":null } }

            """#
        let file = try TemporaryFile(text)
        let whole = try Self.texts(Self.pieces(file.path))
        #expect(whole.count == 6)
        #expect(whole[0] == #"a"é@1:35={"k\\": "]}\"\\", "x":[1,{"}":"{"}]}"#)
        #expect(whole[1...3].map { $0.split(separator: "=")[1] } == ["[]", #""text \\""#, "12.5e3"])
        #expect(whole[4].hasPrefix("e@3:"))
        #expect(whole[5].hasSuffix("=null"))
        for chunkBytes in 1...text.utf8.count + 1 {
            #expect(try Self.texts(Self.pieces(file.path, chunkBytes: chunkBytes)) == whole, "chunks of \(chunkBytes)")
        }
    }

    @Test func truncationAtEveryByte() throws {
        let bytes = Bytes(#"{"a": {"narrations": []}, "b": {"x": "}\""}}"#.utf8)
        for count in 0..<bytes.count {
            let file = try TemporaryFile(Bytes(bytes.prefix(count)))
            var splitter = try NarrationFileSplitter(path: file.path)
            var whole = 0
            let error = #expect(throws: SourceError.self) {
                while try splitter.next() != nil { whole += 1 }
            }
            #expect(whole == (count >= 44 - 1 ? 2 : count >= 24 ? 1 : 0), "\(count) bytes")
            #expect(error?.offset == count)
            #expect(error?.line == 1)
            #expect(error?.file == file.path)
        }
    }

    @Test func wrapperAndHeadersAreNoVideos() throws {
        let file = try TemporaryFile(
            #"{"version":"2","date":"230105","description":"d","videos":{"a":{},"b":{}},"metadata":{"x":1}}"#)
        #expect(try Self.texts(Self.pieces(file.path)) == ["a@1:63={}", "b@1:70={}"])
    }

    @Test func secondOccurrenceIsAProblem() throws {
        let file = try TemporaryFile("{\"a\": {},\n\"b\": {}, \"a\": {\"x\": 1}}")
        let pieces = try Self.pieces(file.path)
        try #require(pieces.count == 3)
        guard case .problem(let problem) = pieces[2] else {
            Issue.record("a duplicate was handed out")
            return
        }
        #expect(problem.reason == "duplicate-video")
        #expect(problem.key == "a")
        #expect(problem.raw == Bytes(#"{"x": 1}"#.utf8))
        #expect(problem.message.contains("line 2, byte 24"))
    }

    @Test func listOfVideosIsAnotherKindOfFile() throws {
        let file = try TemporaryFile(#"{"videos": [{"video_uid": "a"}]}"#)
        let error = #expect(throws: SourceError.self) { try Self.pieces(file.path) }
        #expect(error?.message.contains("--metadata") == true)
    }

    @Test(arguments: [
        ("", "empty"), ("  \n", "empty"), ("hello", "not JSON"), (#"{"a" {}}"#, "colon"),
        (#"{"a": {} "b": {}}"#, "comma"),
        (#"{"a": , "b": {}}"#, "a value"), ("{} {}", "unexpected text"), ("{a: {}}", "key"), ("[1, 2]", "list"),
        ("\u{1f}\u{8b}\u{8}", "not JSON"),
    ])
    func brokenFilesSayWhere(text: String, part: String) throws {
        let file = try TemporaryFile(text)
        let error = #expect(throws: SourceError.self) { try Self.pieces(file.path) }
        #expect(error?.message.contains(part) == true, "\(error?.description ?? "")")
        #expect(error?.line == 1 || text.contains("\n"))
    }

    @Test func compressedAndMissingFilesAreNamed() throws {
        let file = try TemporaryFile([0x1f, 0x8b, 0x08, 0x00, 0x00])
        let gzip = #expect(throws: SourceError.self) { try Self.pieces(file.path) }
        #expect(gzip?.message.contains("gunzip") == true)
        let missing = #expect(throws: SourceError.self) { try Self.pieces(file.path + "x") }
        #expect(missing?.message.contains("No such file") == true)
        let folder = #expect(throws: SourceError.self) { try Self.pieces("/") }
        #expect(folder?.message.contains("is a folder") == true)
    }

    @Test func invalidKeysAndByteOrderMark() throws {
        let bad = try TemporaryFile(Bytes(#"{"a": {}, ""#.utf8) + [0xff, 0x22, 0x3a, 0x31, 0x7d])
        let error = #expect(throws: SourceError.self) { try Self.pieces(bad.path) }
        #expect(error?.offset == 10)
        let marked = try TemporaryFile([0xef, 0xbb, 0xbf] + Bytes(#"{"a": {}, "": {}}"#.utf8))
        let texts = try Self.texts(Self.pieces(marked.path))
        #expect(texts[0] == "a@1:9={}")
        #expect(texts[1].hasPrefix("bad-uid"))
    }

    @Test func tooLargeAVideoIsAProblemAndTheRestGoesOn() throws {
        let filler = String(repeating: "x", count: SourceLimits.videoBytesMax)
        let file = try TemporaryFile(#"{"big": {"x": "\#(filler)"}, "small": {}}"#)
        let pieces = try Self.pieces(file.path)
        try #require(pieces.count == 2)
        guard case .problem(let problem) = pieces[0] else {
            Issue.record("a huge video was handed out")
            return
        }
        #expect(problem.reason == "video-too-large")
        #expect(problem.raw.count < 66_000)
        #expect(String(decoding: problem.raw, as: UTF8.self).hasSuffix("…[cut: \(filler.count + 9) bytes in all]"))
        #expect(
            pieces[1]
                == .video(
                    RawVideo(
                        file: file.path, uid: "small", bytes: Bytes("{}".utf8), offset: filler.count + 28, line: 1)))
    }
}
