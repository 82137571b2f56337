// SPDX-License-Identifier: Apache-2.0

internal import Codecs
internal import Records

/// Which narration a sample was made from, as far as its lineage says: what tells two runs that they are at the same
/// place in the same stream.
public struct SampleIdentity: Hashable, Sendable {
    /// The video.
    public var videoUID: String?
    /// The narration pass, 1 or 2.
    public var pass: Int?
    /// The index of the last narration that the sample is about.
    public var index: Int?

    /// Describes an identity.
    public init(videoUID: String? = nil, pass: Int? = nil, index: Int? = nil) {
        self.videoUID = videoUID
        self.pass = pass
        self.index = index
    }

    /// Reads the `lineage` of a sample: `{"video_uid": …, "pass": 1, "narrations": [3, 4], …}`.
    ///
    /// What is absent or of another type is `nil`: a shard takes samples of any schema.
    public init(sample: some Sequence<UInt8>) {
        let lineage = (try? JSONValue(parsing: sample))?["lineage"]
        self.init(
            videoUID: lineage?["video_uid"]?.string, pass: lineage?["pass"]?.int,
            index: lineage?["narrations"]?.array?.last?.int)
    }
}
