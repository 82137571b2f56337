// SPDX-License-Identifier: Apache-2.0

/// The samples that all arms pre-train on: those windows that every set of shards has a query for, in one order, so
/// that arms differ in the text alone.
public struct SharedSamples: Sendable {
    /// The queries by set, each list in the same order.
    public var queries: [String: [MomentQuery]] = [:]
    /// The windows that not all sets have.
    public private(set) var dropped = 0

    private struct Window: Hashable {
        var video: String
        var clip: String
        var start: Double
        var end: Double

        init(_ query: MomentQuery) {
            self.video = query.videoUID
            self.clip = query.clipUID
            self.start = ((query.answer?.start ?? 0) * 1000).rounded()
            self.end = ((query.answer?.end ?? 0) * 1000).rounded()
        }
    }

    /// Finds what sets have in common.
    public init(_ sets: [String: [MomentQuery]]) {
        var byWindow: [String: [Window: MomentQuery]] = [:]
        for (name, queries) in sets {
            byWindow[name] = Dictionary(queries.map { (Window($0), $0) }, uniquingKeysWith: { first, _ in first })
        }
        let all = byWindow.values.map { Set($0.keys) }
        let shared = all.dropFirst().reduce(all.first ?? []) { $0.intersection($1) }
        self.dropped = all.reduce(Set()) { $0.union($1) }.count - shared.count
        let ordered = shared.sorted {
            ($0.video, $0.clip, $0.start, $0.end) < ($1.video, $1.clip, $1.start, $1.end)
        }
        for (name, queries) in byWindow { self.queries[name] = ordered.compactMap { queries[$0] } }
    }
}
