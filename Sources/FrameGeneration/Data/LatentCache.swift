// SPDX-License-Identifier: Apache-2.0

import Codecs
import DurableFiles
public import NeuralNetworks
import Pictures
import Records

/// The latents of a set's frames and the hidden states of its words, made once and read from a file: neither the first
/// stage nor the text encoder learns.
public struct LatentCache: Sendable {
    /// The hash of all that it was made of.
    public let key: String
    /// The path of its file.
    public var path: String { self.file.path }
    /// The number of pairs.
    public let count: Int
    /// The deviation of all latents' means, not scaled.
    public let deviation: Float
    private let file: SafetensorsFile
    private let texts: [Int]

    private static let keyName = "millrace_frame_cache", deviationName = "millrace_latent_deviation"

    /// The numbers of one pair.
    struct Entry: Sendable {
        /// The distribution of the target's latent, and the mean of the input's.
        let mean: [Float], logVariance: [Float], input: [Float]
        /// The words' hidden states.
        let text: [Float]
    }

    /// Opens a file, if it was made of what `key` names.
    /// - Returns: `nil` where there is none, or it was made of something else.
    public init?(path: String, key: String) throws {
        guard (try? InputFile(path: path)) != nil else { return nil }
        let file = try SafetensorsFile(path: path)
        guard file.metadata[Self.keyName] == key, let deviation = file.metadata[Self.deviationName].flatMap(Float.init)
        else { return nil }
        self.file = file
        self.key = key
        self.deviation = deviation
        self.texts = try file.integers("text.number")
        self.count = self.texts.count
        let rows = file.entry("texts")?.shape.first ?? 0
        for name in ["target.mean", "target.log_variance", "input.mean"]
        where file.entry(name)?.shape.first != self.count {
            throw GenerationError("\(path) is damaged: \(name) has another number of rows; remove it to make it anew")
        }
        guard self.texts.allSatisfy({ 0..<rows ~= $0 }) else {
            throw GenerationError("\(path) is damaged: it names words that it does not hold; remove it to make it anew")
        }
    }

    /// The entry of a pair, by its place in the set.
    func entry(_ place: Int) throws -> Entry {
        Entry(
            mean: try self.row("target.mean", place), logVariance: try self.row("target.log_variance", place),
            input: try self.row("input.mean", place), text: try self.row("texts", self.texts[place]))
    }

    /// The hidden states of the empty text.
    func empty() throws -> [Float] { try self.row("empty", 0) }

    private func row(_ name: String, _ place: Int) throws -> [Float] {
        let bytes = try self.file.bytes(name, slice: place)
        return bytes.withUnsafeBytes { source in
            (0..<source.count / 4).map { source.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
        }
    }

    // MARK: Making

    /// Makes the file: it is there whole, or not at all.
    /// - Parameters:
    ///   - side: the height and width that frames are brought to.
    ///   - tokens: the tokens of each pair's words, without start and end.
    ///   - progress: is told how many pairs are done.
    /// - Throws: `GenerationError` where a frame is missing or damaged.
    public static func make(
        path: String, key: String, _ pairs: [FramePair], _ folder: FrameFolder, side: Int, tokens: [[Int]],
        _ stage: FirstStage, _ encoder: TextEncoder, progress: (Int) -> Void
    ) throws {
        let latent = side / stage.configuration.reduction, count = stage.configuration.latent * latent * latent
        func buffer(_ rows: Int, _ columns: Int) throws -> FloatBuffer {
            guard let buffer = FloatBuffer.allocate(count: rows * columns) else {
                throw GenerationError(
                    "there is no memory for the latents of \(pairs.count) pairs, \(rows * columns >> 18) MiB; train on "
                        + "fewer, or give the program more (`ulimit -v`)")
            }
            return buffer
        }
        let means = try buffer(pairs.count, count), variances = try buffer(pairs.count, count)
        let inputs = try buffer(pairs.count, count)
        var sum = 0.0, squares = 0.0
        for (place, pair) in pairs.enumerated() {
            let target = try stage.encode(FramePixels(try folder.picture(pair.target), side: side))
            means.assign(target.mean, at: place * count)
            variances.assign(target.logVariance, at: place * count)
            inputs.assign(
                try stage.encode(FramePixels(try folder.picture(pair.input), side: side)).mean, at: place * count)
            for value in target.mean {
                sum += Double(value)
                squares += Double(value * value)
            }
            progress(place + 1)
        }
        var distinct: [[Int]: Int] = [:], texts: [[Int]] = [], numbers: [Int] = []
        for list in tokens {
            let padded = encoder.configuration.pad(list).tokens
            if distinct[padded] == nil {
                distinct[padded] = texts.count
                texts.append(padded)
            }
            numbers.append(distinct[padded] ?? 0)
        }
        let width = encoder.configuration.positions * encoder.configuration.width
        let states = try buffer(texts.count, width)
        for (place, text) in texts.enumerated() { states.assign(try encoder.encode(text), at: place * width) }
        let total = Double(pairs.count * count), mean = sum / total
        let deviation = max(squares / total - mean * mean, 1e-12).squareRoot()
        let file = try OutputFile(path: path)
        try SafetensorsWriter.write(
            [
                .init("target.mean", shape: [pairs.count, count], .buffer(means, at: 0)),
                .init("target.log_variance", shape: [pairs.count, count], .buffer(variances, at: 0)),
                .init("input.mean", shape: [pairs.count, count], .buffer(inputs, at: 0)),
                .init("texts", shape: [texts.count, width], .buffer(states, at: 0)),
                .init(
                    "empty", shape: [1, width], .float32(try encoder.encode(encoder.configuration.pad([]).tokens))),
                .init("text.number", shape: [numbers.count], .int64(numbers)),
            ], metadata: [Self.keyName: key, Self.deviationName: "\(Float(deviation))"]
        ) { bytes throws(FileFailure) in try file.append(bytes) }
        try file.finish()
    }

    /// The hash of all that a cache is made of.
    public static func key(
        _ pairs: [FramePair], _ folder: FrameFolder, side: Int, tokens: [[Int]], _ stage: FirstStage,
        _ encoder: TextEncoder
    ) throws -> String {
        var hash = ContentHash.Stream()
        func add(_ text: String) { hash.update(Bytes("\(text.utf8.count) \(text)".utf8)) }
        add("1 \(side) \(stage.parameters.digest) \(encoder.parameters.digest) \(encoder.configuration)")
        for (pair, tokens) in zip(pairs, tokens) {
            add("\(pair.id) \(tokens)")
            for name in [pair.input, pair.target] {
                let picture = try folder.picture(name)
                add("\(picture.height) \(picture.width)")
                hash.update(Bytes(picture.bytes))
            }
        }
        return hash.finish()
    }
}

extension Parameters {
    /// The hash of all values with their names.
    public var digest: String {
        var hash = ContentHash.Stream()
        for parameter in self.layout.parameters {
            hash.update(Bytes("\(parameter.name) \(self.digest(parameter)) ".utf8))
        }
        return hash.finish()
    }
}
