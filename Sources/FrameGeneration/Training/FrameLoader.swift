// SPDX-License-Identifier: Apache-2.0

public import Threads
public import Training

/// A pair at its place in a set whose latents are there.
public struct PlacedPair: TrainingSample {
    /// The pair.
    public var pair: FramePair
    /// Its place in the set.
    public var place: Int

    /// Describes a pair at its place.
    public init(_ pair: FramePair, place: Int) {
        self.pair = pair
        self.place = place
    }

    /// `clip/action`
    public var id: String { self.pair.id }
}

/// Pairs as the network takes them.
public struct FrameBatch: Sendable {
    /// One pair.
    struct Sample: Sendable {
        let entry: LatentCache.Entry
        let features: (image: [Float], words: [Float])
    }

    let samples: [Sample]
}

/// Reads the latents, words and features of pairs.
public struct FrameLoader: BatchLoading {
    let cache: LatentCache
    let folder: FrameFolder
    let conditions: ConditionConfiguration

    /// Describes a loader.
    /// - Parameters:
    ///   - cache: the latents and words of the set.
    ///   - folder: where features are.
    public init(_ cache: LatentCache, _ folder: FrameFolder, _ conditions: ConditionConfiguration) {
        self.cache = cache
        self.folder = folder
        self.conditions = conditions
    }

    /// The batch of a step.
    /// - Throws: `GenerationError` or `TensorFileError` where something is missing or damaged.
    public func batch(_ draws: [Draw<PlacedPair>], _ key: StepKey, on team: ThreadTeam) throws -> FrameBatch {
        try self.batch(draws.map(\.sample))
    }

    func batch(_ pairs: [PlacedPair]) throws -> FrameBatch {
        FrameBatch(
            samples: try pairs.map { placed in
                FrameBatch.Sample(
                    entry: try self.cache.entry(placed.place),
                    features: try self.folder.features(placed.pair, self.conditions))
            })
    }
}

/// The pairs that a generator is validated on.
public struct FrameValidation: Sendable {
    /// The pairs.
    public var pairs: [PlacedPair]
    /// Their latents, words and features.
    public var loader: FrameLoader

    /// Puts them together.
    public init(_ pairs: [PlacedPair], _ loader: FrameLoader) {
        self.pairs = pairs
        self.loader = loader
    }
}
