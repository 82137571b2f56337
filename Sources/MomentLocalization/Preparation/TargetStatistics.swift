// SPDX-License-Identifier: Apache-2.0

/// Figures of a data set's targets. Two of them have exposed broken training data before: the share of (0, 0), which is
/// where windows without length collapse to, and the histogram of starts.
public struct TargetStatistics: Hashable, Sendable, Codable {
    /// The number of parts of a clip that starts are counted in.
    public static let parts = 16

    /// The targets counted.
    public private(set) var targets = 0
    /// Targets of the first bin alone.
    public private(set) var atOrigin = 0
    /// Targets of one bin.
    public private(set) var singleBin = 0
    /// Windows that were widened to a feature's slot.
    public private(set) var widened = 0
    /// Windows that were dropped as empty or reversed.
    public private(set) var dropped = 0
    /// Windows that were dropped since they lie outside their clip.
    public private(set) var outside = 0
    /// The targets by the part of the clip that they start in.
    public private(set) var starts = [Int](repeating: 0, count: Self.parts)

    /// Starts with nothing.
    public init() {}

    /// Counts a target.
    public mutating func add(_ target: MomentTarget, isWidened: Bool) {
        self.targets += 1
        if target.start == 0, target.end == 0 { self.atOrigin += 1 }
        if target.start == target.end { self.singleBin += 1 }
        if isWidened { self.widened += 1 }
        self.starts[min(target.start * Self.parts / max(target.bins, 1), Self.parts - 1)] += 1
    }

    /// Counts a window that was dropped.
    public mutating func add(_ refusal: MomentWindow.Refusal?) {
        if refusal == .outside { self.outside += 1 } else { self.dropped += 1 }
    }

    /// Adds the figures of others.
    public mutating func add(_ other: TargetStatistics) {
        self.targets &+= other.targets
        self.atOrigin &+= other.atOrigin
        self.singleBin &+= other.singleBin
        self.widened &+= other.widened
        self.dropped &+= other.dropped
        self.outside &+= other.outside
        for (part, count) in zip(self.starts.indices, other.starts) { self.starts[part] &+= count }
    }

    /// The figures in words, one line each.
    public var lines: [String] {
        let total = Double(max(self.targets, 1))
        func share(_ count: Int) -> String { "\(count) (\((Double(count) / total * 1000).rounded() / 10) %)" }
        let highest = max(self.starts.max() ?? 0, 1)
        let bars = self.starts.map { count in Self.bars[count * (Self.bars.count - 1) / highest] }
        return [
            "targets: \(self.targets), at bin (0,0): \(share(self.atOrigin)), of a single bin: \(share(self.singleBin))",
            "windows dropped as empty: \(self.dropped), as outside their clip: \(self.outside), widened to a feature's slot: \(self.widened)",
            "starts over the clip: \(bars.joined()) (\(self.starts.map(String.init).joined(separator: " ")))",
        ]
    }

    /// Complaints about targets that teach little, each with the knob that moves it.
    public var complaints: [String] {
        Self.complaints(targets: self.targets, atOrigin: self.atOrigin, singleBin: self.singleBin)
    }

    /// Complaints about targets of which more than half are at bin (0,0), or are a single bin.
    public static func complaints(targets: Int, atOrigin: Int, singleBin: Int) -> [String] {
        func isMost(_ count: Int) -> Bool { Double(count) > Double(targets) / 2 }
        var complaints: [String] = []
        if isMost(atOrigin) {
            complaints.append(
                "most targets are at bin (0,0), and teach nothing: --targets fixed widens windows to a slot")
        }
        if isMost(singleBin) {
            complaints.append(
                "most targets are a single bin: --max-pos-len makes bins finer, `window: { minimum-seconds: … }` in the "
                    + "topology makes windows wider")
        }
        return complaints
    }

    private static let bars = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]
}
