// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The learning rate of each step: from 0 up in a straight line over the warm-up, then down to 0 at the end.
public struct WarmupSchedule: Hashable, Sendable {
    /// The way down.
    public enum Fall: Hashable, Sendable {
        /// A straight line (huggingface/transformers: optimization.py, `get_linear_schedule_with_warmup`).
        case line
        /// Half a cosine (EGO4D/forecasting: optimizers/lr_scheduler.py, `WarmupCosineSchedule`).
        case cosine
    }

    /// The way down.
    public var fall: Fall
    /// The rate at the end of the warm-up.
    public var peak: Double
    /// The steps of the warm-up.
    public var warmupSteps: Int
    /// All steps.
    public var steps: Int

    /// Creates a schedule.
    public init(_ fall: Fall, peak: Double, warmupSteps: Int = 0, steps: Int) {
        self.fall = fall
        self.peak = peak
        self.warmupSteps = warmupSteps
        self.steps = steps
    }

    /// The rate of a step, 0 for the first.
    public func rate(_ step: Int) -> Double {
        if step < self.warmupSteps { return self.peak * Double(step) / Double(max(1, self.warmupSteps)) }
        let length = Double(max(1, self.steps - self.warmupSteps))
        switch self.fall {
        case .line: return self.peak * max(0, Double(self.steps - step) / length)
        case .cosine: return self.peak * max(0, (1 + cos(.pi * (Double(step - self.warmupSteps) / length))) / 2)
        }
    }
}
