// SPDX-License-Identifier: Apache-2.0

public import Training

/// Decides which samples are trained on, wherever they come from, and counts them all.
public struct SampleSelection {
    private let features: FeatureStore
    private let rule: TargetRule

    /// Passes over what has no features, or no target by the rule.
    public init(features: FeatureStore, rule: TargetRule) {
        self.features = features
        self.rule = rule
    }

    /// Counts a line that holds no sample.
    /// - Returns: `false`.
    public func refuse(counting counts: inout MomentCounts) -> Bool { counts.skip(.malformed) }

    /// A hash of all that the selection depends on beside the queries: the features that are there, and the rule.
    public func key() throws(TrainingError) -> String { try self.features.digest(self.rule.rawValue) }

    /// Tells whether a sample is trained on, and counts it.
    /// - Throws: `TensorFileError` where features are damaged.
    public func take(_ query: MomentQuery, counting counts: inout MomentCounts) throws -> Bool {
        if query.isBlank { return counts.skip(.blankQuery) }
        let (grid, gap) = try self.features.grid(of: query)
        guard let grid else { return counts.skip(SkippedSample(gap ?? .missing)) }
        guard let answer = query.answer else { return counts.skip(.withoutAnswer) }
        guard
            let window = MomentWindow(
                start: answer.start, end: answer.end, duration: grid.duration, clipLength: query.clipLength,
                rule: self.rule)
        else {
            let refusal = MomentWindow.refusal(start: answer.start, end: answer.end, clipLength: query.clipLength)
            counts.statistics.add(refusal)
            return counts.skip(SkippedSample(refusal ?? .empty))
        }
        counts.statistics.add(MomentTarget(window, grid: grid), isWidened: window.isWidened)
        return true
    }
}

extension SkippedSample {
    fileprivate init(_ gap: FeatureStore.Gap) {
        switch gap {
        case .missing: self = .withoutFeatures
        case .short: self = .shortFeatures
        case .noClip: self = .noClip
        }
    }

    fileprivate init(_ refusal: MomentWindow.Refusal) {
        switch refusal {
        case .empty: self = .emptyWindow
        case .reversed: self = .reversedWindow
        case .outside: self = .outsideClip
        }
    }

    /// Counts by reason, in words: `3 features end before the clip, 1 without features`.
    static func words(_ skipped: [SkippedSample: Int]) -> String {
        skipped.sorted { $0.key.rawValue < $1.key.rawValue }.map { "\($0.value) \($0.key.rawValue)" }
            .joined(separator: ", ")
    }
}

/// Queries that cannot be answered, since the features of their clips are not there.
public struct QueryGaps: Hashable, Sendable {
    /// The queries, by reason.
    public private(set) var counts: [FeatureStore.Gap: Int] = [:]
    private var clips: [FeatureStore.Gap: [String]] = [:]

    private static let clipsNamed = 3

    /// No gaps.
    public init() {}

    /// Looks for the features of queries.
    /// - Throws: `TensorFileError` where a file is damaged.
    init(_ queries: [MomentQuery], features: FeatureStore) throws {
        for query in queries {
            if let gap = try features.grid(of: query).gap { self.add(query, gap) }
        }
    }

    mutating func add(_ query: MomentQuery, _ gap: FeatureStore.Gap) {
        self.counts[gap, default: 0] += 1
        if self.clips[gap]?.last != query.clipUID { self.clips[gap, default: []].append(query.clipUID) }
    }

    /// The number of queries.
    public var total: Int { self.counts.values.reduce(0, +) }

    /// The queries in words, a line a reason: `3 queries without features of their clip or video (clip a)`.
    public var lines: [String] {
        FeatureStore.Gap.allCases.compactMap { gap in
            guard let count = self.counts[gap], let clips = self.clips[gap] else { return nil }
            let distinct = clips.reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
            let rest = distinct.count - Self.clipsNamed
            let names = distinct.prefix(Self.clipsNamed).joined(separator: ", ") + (rest > 0 ? " and \(rest) more" : "")
            return
                "\(count) \(count == 1 ? "query" : "queries") \(gap.words) (\(distinct.count == 1 ? "clip" : "clips") "
                + names + ")"
        }
    }
}
