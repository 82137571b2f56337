// SPDX-License-Identifier: Apache-2.0

public import Training

/// The way from windows to what the network takes, as far as that decides the bits.
public struct ForecastPreparation: RunSettings {
    /// The owners of the features in the files.
    public var owner = FeatureOwner.automatic
    /// The features' places in time.
    public var alignment = FeatureAlignment()
    /// The share of a weight that is added to its gradient.
    public var weightDecay = 1e-4

    private enum CodingKeys: String, CodingKey {
        case owner, alignment, weightDecay
    }

    /// The defaults.
    public init() {}

    /// Reads a preparation; what is absent has its default.
    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        self.owner = try fields.value(.owner, default: self.owner)
        self.alignment = try fields.value(.alignment, default: self.alignment)
        self.weightDecay = try fields.value(.weightDecay, default: self.weightDecay)
    }

    /// Says what is out of range, or nothing.
    public func problem() -> String? {
        if let problem = self.alignment.problem() { return problem }
        return self.weightDecay >= 0 && self.weightDecay <= 1
            ? nil : "--weight-decay is from 0 to 1, not \(self.weightDecay)"
    }

    /// Each setting as it was given, by the option that sets it.
    public var settings: [(name: String, value: String)] {
        [
            ("--layout", self.owner.rawValue), ("--stride", "\(self.alignment.stride)"),
            ("--window", "\(self.alignment.window)"), ("--rate", "\(self.alignment.rate)"),
            ("--weight-decay", "\(self.weightDecay)"),
        ]
    }
}
