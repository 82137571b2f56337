// SPDX-License-Identifier: Apache-2.0

public import Codecs

/// The benchmarks of Ego4D that have a validation or a test set of their own, and which of these a video is in.
///
/// `ego4d.json` says for each video its `split_em`, `split_fho`, `split_av` and `split_goalstep`. A video that none of
/// them holds out, as validation or as test, is free for training.
public struct Ego4DSplits: Hashable, Sendable {
    /// The sets that hold the video out, such as `em_val`; empty where it is free.
    public let heldOut: [String]

    private static let benchmarks = ["em", "fho", "av", "goalstep"]

    /// Reads a video of the metadata. A benchmark that it does not name holds nothing out.
    public init(_ video: JSONValue) {
        self.heldOut = Self.benchmarks.compactMap { benchmark in
            guard let split = video["split_\(benchmark)"]?.string, split == "val" || split == "test" else { return nil }
            return "\(benchmark)_\(split)"
        }
    }

    /// The names of the sets that the video is in: `train` where it is free.
    public var names: [String] { self.heldOut.isEmpty ? ["train"] : self.heldOut }

    /// The part of the data set that the video is kept for: a test set goes before a validation set.
    public var split: SourceSplit {
        if self.heldOut.isEmpty { return .train }
        return self.heldOut.contains { $0.hasSuffix("_test") } ? .test : .val
    }

    /// Tells whether a video of the metadata names any benchmark at all.
    static func isNamed(in video: JSONValue) -> Bool {
        self.benchmarks.contains { video["split_\($0)"] != nil }
    }
}
