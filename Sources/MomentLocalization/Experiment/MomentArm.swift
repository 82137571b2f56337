// SPDX-License-Identifier: Apache-2.0

import NeuralNetworks
public import Training

/// One way of training a network that localizes moments.
public struct MomentArm: ExperimentArm {
    /// The arm's name.
    public var name: String
    /// The shard set to pre-train on; `nil`: from scratch, in as many steps as pre-training and fine-tuning have
    /// together.
    public var shards: String?
    /// The most that targets are widened in pre-training.
    public var jitter: Double?
    /// The way in which data is spoilt on purpose.
    public var control: Control?

    /// Says whether the jitter is out of range.
    public func problem() -> String? {
        guard let jitter, !(1...100).contains(jitter) else { return nil }
        return "the jitter of arm \"\(self.name)\" is from 1 (off) to 100, not \(jitter)"
    }

    /// A way to spoil the data on purpose. A score that survives it was not won by what it claims.
    public enum Control: String, Hashable, Sendable, Codable, CaseIterable {
        /// Each video has another video's features, in training and in testing.
        case swappedFeatures = "swapped-features"
        /// All queries are the same, in training and in testing.
        case blankQueries = "blank-queries"
        /// In pre-training the windows of a clip are dealt anew among its queries.
        case permutedWindows = "permuted-windows"

        /// Reads a control's name.
        public init(from decoder: any Decoder) throws {
            let name = try decoder.singleValueContainer().decode(String.self)
            guard let control = Self(rawValue: name) else {
                throw PlainDecoder.Problem(
                    "\"\(name)\" is no control; there are " + Self.allCases.map(\.rawValue).joined(separator: ", "))
            }
            self = control
        }
    }
}

extension MomentArm.Control {
    /// Spoils queries, the same way for the same seed.
    /// - Parameter isPretraining: windows are dealt anew in pre-training alone.
    func spoil(_ queries: [MomentQuery], isPretraining: Bool, seed: UInt64) -> [MomentQuery] {
        switch self {
        case .swappedFeatures: return queries
        case .blankQueries:
            return queries.map { query in
                var blank = query
                blank.sentence = "?"
                return blank
            }
        case .permutedWindows:
            guard isPretraining else { return queries }
            var spoilt = queries
            let clips = Dictionary(grouping: queries.indices, by: { queries[$0].clipUID })
            for (number, places) in clips.sorted(by: { $0.key < $1.key }).map(\.value).enumerated() {
                let deal = Permutation(count: places.count, key: seed, stream: UInt32(truncatingIfNeeded: number))
                for (turn, place) in places.enumerated() { spoilt[place].answer = queries[places[deal[turn]]].answer }
            }
            return spoilt
        }
    }

    /// The stand-ins for features: each video has those of the one that is next in length, so that the features reach
    /// as far as its clips do, and a low score does not come from clips without any. The longest has the shortest's.
    /// - Parameter ends: how far each video is asked about, in seconds.
    static func standIns(_ ends: [String: Double]) -> [String: String] {
        let sorted = ends.sorted { ($0.value, $0.key) < ($1.value, $1.key) }.map(\.key)
        guard sorted.count > 1 else { return [:] }
        return Dictionary(uniqueKeysWithValues: zip(sorted, sorted.dropFirst() + sorted.prefix(1)))
    }
}
