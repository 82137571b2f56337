// SPDX-License-Identifier: Apache-2.0

/// The windows that a model answers a query with, best first.
public struct QueryPrediction: Hashable, Sendable {
    /// The clip.
    public var clipUID: String
    /// The annotation.
    public var annotationUID: String
    /// The query's place in the annotation.
    public var queryIndex: Int
    /// The windows, in seconds from the clip's start.
    public var windows: [MomentQuery.Answer]

    /// Describes a prediction.
    public init(clipUID: String, annotationUID: String, queryIndex: Int, windows: [MomentQuery.Answer]) {
        self.clipUID = clipUID
        self.annotationUID = annotationUID
        self.queryIndex = queryIndex
        self.windows = windows
    }
}
