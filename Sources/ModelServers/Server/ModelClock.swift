// SPDX-License-Identifier: Apache-2.0

/// Time and chance, so that a test can have its own.
public struct ModelClock: Sendable {
    /// Seconds since some moment; never goes back.
    public var now: @Sendable () -> Double
    /// Waits for some seconds; throws when cancelled.
    public var sleep: @Sendable (Double) async throws -> Void
    /// Uniform in [0, 1).
    public var random: @Sendable () -> Double

    /// Creates a clock.
    public init(
        now: @escaping @Sendable () -> Double, sleep: @escaping @Sendable (Double) async throws -> Void,
        random: @escaping @Sendable () -> Double
    ) {
        self.now = now
        self.sleep = sleep
        self.random = random
    }

    /// The machine's clock, from now on, run faster by a factor: for tests of what takes minutes.
    public static func system(speed: Double = 1) -> ModelClock {
        let clock = ContinuousClock()
        let start = clock.now
        return ModelClock(
            now: { start.duration(to: clock.now) / .seconds(1) * speed },
            sleep: { try await Task.sleep(for: .seconds(max(0, $0) / speed)) },
            random: { Double.random(in: 0..<1) })
    }
}
