// SPDX-License-Identifier: Apache-2.0

/// The mean of paired differences and its 95 % confidence interval, by Student's distribution.
public struct PairedDifference: Hashable, Sendable {
    /// The mean.
    public var mean: Double
    /// Its standard error; zero of one pair, which has none.
    public var standardError: Double
    /// Half the width of the interval.
    public var halfWidth: Double

    /// The 0.975 quantiles of Student's distribution, from one degree of freedom on.
    private static let quantiles = [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    ]

    /// Compares two lists, pair by pair.
    public init(_ values: [Double], minus others: [Double]) {
        let differences = zip(values, others).map { $0 - $1 }
        let count = Double(differences.count)
        let mean = differences.isEmpty ? 0 : differences.reduce(0, +) / count
        let squares = differences.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        let freedom = differences.count - 1
        self.mean = mean
        self.standardError = freedom < 1 ? 0 : (squares / (count - 1) / count).squareRoot()
        let quantile = freedom < 1 ? 0 : freedom <= Self.quantiles.count ? Self.quantiles[freedom - 1] : 1.96
        self.halfWidth = self.standardError * quantile
    }
}
