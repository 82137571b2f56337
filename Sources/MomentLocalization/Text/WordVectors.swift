// SPDX-License-Identifier: Apache-2.0

public import NeuralNetworks
internal import Records

/// Vectors of words: GloVe's text file (a word and its numbers a line), or, where there is none, numbers drawn from the
/// word itself, which tell words apart and nothing more.
public struct WordVectors: Sendable {
    /// The columns of a vector.
    public let width: Int
    private let vectors: [String: [Float]]?

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
            guard let blank = line.firstIndex(of: UInt8(ascii: " ")) else { return }
            if width == 0 {
                let columns = line.split(separator: UInt8(ascii: " ")).count - 1
                // word2vec's text format begins with a line of two numbers.
                if columns > 1 { width = columns }
            }
            let word = String(decoding: line[..<blank], as: UTF8.self)
            guard wanted.contains(word) else { return }
            let numbers = line[(blank + 1)...].split(separator: UInt8(ascii: " ")).compactMap {
                Float(String(decoding: $0, as: UTF8.self))
            }
            if numbers.count == width, width > 0 { vectors[word] = numbers }
        }
        guard width > 0 else {
            throw TensorFileError(.corrupt, "\(path) holds no vectors: a line is a word and its numbers")
        }
        self.width = width
        self.vectors = vectors
    }

    private static func forEachLine(
        of file: TensorFile, _ body: (ArraySlice<UInt8>) -> Void
    ) throws(TensorFileError) {
        var rest: Bytes = []
        var position = 0
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
        }
        if !rest.isEmpty { body(rest[...]) }
    }

    /// Whether there is a vector for a word.
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
