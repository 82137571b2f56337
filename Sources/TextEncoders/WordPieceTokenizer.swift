// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
public import NeuralNetworks
import Records

/// BERT's tokenizer, uncased: text is cleaned, made lower-case and stripped of accents, cut at blanks and punctuation,
/// and each word into the longest pieces that the vocabulary has (google-research/bert, `tokenization.py`).
public struct WordPieceTokenizer: Sendable {
    private let ids: [String: Int]
    private let unknown: Int
    private let start: Int
    private let end: Int

    /// Words longer than this are unknown as a whole.
    private static let wordMax = 100

    /// Reads a vocabulary: a piece a line, its number the line's, from 0 on.
    /// - Throws: `TensorFileError` where there is no such file, or one of `[UNK]`, `[CLS]` and `[SEP]` is missing.
    public init(vocabulary path: String) throws(TensorFileError) {
        let text = try TensorFile.text(path: path)
        var ids: [String: Int] = [:]
        for (index, line) in text.split(separator: 0x0a, omittingEmptySubsequences: false).enumerated() {
            let piece = String(decoding: line.last == 0x0d ? line.dropLast() : line, as: UTF8.self)
            if !piece.isEmpty { ids[piece] = index }
        }
        guard let unknown = ids["[UNK]"], let start = ids["[CLS]"], let end = ids["[SEP]"] else {
            throw TensorFileError(.corrupt, "\(path) is no vocabulary of BERT: [UNK], [CLS] or [SEP] is missing")
        }
        guard !Self.isCased(ids.keys) else { throw Self.cased(path, "holds words with capitals") }
        self.ids = ids
        self.unknown = unknown
        self.start = start
        self.end = end
    }

    /// Checks what a folder says of its tokenizer, in `tokenizer_config.json`, if it has one.
    /// - Throws: `TensorFileError.Code.unsupported` where it keeps capitals or accents.
    public static func checkConfiguration(folder: String) throws(TensorFileError) {
        let path = folder + "/tokenizer_config.json"
        let value: JSONValue
        do throws(TensorFileError) {
            let text = try TensorFile.text(path: path)
            do throws(JSONError) {
                value = try JSONValue(parsing: text)
            } catch {
                throw TensorFileError(.corrupt, "\(path): \(error)")
            }
        } catch {
            if error.code == .missing { return }
            throw error
        }
        for key in ["do_lower_case", "strip_accents"] where value[key] == .bool(false) {
            throw Self.cased(path, "says \(key): false")
        }
    }

    /// Tells whether a vocabulary is cased; the few pieces in brackets that all have do not count.
    private static func isCased(_ pieces: some Collection<String>) -> Bool {
        let cased = pieces.count { piece in
            !piece.hasPrefix("[") && piece.utf8.contains { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }
        }
        return cased * 100 > pieces.count
    }

    private static func cased(_ path: String, _ fact: String) -> TensorFileError {
        TensorFileError(
            .unsupported,
            "\(path) \(fact): its encoder is a cased one, and queries are read in lower case and without accents, as by "
                + "the official code; give the folder of an uncased one, such as bert-base-uncased")
    }

    /// The ids of a text between those of [CLS] and [SEP].
    /// - Parameter countMax: how many there may be; of a longer text the last pieces are cut, and [SEP] stays.
    /// - Returns: the ids, and whether some were cut.
    public func tokens(_ text: String, countMax: Int = .max) -> (ids: [Int], isCut: Bool) {
        let pieces = Self.words(text).flatMap { self.pieces($0) }
        let room = max(countMax - 2, 0)
        return ([self.start] + pieces.prefix(room) + [self.end], pieces.count > room)
    }

    private func pieces(_ word: [Unicode.Scalar]) -> [Int] {
        guard word.count <= Self.wordMax else { return [self.unknown] }
        var pieces: [Int] = []
        var first = 0
        while first < word.count {
            var last = word.count
            var found: Int?
            while last > first, found == nil {
                var piece = first == 0 ? "" : "##"
                piece.unicodeScalars.append(contentsOf: word[first..<last])
                found = self.ids[piece]
                if found == nil { last -= 1 }
            }
            guard let found else { return [self.unknown] }
            pieces.append(found)
            first = last
        }
        return pieces
    }

    /// Words and punctuation marks of a text.
    private static func words(_ text: String) -> [[Unicode.Scalar]] {
        var words: [[Unicode.Scalar]] = []
        var word: [Unicode.Scalar] = []
        func finish() {
            if !word.isEmpty { words.append(word) }
            word = []
        }
        let plain = text.lowercased().decomposedStringWithCanonicalMapping
        for scalar in plain.unicodeScalars {
            let category = scalar.properties.generalCategory
            if scalar == " " || scalar == "\t" || scalar == "\n" || scalar == "\r" || category == .spaceSeparator {
                finish()
            } else if self.isDropped(scalar, category) {
                continue
            } else if self.isPunctuation(scalar, category) || self.isIdeograph(scalar) {
                finish()
                words.append([scalar])
            } else {
                word.append(scalar)
            }
        }
        finish()
        return words
    }

    /// Control characters, and accents, which the decomposition has set apart.
    private static func isDropped(_ scalar: Unicode.Scalar, _ category: Unicode.GeneralCategory) -> Bool {
        switch category {
        case .control, .format, .surrogate, .privateUse, .unassigned, .nonspacingMark: true
        default: scalar.value == 0xfffd
        }
    }

    private static func isPunctuation(_ scalar: Unicode.Scalar, _ category: Unicode.GeneralCategory) -> Bool {
        switch scalar.value {
        case 33...47, 58...64, 91...96, 123...126: return true
        default: break
        }
        switch category {
        case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
            .finalPunctuation, .otherPunctuation:
            return true
        default: return false
        }
    }

    /// Chinese characters, each a word of its own; not those of Japanese and Korean that are written with blanks.
    private static func isIdeograph(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x4e00...0x9fff, 0x3400...0x4dbf, 0x20000...0x2a6df, 0x2a700...0x2b73f, 0x2b740...0x2b81f,
            0x2b820...0x2ceaf, 0xf900...0xfaff, 0x2f800...0x2fa1f:
            true
        default: false
        }
    }
}
