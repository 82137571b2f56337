// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The learning rate of each step: from 0 up over the warm-up, then down to 0 at the end, in straight lines
/// (huggingface/transformers: optimization.py, `get_linear_schedule_with_warmup`).
public struct LinearSchedule: Hashable, Sendable, Codable {
    /// The rate at the end of the warm-up.
    public var peak: Double
    /// The steps of the warm-up.
    public var warmupSteps: Int
    /// All steps.
    public var steps: Int

    /// Creates a schedule.
    public init(peak: Double, warmupSteps: Int = 0, steps: Int) {
        self.peak = peak
        self.warmupSteps = warmupSteps
        self.steps = steps
    }

    /// The rate of a step, 0 for the first.
    public func rate(_ step: Int) -> Double {
        if step < self.warmupSteps { return self.peak * Double(step) / Double(max(1, self.warmupSteps)) }
        return self.peak * max(0, Double(self.steps - step) / Double(max(1, self.steps - self.warmupSteps)))
    }
}

/// The learning rate of each step: from 0 up in a straight line over the warm-up, then down to 0 along half a cosine
/// (EGO4D/forecasting: optimizers/lr_scheduler.py, `WarmupCosineSchedule`).
public struct CosineSchedule: Hashable, Sendable, Codable {
    /// The rate at the end of the warm-up.
    public var peak: Double
    /// The steps of the warm-up.
    public var warmupSteps: Int
    /// All steps.
    public var steps: Int

    /// Creates a schedule.
    public init(peak: Double, warmupSteps: Int = 0, steps: Int) {
        self.peak = peak
        self.warmupSteps = warmupSteps
        self.steps = steps
    }

    /// The rate of a step, 0 for the first.
    public func rate(_ step: Int) -> Double {
        if step < self.warmupSteps { return self.peak * Double(step) / Double(max(1, self.warmupSteps)) }
        let share = Double(step - self.warmupSteps) / Double(max(1, self.steps - self.warmupSteps))
        return self.peak * max(0, (1 + cos(.pi * share)) / 2)
    }
}
