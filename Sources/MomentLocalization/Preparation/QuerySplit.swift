// SPDX-License-Identifier: Apache-2.0

/// The queries of a split, in its order.
public struct QuerySplit: Hashable, Sendable {
    /// All queries, those without text included.
    public var all: [MomentQuery]
    /// The end of the last clip of each video, in seconds; of videos without queries, too.
    public var videoEnds: [String: Double]

    /// Describes a split.
    public init(_ all: [MomentQuery], videoEnds: [String: Double]) {
        self.all = all
        self.videoEnds = videoEnds
    }

    /// The queries with text. White space is text, as the official code has it; training passes such queries over.
    public var queries: [MomentQuery] { self.all.filter(\.hasText) }
}
