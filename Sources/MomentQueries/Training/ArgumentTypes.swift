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
