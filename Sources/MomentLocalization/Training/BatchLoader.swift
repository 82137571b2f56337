// SPDX-License-Identifier: Apache-2.0

import Synchronization
public import Threads
public import Training
import VideoFeatures

/// Turns queries into batches: features, text and targets.
public struct BatchLoader: BatchLoading {
    /// The features.
    public let features: FeatureStore
    /// The encoder of the queries.
    public let text: TextEncoder
    /// The preparation of targets.
    let preparation: MomentPreparation

    /// The batch of a step; targets of generated samples are jittered.
    /// - Throws: `TensorFileError` where features are damaged; `TrainingError` where they have gone.
    public func batch(_ draws: [Draw<MomentQuery>], _ key: StepKey, on team: ThreadTeam) throws -> Batch {
        let scale = self.preparation.jitterScale
        let samples = try self.samples(draws.map(\.sample), training: true, on: team) { index, target in
            guard draws[index].sample.jitters else { return target }
            return TemporalJitter.apply(
                target, scale: scale, seed: key.seed, step: key.step, slot: draws[index].slot)
        }
        return Batch(samples)
    }

    /// A sample of each query, in order. What is not held in memory is computed on a team's threads; that changes
    /// nothing in the result.
    /// - Parameter adjust: what becomes of a target, by the query's place.
    /// - Throws: `TensorFileError` where features are damaged; `TrainingError` where they have gone.
    func samples(
        _ queries: [MomentQuery], training: Bool, on team: ThreadTeam,
        adjust: @Sendable (Int, MomentTarget) -> MomentTarget = { $1 }
    ) throws -> [ModelSample] {
        let results = Mutex([Result<ModelSample, any Error>?](repeating: nil, count: queries.count))
        let next = NextIndex()
        team.run(queries.count) { _ in
            while let index = next.take(below: queries.count) {
                let result = Result { try self.sample(queries[index], training: training) { adjust(index, $0) } }
                results.withLock { $0[index] = result }
            }
        }
        return try results.withLock { try $0.compactMap { try $0?.get() } }
    }

    private func sample(
        _ query: MomentQuery, training: Bool, adjust: (MomentTarget) -> MomentTarget
    ) throws -> ModelSample {
        guard let clip = try self.features.clip(of: query).clip else {
            throw TrainingError(
                .failed,
                "the features of clip \(query.clipUID) (video \(query.videoUID)) were there and are gone; restore them in "
                    + self.features.folder)
        }
        var target: ModelSample.Target?
        if training, let answer = query.answer,
            let window = MomentWindow(
                start: answer.start, end: answer.end, duration: clip.grid.duration, clipLength: query.clipLength,
                rule: self.preparation.targets)
        {
            let moment = adjust(MomentTarget(window, grid: clip.grid))
            var highlight = [Float](repeating: 0, count: clip.features.rows)
            for bin in moment.highlight where highlight.indices.contains(bin) { highlight[bin] = 1 }
            target = ModelSample.Target(start: moment.start, end: moment.end, highlight: highlight)
        }
        return ModelSample(video: clip.features, text: self.text.text(query.sentence), target: target)
    }
}
