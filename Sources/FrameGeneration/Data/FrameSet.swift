// SPDX-License-Identifier: Apache-2.0

import DurableFiles
import NeuralNetworks
import VideoFeatures

/// The networks that do not learn, through which a set's frames and words go once.
public struct FrameSet {
    /// The first stage.
    public var stage: FirstStage
    /// The text encoder.
    public var encoder: TextEncoder
    /// The words that are tokens.
    public var words: FrameWords
    /// The height and width that frames are brought to.
    public var side: Int
    /// The seed of a text encoder's random weights: always the same, so that words alone tell them.
    public static let encoderSeed: UInt64 = 0

    /// Puts them together.
    public init(stage: FirstStage, encoder: TextEncoder, words: FrameWords, side: Int) {
        self.stage = stage
        self.encoder = encoder
        self.words = words
        self.side = side
    }

    /// The latents and words of pairs, from a file in a folder, which is made unless it is there.
    /// - Parameter progress: is told how many pairs are encoded.
    /// - Throws: `GenerationError` where a frame is missing or damaged, or the file cannot be written.
    public func cache(
        _ pairs: [FramePair], _ folder: FrameFolder, in output: String, named name: String, progress: (Int) -> Void
    ) throws -> LatentCache {
        let path = "\(output)/\(name)", tokens = self.words.tokens(of: pairs.map(\.text))
        let key = try LatentCache.key(pairs, folder, side: self.side, tokens: tokens, self.stage, self.encoder)
        if let cache = try LatentCache(path: path, key: key) { return cache }
        do throws(FileFailure) {
            try Folder.create(output, isPrivate: false)
        } catch {
            throw GenerationError(error.message)
        }
        try LatentCache.make(
            path: path, key: key, pairs, folder, side: self.side, tokens: tokens, self.stage, self.encoder,
            progress: progress)
        guard let cache = try LatentCache(path: path, key: key) else {
            throw GenerationError("\(path) is not as it was written; does something else write there?")
        }
        return cache
    }
}

extension FrameFolder {
    /// The rows and columns of the features of a pair's input frame; `nil` where the folder has none.
    /// - Throws: `GenerationError` where they are missing or damaged.
    public func featureSizes(of pair: FramePair) throws -> (rows: Int, columns: Int)? {
        guard let imageFeatures else { return nil }
        do throws(TensorFileError) {
            let file = try FeatureFile(path: Self.featurePath(imageFeatures, pair.input))
            return (file.rows, file.columns)
        } catch {
            throw GenerationError(error.message)
        }
    }

    static func featurePath(_ folder: String, _ name: String) -> String {
        let stem = name.split(separator: ".", omittingEmptySubsequences: false).dropLast().joined(separator: ".")
        return "\(folder)/\(stem).npy"
    }
}
