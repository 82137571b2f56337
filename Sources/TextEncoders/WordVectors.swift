// SPDX-License-Identifier: Apache-2.0

import Codecs
public import NeuralNetworks
import Records

/// Vectors of words: GloVe's text file (a word and its numbers a line), or, where there is none, numbers drawn from the
/// word itself, which tell words apart and nothing more.
public struct WordVectors: Sendable {
    /// The columns of a vector.
    public let width: Int
    private let vectors: [String: [Float]]?

    /// The most columns that are read: files claim more than anyone has trained.
    public static let widthMax = 1 << 16
    /// The columns of drawn vectors.
    private static let drawnWidth = 300
    private static let chunkSize = 4 << 20

    /// Vectors that are drawn, for any word.
    public init() {
        self.width = Self.drawnWidth
        self.vectors = nil
    }

    /// Reads the vectors of some words. Lines of another number of columns than the first are passed over, as the
    /// official code does.
    /// - Throws: `TensorFileError` where there is no such file, or its first line holds no vector.
    public init(path: String, wanted: Set<String>) throws(TensorFileError) {
        let file = try TensorFile(path: path)
        var vectors: [String: [Float]] = [:]
        var width = 0
        try Self.forEachLine(of: file) { line in
            guard let blank = line.firstIndex(where: Self.isBlank) else { return }
            if width == 0 {
                let columns = line.split(whereSeparator: Self.isBlank).count - 1
                // word2vec's text format begins with a line of two numbers.
                if columns > 1 { width = columns }
            }
            let word = String(decoding: line[..<blank], as: UTF8.self)
            guard wanted.contains(word) else { return }
            let columns = line[(blank + 1)...].split(whereSeparator: Self.isBlank)
            guard columns.count == width else { return }
            let numbers = columns.compactMap {
                Float(String(decoding: $0, as: UTF8.self)).flatMap { $0.isFinite ? $0 : nil }
            }
            if numbers.count == width, width > 0 { vectors[word] = numbers }
        }
        guard width > 0 else {
            throw TensorFileError(.corrupt, "\(path) holds no vectors: a line is a word and its numbers")
        }
        guard width <= Self.widthMax else {
            throw TensorFileError(
                .corrupt,
                "\(path): its first vector has \(width) numbers, and at most \(Self.widthMax) are read")
        }
        self.width = width
        self.vectors = vectors
    }

    /// Tells whether a byte separates a word and its numbers; the carriage return of a line end does.
    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0d }

    private static func forEachLine(
        of file: TensorFile, _ body: (ArraySlice<UInt8>) -> Void
    ) throws(TensorFileError) {
        var rest: Bytes = []
        // Past the mark by which some editors begin a file.
        var position = try file.read(0..<min(3, file.size)) == [0xef, 0xbb, 0xbf] ? 3 : 0
        while position < file.size {
            let end = min(position + self.chunkSize, file.size)
            rest += try file.read(position..<end)
            position = end
            var start = 0
            while let newline = rest[start...].firstIndex(of: 0x0a) {
                body(rest[start..<newline])
                start = newline + 1
            }
            rest.removeFirst(start)
            guard rest.count <= self.chunkSize else {
                throw TensorFileError(
                    .corrupt,
                    "\(file.path), before byte \(position): a line of more than \(self.chunkSize >> 20) MiB is no "
                        + "word with its numbers; give GloVe's text file")
            }
        }
        if !rest.isEmpty { body(rest[...]) }
    }

    /// Tells whether there is a vector for a word.
    public func has(_ word: String) -> Bool { self.vectors.map { $0[word] != nil } ?? true }

    /// The vectors of words, one row each; zeros for words without one.
    public func matrix(_ words: [String]) -> [Float] {
        words.flatMap { word -> [Float] in
            if let vectors = self.vectors { return vectors[word] ?? [Float](repeating: 0, count: self.width) }
            var generator = PhiloxGenerator(seed: 0, stream: word)
            return (0..<self.width).map { _ in 0.4 * generator.normal() }
        }
    }
}
