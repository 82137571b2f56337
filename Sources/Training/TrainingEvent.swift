// SPDX-License-Identifier: Apache-2.0

/// Something in a run that is worth telling.
public enum TrainingEvent<Scores: Sendable>: Sendable {
    /// The run goes on from a checkpoint, written on the machine that is named if it is another kind. On the same kind
    /// of processor it goes on with the checkpoint's core.
    case resumed(step: Int, otherMachine: MachineKind?)
    /// A segment starts.
    case segment(Segment, usable: Int)
    /// A step was taken.
    case step(TrainingStep)
    /// Some of the validation set cannot be answered, and counts as missed; a line a reason.
    case unanswerable([String])
    /// The validation set was answered.
    case validated(step: Int, Scores)
    /// A checkpoint is on the disk.
    case saved(step: Int, isBest: Bool)
}

/// The result of a step.
public struct TrainingStep: Hashable, Sendable {
    /// The number of steps taken, this one included.
    public var step: Int
    /// The losses.
    public var losses: StepLosses
    /// The norm of the gradients before clipping.
    public var gradientNorm: Float
    /// The learning rate.
    public var learningRate: Double
}

/// The end of a run.
public enum TrainingOutcome: Hashable, Sendable {
    /// All steps were taken.
    case finished
    /// It was asked to stop, and its last checkpoint is on the disk.
    case stopped
}
