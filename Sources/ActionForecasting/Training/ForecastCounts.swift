// SPDX-License-Identifier: Apache-2.0

public import Training

/// A reason to pass over a window.
public enum SkippedWindow: String, CaseIterable, Hashable, Sendable, Codable, CodingKeyRepresentable {
    /// It is no JSON object, or a field is missing.
    case malformed
    /// The actions that follow are not told: a test split's.
    case untold = "without actions to learn"
    /// It has another number of inputs or futures than the network.
    case otherSize = "of another size"
    /// Its labels are places in another taxonomy.
    case otherTaxonomy = "of another taxonomy"
    /// A label is beyond the taxonomy.
    case unknownLabel = "with a label beyond the taxonomy"
    /// There is no file for its clip or video.
    case withoutFeatures = "without features"
    /// There is no file of pixels for its clip.
    case withoutPixels = "without pixels"
    /// The features end before a segment does.
    case shortFeatures = "with features that end before the segment"
    /// The video's features are there, and nobody says where in it the clip begins.
    case unplaced = "of a clip without a place in its video"

    /// The reason that a gap is.
    public init(_ gap: SegmentFeatures.Gap) {
        switch gap {
        case .missing: self = .withoutFeatures
        case .short: self = .shortFeatures
        case .unplaced: self = .unplaced
        }
    }
}

/// Counts of windows: those that are trained on, and those passed over by reason.
public struct ForecastCounts: SampleCounts {
    /// The windows that are trained on.
    public private(set) var taken = 0
    /// The windows passed over, by reason.
    public private(set) var skipped: [SkippedWindow: Int] = [:]

    /// Nothing counted.
    public init() {}

    /// Counts a window that is trained on.
    /// - Returns: `true`.
    public mutating func take() -> Bool {
        self.taken += 1
        return true
    }

    /// Counts a window that is passed over.
    /// - Returns: `false`.
    public mutating func skip(_ reason: SkippedWindow) -> Bool {
        self.skipped[reason, default: 0] += 1
        return false
    }

    /// Adds what was counted elsewhere.
    public mutating func add(_ other: ForecastCounts) {
        self.taken &+= other.taken
        self.skipped.merge(other.skipped, uniquingKeysWith: &+)
    }

    /// The windows passed over, in words.
    public var omissions: String {
        self.skipped.sorted { $0.key.rawValue < $1.key.rawValue }.map { "\($0.value) \($0.key.rawValue)" }
            .joined(separator: ", ")
    }
}
