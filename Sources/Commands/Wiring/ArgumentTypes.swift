// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
public import MomentLocalization

extension VSLNetConfiguration.Predictor: ExpressibleByArgument {}

extension VSLNetConfiguration.Architecture: ExpressibleByArgument {
    /// `vslnet` or `vslbase`.
    public init?(argument: String) {
        guard let known = Self.allCases.first(where: { $0.rawValue.lowercased() == argument.lowercased() }) else {
            return nil
        }
        self = known
    }

    /// The values that may be given.
    public static var allValueStrings: [String] { self.allCases.map { $0.rawValue.lowercased() } }
}

extension FeatureLayout: ExpressibleByArgument {}
extension TargetRule: ExpressibleByArgument {}

/// A time to wait at most: `90`, `90s`, `10m`, `2h`.
public struct WaitLimit: ExpressibleByArgument {
    /// The time in seconds.
    public let seconds: Double

    /// Reads a number with a unit, or one of seconds.
    public init?(argument: String) {
        let units: [Character: Double] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
        let unit = argument.last.flatMap { units[$0] }
        guard let count = Double(unit == nil ? argument[...] : argument.dropLast()), (0...1e9).contains(count) else {
            return nil
        }
        self.seconds = count * (unit ?? 1)
    }
}
