// SPDX-License-Identifier: Apache-2.0

import Synchronization
public import Threads
public import Training

/// Turns windows into batches: a vector for each clip, and the actions that follow.
public struct ForecastLoader: BatchLoading {
    /// The features.
    public let features: SegmentFeatures

    /// Describes a loader.
    public init(features: SegmentFeatures) { self.features = features }

    /// The batch of a step.
    /// - Throws: `TensorFileError` where features are damaged; `TrainingError` where they have gone.
    public func batch(_ draws: [Draw<ForecastWindow>], _ key: StepKey, on team: ThreadTeam) throws -> ForecastBatch {
        try self.batch(draws.map(\.sample), on: team)
    }

    /// The batch of windows, in order. Features are read on a team's threads; that changes nothing in the result.
    /// - Throws: `TensorFileError` where features are damaged; `TrainingError` where they have gone.
    public func batch(_ windows: [ForecastWindow], on team: ThreadTeam) throws -> ForecastBatch {
        let results = Board<Result<[Float], any Error>>(.success([]), count: windows.count)
        let next = Atomic<Int>(0)
        team.run(windows.count) { _ in
            while true {
                let index = next.add(1, ordering: .relaxed).oldValue
                guard index < windows.count else { return }
                results.set(index, Result { try self.vector(windows[index]) })
            }
        }
        var features: [Float] = []
        for result in results.all { features += try result.get() }
        let futures = windows.compactMap(\.future)
        return ForecastBatch(
            windows: windows.count, features: features,
            truth: futures.count == windows.count ? futures.flatMap(\.self) : nil)
    }

    private func vector(_ window: ForecastWindow) throws -> [Float] {
        let (values, gap) = try self.features.features(of: window)
        if let gap {
            throw TrainingError(
                .failed,
                "window \(window.key): \(gap.rawValue), and there were some before; restore them in "
                    + self.features.folder)
        }
        return values
    }
}
