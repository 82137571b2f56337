// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser

/// A time to wait at most: `90`, `90s`, `10m`, `2h`.
public struct WaitLimit: ExpressibleByArgument {
    /// The time in seconds.
    public let seconds: Double

    /// A time in seconds.
    public init(seconds: Double) { self.seconds = seconds }

    /// The time as it is written.
    public var defaultValueDescription: String { "\(Int(self.seconds))s" }

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
