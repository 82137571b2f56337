// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import Fuzzing
import Records
import Testing

@testable import Dialogues

/// The Python of the test tools, where it has the package `tokenizers`.
private enum TestPython {
    static let path: String? = {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let path = root.appending(path: ".build/test-tools/bin/python3").path
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        return (try? Self.run(path, "import tokenizers", []))?.status == 0 ? path : nil
    }()

    static func run(_ path: String, _ script: String, _ arguments: [String]) throws -> (status: Int32, output: Bytes) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = ["-c", script] + arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let bytes = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, Bytes(bytes))
    }
}

@Suite struct TokenizerTests {
    /// Trains byte pairs with LLaMA 3's split, writes the file, and encodes texts with it.
    private static let script = #"""
        import json, sys
        from tokenizers import Tokenizer, Regex, AddedToken, models, trainers, pre_tokenizers, decoders, processors
        pattern, merges_first, path = sys.argv[1], sys.argv[2] == "1", sys.argv[3]
        texts = json.load(open(sys.argv[4], encoding="utf-8"))
        t = Tokenizer(models.BPE(ignore_merges=merges_first))
        t.pre_tokenizer = pre_tokenizers.Sequence([
            pre_tokenizers.Split(Regex(pattern), "isolated", False),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
        t.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(vocab_size=900, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            special_tokens=[])
        t.train_from_iterator(texts["train"], trainer)
        t.add_special_tokens([AddedToken(s, normalized=False, special=True) for s in
            ["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|eot_id|>x"]])
        bos = t.token_to_id("<|begin_of_text|>")
        t.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(single="<|begin_of_text|> $A", pair="<|begin_of_text|> $A $B",
                special_tokens=[("<|begin_of_text|>", bos)])])
        t.save(path)
        t.add_special_tokens(["<image>"])
        print(json.dumps([{"ids": e.ids, "added": len(t.encode(s).ids)} for s in texts["encode"]
            for e in [t.encode(s, add_special_tokens=False)]]))
        """#

    private static let sentences = [
        "The user takes the red cup, and then pours 250 ml of water into it.",
        "Don't turn it off; I'LL do it. We'VE 12345 of them",
        "Next, whisk the batter until no lumps remain!\n\nThen wait.", "\tTabs  and   spaces \r\n\r\n lines\n",
        "naïve café — façade… Ünïcödé ÀÉ", "日本語のテキスト、数字１２３と四五六", "emoji 👩‍🍳🍰 and flags 🇩🇪", "Привет, как дела? 1½ чашки",
        "  leading and trailing  ", "'s 't 're 've 'm 'll 'd 'S 'T 'RE x'y", "a\u{a0}b\u{2003}c\u{85}d\u{200b}e",
        "[12.3s] User: What's next?",
        "<|start_header_id|>user<|end_header_id|>\n\nhi<|eot_id|><|eot_id|>xyz<image><image> <image>", "<|eot_id", "",
        " ", "\n", "\r\n \n x",
        "the the the thethethe", "x=1;y[2]={3:'four'}//five\n\n\n", "ſ'ſ 'ſ long s", "١٢٣٤ Ⅳ ² 10²", "\u{0}\u{1}\u{7f}",
        "e\u{301}\u{301} combining",
    ]

    /// Sentences, and texts that are put together of pieces by chance, the same on every run.
    private static let texts: [String] = {
        var draws = Draws(["tokenizer-test"])
        let pieces =
            Self.sentences.flatMap { $0.split(separator: " ", omittingEmptySubsequences: false).map(String.init) }
            + [
                " ", "  ", "\n", "\r\n", "\t", "'s", "'LL", "9", "99", "é", "👍", "<image>", "<|eot_id|>", ".", "...",
                "A", "ab",
            ]
        return Self.sentences
            + (0..<1_500).map { _ in (0...draws.below(20)).map { _ in pieces[draws.below(pieces.count)] }.joined() }
    }()

    @Test(
        .enabled(if: TestPython.path != nil, "run `ops/setup --tests` to install tokenizers"),
        arguments: [false, true])
    func tokensAreThoseOfThePackage(ignoresMerges: Bool) throws {
        let python = try #require(TestPython.path)
        let folder = FileManager.default.temporaryDirectory.appending(path: "millrace-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "tokenizer.json").path
        let texts = folder.appending(path: "texts.json")
        let input = JSONValue.members([
            ("train", .array(Self.sentences.flatMap { [$0, $0, $0] }.map(JSONValue.string))),
            ("encode", .array(Self.texts.map(JSONValue.string))),
        ])
        try Data(input.bytes).write(to: texts)
        let (status, output) = try TestPython.run(
            python, Self.script, [LlamaSplit.pattern, ignoresMerges ? "1" : "0", file, texts.path])
        try #require(status == 0)
        let expected = try #require(try JSONValue(parsing: output).array)
        #expect(expected.count == Self.texts.count)
        let json = try String(contentsOfFile: file, encoding: .utf8)
        let tokenizer = try BytePairTokenizer(json.utf8, adding: ["<image>"])
        #expect(tokenizer.addedCount == 1)
        for (text, value) in zip(Self.texts, expected) {
            let tokens = tokenizer.tokens(of: text)
            #expect(tokens.map(\.id) == (try value.list("ids").compactMap(\.int)), "\(text.debugDescription)")
            #expect(tokenizer.count(text, added: true) == (try value.whole("added")))
            // They lie side by side.
            #expect(tokens.reduce(0) { $1.range.lowerBound == $0 ? $1.range.upperBound : -1 } == text.utf8.count)
        }
    }

    /// A file with tokens for all bytes, and a few pairs.
    static func file(
        split: String = LlamaSplit.pattern, merges: String = #""t h","th e",["Ġ","the"]"#, added: String = "",
        model: String = ""
    ) -> String {
        var alphabet: [String] = []
        var others: UInt32 = 256
        for byte in UInt8.min...UInt8.max {
            switch byte {
            case 0x21...0x7e, 0xa1...0xac, 0xae...0xff: alphabet.append(String(Unicode.Scalar(byte)))
            default:
                alphabet.append(Unicode.Scalar(others).map { String($0) } ?? "")
                others += 1
            }
        }
        let words = alphabet + ["th", "the", "Ġthe"]
        let vocabulary = JSONValue.object(words.enumerated().map { JSONValue.Member($1, .int($0)) })
        let pattern = String(decoding: JSONValue.string(split).bytes, as: UTF8.self)
        return """
            {"added_tokens":[\(added)],"normalizer":null,"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Split",\
            "pattern":{"Regex":\(pattern)},"behavior":"Isolated","invert":false},{"type":"ByteLevel",\
            "add_prefix_space":false,"use_regex":false}]},"post_processor":null,"model":{"type":"BPE"\(model),\
            "vocab":\(String(decoding: vocabulary.bytes, as: UTF8.self)),"merges":[\(merges)]}}
            """
    }

    @Test func pairsAreJoined() throws {
        let tokenizer = try BytePairTokenizer(Self.file().utf8)
        // Bytes have their own number; then th, the, Ġthe.
        #expect(tokenizer.tokens(of: "the the thx").map(\.id) == [257, 258, 32, 256, 120])
        #expect(tokenizer.count("the the") == 2)
        #expect(tokenizer.count("") == 0)
    }

    @Test func whatWouldCountWronglyIsRefused() throws {
        let added = #"{"id":300,"content":"<x>","lstrip":true}"#
        let files = [
            Self.file(split: "\\w+"), Self.file(merges: #""q q""#), Self.file(merges: "7"), Self.file(added: added),
            Self.file(model: #","unk_token":"<unk>""#), Self.file(model: #","byte_fallback":true"#),
            Self.file().replacing("\"normalizer\":null", with: "\"normalizer\":{\"type\":\"NFC\"}"), "{}", "[", "",
        ]
        for file in files { #expect(throws: TokenizerFault.self) { try BytePairTokenizer(file.utf8) } }
    }

    @Test(.timeLimit(.minutes(1))) func longWordsTakeNoLongTime() throws {
        let tokenizer = try BytePairTokenizer(Self.file().utf8)
        #expect(tokenizer.count(String(repeating: "th", count: 200_000)) == 200_000)
    }

    @Test func noFileTraps() throws {
        let valid = Self.file()
        for input in Fuzz("tokenizer-file", seeds: [valid], tokens: .json, bytesMax: 32 << 10) {
            guard let tokenizer = try? BytePairTokenizer(input.bytes) else { continue }
            let count = tokenizer.tokens(of: "the cat\n\nsat 1234").reduce(0) { $0 + $1.range.count }
            try #require(count == 17, "\(input)")
        }
    }

    @Test func everyTextIsCoveredByItsTokens() throws {
        let tokenizer = try BytePairTokenizer(Self.file().utf8, adding: ["<image>"])
        for input in Fuzz("tokenizer-text", seeds: Self.sentences, tokens: .text) {
            let text = String(decoding: input.bytes, as: UTF8.self)
            let tokens = tokenizer.tokens(of: text)
            let end = tokens.reduce(0) { $1.range.lowerBound == $0 && !$1.range.isEmpty ? $1.range.upperBound : -1 }
            try #require(end == text.utf8.count, "\(input)")
            let words = WordTokens(special: ["<sep>"]).tokens(of: text)
            try #require(
                zip(words, words.dropFirst()).allSatisfy { $0.range.upperBound <= $1.range.lowerBound }, "\(input)")
            try #require(words.last.map { $0.range.upperBound <= text.utf8.count } ?? true, "\(input)")
        }
    }
}
