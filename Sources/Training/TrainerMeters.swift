// SPDX-License-Identifier: Apache-2.0

public import CoreMetrics
import Records
import Synchronization
public import Telemetry

/// The metrics and figures of a trainer, from the events of its run.
///
/// A step takes milliseconds at least; what is done here for one takes microseconds.
public final class TrainerMeters: Sendable {
    private struct State {
        var figures: TrainerFigures
        var curve: LossCurve
        var losses: [String: Meter] = [:]
        var scores: [String: Meter] = [:]
        /// The steps before this process, and its first step's time.
        var first: (step: Int, time: ContinuousClock.Instant)?
        var isWaiting = false
    }

    private let labels: [String: String]
    private let factory: any MetricsFactory
    private let batchSize: Int
    private let steps: Counter
    private let samples: Counter
    private let step: Meter
    private let stepsPlanned: Meter
    private let gradientNorm: Meter
    private let learningRate: Meter
    private let usable: Meter
    private let checkpoints: Counter
    private let visible: Recorder
    private let waiting: Meter
    private let state: Mutex<State>

    /// The metrics of a run.
    /// - Parameters:
    ///   - trainer: its command.
    ///   - set: the set that it trains on.
    ///   - steps: the steps that it will have.
    ///   - batchSize: the samples of a step.
    ///   - factory: the backend; by default the one that swift-metrics was bootstrapped with.
    public init(trainer: String, set: String, steps: Int, batchSize: Int, factory: (any MetricsFactory)? = nil) {
        let factory = factory ?? MetricsSystem.factory
        let labels = ["trainer": trainer, "set": set]
        self.labels = labels
        self.factory = factory
        self.batchSize = batchSize
        self.steps = MetricDefinition.trainerSteps.counter(labels, in: factory)
        self.samples = MetricDefinition.trainerSamples.counter(labels, in: factory)
        self.step = MetricDefinition.trainerStep.gauge(labels, in: factory)
        self.stepsPlanned = MetricDefinition.trainerStepsPlanned.gauge(labels, in: factory)
        self.gradientNorm = MetricDefinition.trainerGradientNorm.gauge(labels, in: factory)
        self.learningRate = MetricDefinition.trainerLearningRate.gauge(labels, in: factory)
        self.usable = MetricDefinition.trainerUsable.gauge(labels, in: factory)
        self.checkpoints = MetricDefinition.trainerCheckpoints.counter(labels, in: factory)
        self.visible = MetricDefinition.trainerVisibleSeconds.histogram(labels, in: factory)
        self.waiting = MetricDefinition.trainerWaiting.gauge(labels, in: factory)
        var figures = TrainerFigures(name: trainer, set: set)
        figures.steps = steps
        self.state = Mutex(State(figures: figures, curve: LossCurve(pointsMax: TrainerFigures.pointsMax)))
        self.stepsPlanned.set(steps)
        self.waiting.set(0)
    }

    /// The figures as they are now.
    public var figures: TrainerFigures {
        self.state.withLock { state in
            var figures = state.figures
            figures.curve = state.curve.points
            return figures
        }
    }

    /// Takes an event of the run.
    public func take(_ event: TrainingEvent<some ValidationScores>) {
        switch event {
        case .resumed(let step, _):
            self.state.withLock { $0.figures.step = step }
            self.step.set(step)
        case .segment(_, let usable):
            self.state.withLock { $0.figures.usable = usable }
            self.usable.set(usable)
        case .step(let step): self.take(step)
        case .unanswerable: break
        case .validated(let step, let scores): self.take(scores.figures, step: step)
        case .saved(let step, _):
            self.state.withLock { $0.figures.savedAt = step }
            self.checkpoints.increment()
        }
    }

    private func take(_ step: TrainingStep) {
        self.steps.increment()
        self.samples.increment(by: self.batchSize)
        self.step.set(step.step)
        self.gradientNorm.set(Double(step.gradientNorm))
        self.learningRate.set(step.learningRate)
        let losses = [("total", step.losses.total)] + step.losses.parts.map { ($0.name, $0.value) }
        let wasWaiting = self.state.withLock { state in
            let now = ContinuousClock.now
            let first = state.first ?? (step.step - 1, now)
            state.first = first
            let seconds = (now - first.time) / .nanoseconds(1) / 1e9
            if seconds > 0 {
                // The first step's time is not in it.
                state.figures.samplesPerSecond = Double((step.step - first.step - 1) * self.batchSize) / seconds
            }
            state.figures.step = step.step
            state.figures.losses =
                losses.map { TrainerFigures.Figure($0.0, $0.1) } + [
                    .init("gradient norm", Double(step.gradientNorm)), .init("learning rate", step.learningRate),
                ]
            state.curve.add(step: step.step, step.losses.total)
            for (name, value) in losses {
                let meter =
                    state.losses[name]
                    ?? MetricDefinition.trainerLoss.gauge(
                        self.labels.merging(["loss": name]) { $1 }, in: self.factory)
                state.losses[name] = meter
                meter.set(value)
            }
            defer { state.isWaiting = false }
            return state.isWaiting
        }
        if wasWaiting { self.waiting.set(0) }
    }

    private func take(_ scores: [ScoreFigure], step: Int) {
        self.state.withLock { state in
            state.figures.scores = scores.map { TrainerFigures.Figure($0.key, $0.value) }
            state.figures.scoredAt = step
            for score in scores {
                let meter =
                    state.scores[score.key]
                    ?? MetricDefinition.trainerScore.gauge(
                        self.labels.merging(["score": score.key]) { $1 }, in: self.factory)
                state.scores[score.key] = meter
                meter.set(score.value)
            }
        }
    }

    /// A shard was first seen, so long after its commit.
    public func saw(afterSeconds seconds: Double) {
        self.visible.record(max(0, seconds))
        self.state.withLock { $0.figures.visibleSeconds = max(0, seconds) }
    }

    /// It waits for shards; the next step ends that.
    public func waits() {
        self.state.withLock { $0.isWaiting = true }
        self.waiting.set(1)
    }
}

/// A curve of at most so many points over a run of any length: when it is full, each second point goes, and from then
/// on each second value is taken. Pure.
struct LossCurve {
    private let pointsMax: Int
    private var stride = 1
    private(set) var points: [TrainerFigures.Point] = []

    init(pointsMax: Int) { self.pointsMax = max(2, pointsMax) }

    mutating func add(step: Int, _ value: Double) {
        guard value.isFinite, step % self.stride == 0 else { return }
        if self.points.count >= self.pointsMax {
            self.stride *= 2
            self.points = self.points.filter { $0.step % self.stride == 0 }
            guard step % self.stride == 0 else { return }
        }
        self.points.append(.init(step: step, value: value))
    }
}
