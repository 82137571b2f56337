// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records

/// The reason why a tokenizer's file cannot be used.
public struct TokenizerFault: Error, Hashable, CustomStringConvertible {
    /// The fault and its remedy.
    public let description: String

    init(_ description: String) { self.description = description }
}

/// The tokenizer of a `tokenizer.json` of Hugging Face: byte-level BPE with LLaMA 3's split and special tokens.
///
/// Anything else that such a file may hold (other models, splits, normalizers, tokens that swallow white space) is
/// refused, because its counts would be wrong.
public struct BytePairTokenizer: SequenceTokenizer {
    /// Numbers of tokens that are taken; LLaMA 3's vocabulary has 128,256.
    fileprivate static let ids = 0..<1 << 24

    private let pairs: BytePairs
    private let special: SpecialTexts
    /// Whole words that are tokens, where the model takes them without joining.
    private let words: [[UInt8]: Int]
    /// The number of tokens that the file puts around a text.
    public let addedCount: Int

    /// Reads a file.
    /// - Parameter more: special texts that the model has been given beside, such as `<image>`.
    /// - Throws: `TokenizerFault`, which names the field.
    public init(_ json: some Sequence<UInt8>, adding more: [String] = []) throws(TokenizerFault) {
        let file = try TokenizerFields(json)
        self.pairs = try file.pairs()
        self.words = file.ignoresMerges ? file.bytesOfTokens : [:]
        var specials = file.added
        var next = max(file.vocabulary.values.max() ?? 0, specials.map(\.id).max() ?? 0) + 1
        for text in more where !text.isEmpty && !specials.contains(where: { $0.text == text }) {
            specials.append((text, file.vocabulary[text] ?? next))
            next += 1
        }
        self.special = SpecialTexts(specials)
        self.addedCount = file.addedCount
    }

    /// The tokens of a text, special ones recognised.
    public func tokens(of text: String) -> [SequenceToken] {
        let bytes = Array(text.utf8)
        var tokens: [SequenceToken] = []
        for piece in self.special.pieces(of: bytes) {
            if let id = piece.id {
                tokens.append(SequenceToken(id: id, range: piece.range))
                continue
            }
            let part = String(decoding: bytes[piece.range], as: UTF8.self)
            for word in LlamaSplit.words(of: part) {
                let start = piece.range.lowerBound + word.lowerBound
                self.add(bytes[start..<piece.range.lowerBound + word.upperBound], to: &tokens)
            }
        }
        return tokens
    }

    private func add(_ word: ArraySlice<UInt8>, to tokens: inout [SequenceToken]) {
        if !self.words.isEmpty, let id = self.words[Array(word)] {
            tokens.append(SequenceToken(id: id, range: word.startIndex..<word.endIndex))
            return
        }
        var start = word.startIndex
        for (id, length) in self.pairs.encode(word) {
            tokens.append(SequenceToken(id: id, range: start..<start + length))
            start += length
        }
    }
}

/// The fields of a `tokenizer.json`, checked.
private struct TokenizerFields {
    var vocabulary: [String: Int] = [:]
    var bytesOfTokens: [[UInt8]: Int] = [:]
    var merges: [(String, String)] = []
    var added: [(text: String, id: Int)] = []
    var ignoresMerges = false
    var addedCount = 0

    init(_ json: some Sequence<UInt8>) throws(TokenizerFault) {
        let root: JSONValue
        do throws(JSONError) {
            root = try JSONValue(parsing: json)
        } catch {
            throw TokenizerFault("it is not JSON: \(error)")
        }
        guard let model = root["model"], case .object = model else { throw TokenizerFault("`model` is missing") }
        guard model["type"]?.string ?? "BPE" == "BPE" else {
            throw TokenizerFault("`model.type` is not BPE: only byte-level BPE as LLaMA 3 has it can be read")
        }
        try self.check(model, root)
        try self.readVocabulary(model)
        try self.readMerges(model)
        try self.readAdded(root["added_tokens"]?.array ?? [])
        self.addedCount = try Self.addedCount(root["post_processor"])
    }

    private mutating func check(_ model: JSONValue, _ root: JSONValue) throws(TokenizerFault) {
        func isUnset(_ value: JSONValue?) -> Bool { value == nil || value == .null || value == .string("") }
        for name in ["dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix"]
        where !isUnset(model[name]) {
            throw TokenizerFault("`model.\(name)` is set, which byte-level BPE as LLaMA 3 has it does without")
        }
        if model["byte_fallback"] == .bool(true) { throw TokenizerFault("`model.byte_fallback` is set") }
        if !isUnset(root["normalizer"]) { throw TokenizerFault("`normalizer` is set: texts must stay as they are") }
        self.ignoresMerges = model["ignore_merges"] == .bool(true)
        guard let steps = root["pre_tokenizer"]?["pretokenizers"]?.array, steps.count == 2,
            steps[0]["type"]?.string == "Split", steps[0]["pattern"]?["Regex"]?.string == LlamaSplit.pattern,
            steps[0]["behavior"]?.string == "Isolated", steps[0]["invert"] != .bool(true),
            steps[1]["type"]?.string == "ByteLevel", steps[1]["use_regex"] == .bool(false),
            steps[1]["add_prefix_space"] != .bool(true)
        else {
            throw TokenizerFault(
                "`pre_tokenizer` is not LLaMA 3's: a Split by its pattern (Isolated), then ByteLevel without a regex")
        }
    }

    private mutating func readVocabulary(_ model: JSONValue) throws(TokenizerFault) {
        guard case .object(let members)? = model["vocab"] else { throw TokenizerFault("`model.vocab` is missing") }
        self.vocabulary.reserveCapacity(members.count)
        for member in members {
            guard let id = member.value.count, BytePairTokenizer.ids.contains(id) else {
                throw TokenizerFault("`model.vocab` has no valid number for `\(member.key.prefix(40))`")
            }
            self.vocabulary[member.key] = id
            if let bytes = ByteAlphabet.bytes(of: member.key) { self.bytesOfTokens[bytes] = id }
        }
    }

    private mutating func readMerges(_ model: JSONValue) throws(TokenizerFault) {
        guard let merges = model["merges"]?.array else { throw TokenizerFault("`model.merges` is missing") }
        self.merges.reserveCapacity(merges.count)
        for (index, merge) in merges.enumerated() {
            if let text = merge.string {
                let parts = text.split(separator: " ", omittingEmptySubsequences: false)
                guard parts.count == 2 else { throw TokenizerFault("`model.merges[\(index)]` is no pair") }
                self.merges.append((String(parts[0]), String(parts[1])))
            } else if let pair = merge.array, pair.count == 2, let left = pair[0].string, let right = pair[1].string {
                self.merges.append((left, right))
            } else {
                throw TokenizerFault("`model.merges[\(index)]` is no pair")
            }
        }
    }

    private mutating func readAdded(_ tokens: [JSONValue]) throws(TokenizerFault) {
        for (index, token) in tokens.enumerated() {
            guard let text = token["content"]?.string, let id = token["id"]?.count,
                BytePairTokenizer.ids.contains(id), !text.isEmpty
            else {
                throw TokenizerFault("`added_tokens[\(index)]` wants `content` and `id`")
            }
            for name in ["lstrip", "rstrip", "single_word"] where token[name] == .bool(true) {
                throw TokenizerFault(
                    "`added_tokens[\(index)].\(name)` is set: `\(text)` would swallow what is beside it")
            }
            self.added.append((text, id))
        }
    }

    /// The special tokens of the template for one text, whatever else the processors do.
    private static func addedCount(_ processor: JSONValue?) throws(TokenizerFault) -> Int {
        guard let processor, processor != .null else { return 0 }
        switch processor["type"]?.string {
        case "Sequence":
            var count = 0
            for inner in processor["processors"]?.array ?? [] { count += try Self.addedCount(inner) }
            return count
        case "TemplateProcessing":
            return (processor["single"]?.array ?? []).count { $0["SpecialToken"] != nil }
        case "ByteLevel": return 0
        default: throw TokenizerFault("`post_processor` is of a type that cannot be read: TemplateProcessing can")
        }
    }

    func pairs() throws(TokenizerFault) -> BytePairs {
        var singles: [Int] = []
        for byte in UInt8.min...UInt8.max {
            guard let id = self.bytesOfTokens[[byte]] else {
                throw TokenizerFault("`model.vocab` lacks the token of byte \(byte)")
            }
            singles.append(id)
        }
        var merges: [(left: Int, right: Int, BytePairs.Merge)] = []
        for (rank, (left, right)) in self.merges.enumerated() {
            guard let leftID = self.vocabulary[left], let rightID = self.vocabulary[right],
                let id = self.vocabulary[left + right]
            else { throw TokenizerFault("`model.merges[\(rank)]` names a token that `model.vocab` lacks") }
            merges.append((leftID, rightID, BytePairs.Merge(rank: rank, id: id)))
        }
        return BytePairs(singles: singles, merges: merges)
    }
}

/// The 256 printable characters that stand for bytes in the vocabulary of byte-level BPE (GPT-2's table).
private enum ByteAlphabet {
    private static let bytesOfScalars: [Unicode.Scalar: UInt8] = {
        var table: [Unicode.Scalar: UInt8] = [:]
        var others: UInt32 = 256
        for byte in UInt8.min...UInt8.max {
            switch byte {
            case 0x21...0x7e, 0xa1...0xac, 0xae...0xff: table[Unicode.Scalar(byte)] = byte
            default:
                if let scalar = Unicode.Scalar(others) { table[scalar] = byte }
                others += 1
            }
        }
        return table
    }()

    /// The bytes that a token's text stands for; `nil` where it is not of the alphabet, as special tokens may be.
    static func bytes(of token: String) -> [UInt8]? {
        var bytes: [UInt8] = []
        for scalar in token.unicodeScalars {
            guard let byte = self.bytesOfScalars[scalar] else { return nil }
            bytes.append(byte)
        }
        return bytes
    }
}
