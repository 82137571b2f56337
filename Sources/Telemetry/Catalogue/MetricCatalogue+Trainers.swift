// SPDX-License-Identifier: Apache-2.0

extension MetricDefinition {
    private static let trainer = ["trainer", "set"]

    /// Steps taken.
    public static let trainerSteps = MetricDefinition(
        "millrace_trainer_steps_total", .counter, in: "steps", by: Self.trainer, "Steps taken.")
    /// Samples trained on.
    public static let trainerSamples = MetricDefinition(
        "millrace_trainer_samples_total", .counter, in: "samples", by: Self.trainer,
        "Samples trained on, each as often as it was drawn.")
    /// The step it stands at.
    public static let trainerStep = MetricDefinition(
        "millrace_trainer_step", .gauge, in: "steps", by: Self.trainer, "Steps of the run so far, resumed ones too.")
    /// The last step.
    public static let trainerStepsPlanned = MetricDefinition(
        "millrace_trainer_steps_planned", .gauge, in: "steps", by: Self.trainer, "Steps that the run will have.")
    /// Losses.
    public static let trainerLoss = MetricDefinition(
        "millrace_trainer_loss", .gauge, in: "–", by: Self.trainer + ["loss"],
        "Losses of the last step: `total`, and its parts by name.")
    /// The norm of the gradients.
    public static let trainerGradientNorm = MetricDefinition(
        "millrace_trainer_gradient_norm", .gauge, in: "–", by: Self.trainer,
        "Norm of the last step's gradients before clipping.")
    /// The learning rate.
    public static let trainerLearningRate = MetricDefinition(
        "millrace_trainer_learning_rate", .gauge, in: "–", by: Self.trainer, "Learning rate of the last step.")
    /// Scores of validation.
    public static let trainerScore = MetricDefinition(
        "millrace_trainer_score", .gauge, in: "–", by: Self.trainer + ["score"],
        "Scores of the last validation by name: recall, mean IoU.")
    /// Samples that may be drawn.
    public static let trainerUsable = MetricDefinition(
        "millrace_trainer_samples_usable", .gauge, in: "samples", by: Self.trainer,
        "Samples of the set that training draws from.")
    /// Checkpoints written.
    public static let trainerCheckpoints = MetricDefinition(
        "millrace_trainer_checkpoints_total", .counter, in: "checkpoints", by: Self.trainer, "Checkpoints written.")
    /// From the commit of a shard until the trainer sees it.
    public static let trainerVisibleSeconds = MetricDefinition(
        "millrace_trainer_visible_seconds", .histogram, in: "seconds", by: Self.trainer,
        bounds: [0.05, 0.1, 0.25, 0.5, 1, 1.5, 2, 3, 5, 10, 30, 60],
        "Time from the commit of a shard until the trainer sees it.")
    /// Tells whether it waits for shards.
    public static let trainerWaiting = MetricDefinition(
        "millrace_trainer_waiting", .gauge, in: "0 or 1", by: Self.trainer, "Whether it waits for shards.")
}

extension MetricCatalogue {
    static let trainers: [MetricDefinition] = [
        .trainerSteps, .trainerSamples, .trainerStep, .trainerStepsPlanned, .trainerLoss, .trainerGradientNorm,
        .trainerLearningRate, .trainerScore, .trainerUsable, .trainerCheckpoints, .trainerVisibleSeconds,
        .trainerWaiting,
    ]
}
