// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import SampleWorld

@Suite struct FeatureSynthesisTests {
    private let width = FeatureSynthesis.dimensions

    @Test func slotsAreThoseThatBeginWithinTheVideo() {
        #expect(FeatureSynthesis.slots(in: 480_000_000) == 900)
        #expect(FeatureSynthesis.slots(in: 480_000_001) == 901)
        #expect(FeatureSynthesis.slots(in: 533_333) == 1)
        #expect(FeatureSynthesis.slots(in: 533_334) == 2)
    }

    /// Without noise the difference of two videos that differ in one event alone is that event's vectors, in its slots.
    @Test func anEventAddsItsVectorsWhileItLasts() throws {
        let inventory = PairInventory(seed: 1)
        let synthesis = FeatureSynthesis(inventory: inventory, seed: 1, noise: 0.5)
        let video = VideoPlan(index: 0, seed: 1)
        // From the middle of slot 10 to the end of slot 12: 10.5 · 1.6 / 3 s = 5.6 s, 13 · 1.6 / 3 s = 6.93 s.
        let event = WorldEvent(pair: 17, start: 5_600_000, end: 6_933_333, byOther: false, clip: nil)
        let empty = synthesis.features(of: video, events: [])
        let full = synthesis.features(of: video, events: [event])
        let pair = inventory.pairs[17]
        let shares: [Int: Float] = [10: 0.5, 11: 1, 12: 1]
        for slot in 0..<20 {
            for dimension in 0..<self.width {
                let sum =
                    synthesis.verbVectors[pair.verb * self.width + dimension]
                    + synthesis.nounVectors[pair.noun * self.width + dimension]
                let difference = full[slot * self.width + dimension] - empty[slot * self.width + dimension]
                #expect(abs(difference - (shares[slot] ?? 0) * sum) < 1e-5)
            }
        }
    }

    @Test func vectorsAreNearlyOrthogonalAndTheSameInEveryWorld() {
        let one = FeatureSynthesis(inventory: PairInventory(seed: 1), seed: 1, noise: 0)
        let two = FeatureSynthesis(inventory: PairInventory(seed: 2), seed: 2, noise: 0)
        #expect(one.verbVectors == two.verbVectors)
        #expect(one.nounVectors == two.nounVectors)
        let all = one.verbVectors + one.nounVectors
        let count = all.count / self.width
        for first in 0..<count {
            for second in 0..<first {
                let product = (0..<self.width).reduce(Float(0)) {
                    $0 + all[first * self.width + $1] * all[second * self.width + $1]
                }
                // Norms are near 0.3 · 16 = 4.8.
                #expect(abs(product) / 23 < 0.35)
            }
        }
    }

    /// Centroids of each verb and noun over the windows of train queries; the windows of test queries, other videos,
    /// are then named by the nearest centroid. Both times the clip's mean is taken off, as a model would learn to do.
    @Test func nearestCentroidNamesVerbAndNoun() throws {
        let world = try WrittenWorld(SampleWorldOptions(videos: 8, seed: 2, queriesPerClip: 60))
        let train = try self.windows(world, "nlq_train.json")
        let test = try self.windows(world, "nlq_test.json")
        for word in [\WrittenQuery.verb, \WrittenQuery.noun] {
            var sums: [String: (sum: [Float], count: Float)] = [:]
            for (query, mean) in train {
                let old = sums[query[keyPath: word]] ?? ([Float](repeating: 0, count: self.width), 0)
                sums[query[keyPath: word]] = (zip(old.sum, mean).map(+), old.count + 1)
            }
            let centroids = sums.mapValues { entry in entry.sum.map { $0 / entry.count } }
            var right = 0
            var asked = 0
            for (query, mean) in test where centroids[query[keyPath: word]] != nil {
                let nearest = centroids.min { self.distance($0.value, mean) < self.distance($1.value, mean) }
                asked += 1
                if nearest?.key == query[keyPath: word] { right += 1 }
            }
            let share = Double(right) / Double(max(1, asked))
            #expect(asked > 30)
            #expect(share > 0.5, "\(right) of \(asked) by nearest of \(centroids.count)")
            #expect(share > 8 / Double(centroids.count))
        }
    }

    /// The mean of a slot's features tells nothing of where in the clip it lies: the first halves of all clips and the
    /// second halves have the same mean, apart from chance.
    @Test func nothingTellsThePosition() throws {
        let plan = WorldPlan(options: SampleWorldOptions(videos: 12, seed: 4))
        let synthesis = FeatureSynthesis(inventory: plan.inventory, seed: 4, noise: 0.5)
        var difference = [Float](repeating: 0, count: self.width)
        for index in 0..<12 {
            let video = VideoPlan(index: index, seed: 4)
            let values = synthesis.features(of: video, events: [])
            let slots = values.count / self.width
            for dimension in 0..<self.width {
                let column = stride(from: dimension, to: values.count, by: self.width).map { values[$0] }
                let first = column.prefix(slots / 2).reduce(0, +) / Float(slots / 2)
                let second = column.suffix(slots / 2).reduce(0, +) / Float(slots / 2)
                difference[dimension] += (first - second) / 12
            }
        }
        let norm = difference.reduce(Float(0)) { $0 + $1 * $1 }.squareRoot()
        // By drift and noise alone 256 dimensions give about 0.45; a shared trend of one concept would give 4.8.
        #expect(norm < 1)
    }

    private func distance(_ left: [Float], _ right: [Float]) -> Float {
        zip(left, right).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    }

    /// Each query with the mean feature of its answer window, less that of its clip, from the files.
    private func windows(_ world: WrittenWorld, _ name: String) throws -> [(query: WrittenQuery, mean: [Float])] {
        var tensors: [String: TorchFile] = [:]
        var clipMeans: [String: [Float]] = [:]
        return try world.queries(name).map { query in
            let tensor = try tensors[query.videoUID] ?? TorchFile(world.bytes("features/\(query.videoUID).pt"))
            tensors[query.videoUID] = tensor
            let base = clipMeans[query.clipUID] ?? tensor.mean(from: query.clipStart, to: query.clipEnd)
            clipMeans[query.clipUID] = base
            let mean = tensor.mean(from: try query.seconds("video_start_sec"), to: try query.seconds("video_end_sec"))
            return (query, zip(mean, base).map { $0 - $1 })
        }
    }
}

extension TorchFile {
    /// The mean of the slots of a time span, cut as the official preparation cuts: `int(seconds * 1.875)`.
    func mean(from start: Double, to end: Double) -> [Float] {
        let first = Int(start * 1.875)
        let last = min(self.rows, max(first + 1, Int(end * 1.875)))
        return (0..<self.columns).map { column in
            (first..<last).reduce(Float(0)) { $0 + self.values[$1 * self.columns + column] } / Float(last - first)
        }
    }
}
